/** A login attempt as the throttle counts it: digests in the place of names and secrets. */

import type { LoginAttempt } from '../login-limits.ts'
import { digest, secretDigest } from './digest.ts'
import { networkOf } from './network.ts'

export interface Guess {
  /** The account, or the name where no backend knows it. */
  readonly account: string
  /** See {@link nameDigest}. */
  readonly name: string
  readonly network: string
  readonly password: string
  /** The password for this account, as long as the account has the one that it has now. */
  readonly secret: string
}

/**
 * @param isScoped whether the same secret from another network is another one: a refusal from memory comes
 *   sooner than another, and must tell nobody what somebody else has mistyped
 */
export function guessReader(isScoped: boolean): (attempt: LoginAttempt) => Guess {
  const digestOfSecret = secretDigest()
  return ({ account, address, username, passwordStamp, password }) => {
    const text = password.reveal()
    const network = networkOf(address)
    const who =
      account === undefined ? digest('unknown name', nobody(username)) : digest('account', account)
    return {
      account: who,
      name: nameDigest(username),
      network,
      password: digestOfSecret(text),
      secret: digestOfSecret(who, isScoped ? network : '', passwordStamp, text),
    }
  }
}

/** Of a name as typed, before anybody knows whose it is. */
export function nameDigest(username: string): string {
  return digest('login name', fold(username))
}

/** What a directory would take for the same name. Active Directory takes any domain in front of it. */
function fold(username: string): string {
  return username.normalize('NFKC').trim().toLowerCase().replace(/^.*\\/, '')
}

/** All names of one person have one budget; so must all names that only look like those of one. */
function nobody(username: string): string {
  return fold(username).replace(/@.*$/, '')
}

/** From docker_auth's users to the lines of an htpasswd file. */

import { isWeak, readPasswordHash } from '../../authentication/password/password-hash.ts'
import type { AuthConfig, AuthUser } from './auth-config.ts'
import type { Change } from './change.ts'
import { isCarriedName } from './surroundings.ts'

/** Who stays out, why, and whether they could sign in before. */
interface Left {
  readonly reason: string
  readonly couldSignIn: boolean
}

/** Those that can be carried over; the others are told. No message holds a hash. */
export function usersOf({ users = new Map() }: AuthConfig) {
  const lines: string[] = []
  const names: string[] = []
  const changes: Change[] = []
  for (const [name, user] of users) {
    // Who does not sign in has a word of their own in rules.
    if (name === '' && user.password === undefined) continue
    const shown = `user ${JSON.stringify(name)} (line ${user.line})`
    const left = whyLeft(name, user)
    if (left !== undefined) {
      const kind = left.couldSignIn ? 'less' : 'note'
      changes.push({ kind, user: name, message: `${shown} is not carried over: ${left.reason}` })
      continue
    }
    const { password = '' } = user
    names.push(name)
    lines.push(`${name}:${password}`)
    const hash = readPasswordHash(password)
    if (hash.kind !== 'unusable' && isWeak(hash)) {
      const message = `the password hash of ${shown} is quick to guess against; set a new one`
      changes.push({ kind: 'note', user: name, message })
    }
  }
  return { lines, names, changes }
}

function whyLeft(name: string, { password }: AuthUser): Left | undefined {
  if (name === '') {
    const reason = 'it has no name but a password; who does not sign in was refused'
    return { reason, couldSignIn: false }
  }
  if (password === undefined) {
    const reason =
      'docker_auth takes every password for it; give it one, or use "anonymous" in rules'
    return { reason, couldSignIn: true }
  }
  if (!isCarriedName(name)) return { reason: 'rules cannot name it', couldSignIn: true }
  const hash = readPasswordHash(password)
  if (hash.kind === 'bcrypt') return undefined
  const reason =
    hash.kind === 'unusable' ? hash.reason : 'docker_auth knows no hashes but those of bcrypt'
  // It may know a bcrypt hash that is too much work for us.
  return { reason, couldSignIn: password.startsWith('$2') }
}

/** The login that binds with what was typed, and reads the entry as the person. */

import type { Password } from '../../protocol/credentials.ts'
import type { Candidate } from '../authenticator.ts'
import { isPersonName } from '../person-name.ts'
import { type Obstacle, readRefusal } from './account-state.ts'
import type { DirectorySession } from './directory-session.ts'
import { escapeDnValue, lowerAscii, parseDistinguishedName } from './distinguished-name.ts'
import type { KnownPerson } from './known-person.ts'
import { findEntry, readEntry } from './person.ts'
import type { LoginParts } from './search-login.ts'

/**
 * There is nobody to ask before the password is there, so it owns every name that could be one. The
 * name as typed, in lower case, is then what limits go by: a template must make of two names two people.
 * `{user}@domain` does not in Active Directory, and is refused for it when the configuration is read.
 */
export class DirectLogin {
  readonly #parts: LoginParts
  readonly #template: string
  readonly #isDn: boolean

  /** @throws TypeError where what is bound would be the bare name: ldapts takes some for SASL mechanisms */
  constructor(parts: LoginParts, template: string) {
    if (!/[=@\\]/.test(template))
      throw new TypeError('the template is no DN, user@domain or DOMAIN\\user')
    this.#parts = parts
    this.#template = template
    this.#isDn = parseDistinguishedName(template.replace('{user}', 'user')) !== undefined
  }

  async find(typed: string): Promise<Candidate | undefined> {
    const name = lowerAscii(typed)
    if (!isPersonName(name)) return undefined
    const { logins, reader } = this.#parts
    const known = logins.person(name)
    const remembers = (password: Password) =>
      known !== undefined && known.obstacle === undefined && logins.remembers(name, '', password)
    return {
      account: name,
      passwordStamp: '',
      verify: async (password) => {
        if (known !== undefined && remembers(password)) {
          return { ...reader.accepted(known), isRemembered: true }
        }
        const result = await logins.share(name, password, () => this.#check(name, password))
        return 'person' in result ? reader.accepted(result) : reader.rejected(result)
      },
      release: async () => {},
    }
  }

  async #check(name: string, password: Password): Promise<KnownPerson | Obstacle> {
    const { logins, servers } = this.#parts
    const { session } = await servers.open(async () => undefined)
    try {
      const boundAt = performance.now()
      const result = await this.#bind(session, name, password)
      const isKnown = 'person' in result
      if (isKnown && result.obstacle === undefined) {
        logins.keepPerson(name, result, result.readAt)
        logins.keepPassword(name, '', password, boundAt)
        return result
      }
      logins.forgetPassword(name, password)
      return isKnown && result.obstacle !== undefined ? result.obstacle : result
    } finally {
      await session.close()
    }
  }

  async #bind(
    session: DirectorySession,
    name: string,
    password: Password,
  ): Promise<KnownPerson | Obstacle> {
    const { settings, reader } = this.#parts
    const bindName = this.#template.replace('{user}', () =>
      this.#isDn ? escapeDnValue(name) : name,
    )
    const refusal = await session.bind(bindName, password)
    if (refusal !== undefined) return readRefusal(refusal, settings.accountState)
    const readAt = performance.now()
    const found = this.#isDn
      ? await readEntry(session, settings, bindName)
      : await findEntry(session, settings, name)
    if (found.kind === 'nobody') {
      return { reason: 'no entry fits user.base and user.filter', isWrongPassword: false }
    }
    const known = await reader.read(session, name, found, readAt)
    if (!('person' in known)) return known.obstacle
    if (this.#isDn) return known
    // Another person's user principal name may be alice@…: only a bind by its DN proves that the
    // password belongs to the entry that was found.
    const second = await session.bind(known.person.dn, password)
    return second === undefined ? known : readRefusal(second, settings.accountState)
  }
}

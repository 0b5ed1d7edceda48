/** The login that looks for the person first, with an identity of our own, and binds as them then. */

import type { Password } from '../../protocol/credentials.ts'
import type { Accepted, Candidate, Rejected } from '../authenticator.ts'
import { type Obstacle, readRefusal } from './account-state.ts'
import type { DirectoryServers, DirectorySession } from './directory-session.ts'
import type { KnownPerson, PersonReader, UnusableEntry } from './known-person.ts'
import { findEntry } from './person.ts'
import { bindSearchAccount } from './search-account.ts'
import type { LdapBind, LdapSettings } from './settings.ts'
import type { VerifiedLogins } from './verified-logins.ts'

export interface LoginParts {
  readonly settings: LdapSettings
  readonly servers: DirectoryServers
  readonly reader: PersonReader
  readonly logins: VerifiedLogins<KnownPerson>
}

/** What a search found, and the connection that it was made on, for whoever binds on it first. */
class Lookup {
  readonly found: Promise<KnownPerson | UnusableEntry | undefined>
  #session: DirectorySession | undefined
  #holders = 0

  constructor(
    open: () => Promise<{
      readonly session: DirectorySession
      readonly result: KnownPerson | UnusableEntry | undefined
    }>,
  ) {
    this.found = open().then(({ session, result }) => {
      this.#session = session
      return result
    })
  }

  hold(): void {
    this.#holders += 1
  }

  take(): DirectorySession | undefined {
    const session = this.#session
    this.#session = undefined
    return session
  }

  async letGo(): Promise<void> {
    this.#holders -= 1
    if (this.#holders === 0) await this.take()?.close()
  }
}

export class SearchLogin {
  readonly #parts: LoginParts
  readonly #bind: Extract<LdapBind, { kind: 'search' }>
  readonly #lookups = new Map<string, Lookup>()

  constructor(parts: LoginParts, bind: Extract<LdapBind, { kind: 'search' }>) {
    this.#parts = parts
    this.#bind = bind
  }

  /** @throws DirectoryFailure, as do the methods of what it returns */
  async find(name: string): Promise<Candidate | undefined> {
    const known = this.#parts.logins.person(name)
    if (known !== undefined) return this.#candidate(name, known, undefined)
    const lookup = this.#lookUp(name)
    lookup.hold()
    try {
      const found = await lookup.found
      if (found !== undefined && 'person' in found) return this.#candidate(name, found, lookup)
      await lookup.letGo()
      return found === undefined ? undefined : this.#unusable(found)
    } catch (error) {
      await lookup.letGo()
      throw error
    }
  }

  /** Those who ask for the same name at the same time share one search. */
  #lookUp(name: string): Lookup {
    const running = this.#lookups.get(name)
    if (running !== undefined) return running
    const { servers, settings, reader } = this.#parts
    const lookup = new Lookup(() =>
      servers.open(async (session) => {
        const readAt = performance.now()
        await bindSearchAccount(session, this.#bind.account)
        const found = await findEntry(session, settings, name)
        return found.kind === 'nobody' ? undefined : await reader.read(session, name, found, readAt)
      }),
    )
    this.#lookups.set(name, lookup)
    const forget = () => this.#lookups.delete(name)
    lookup.found.then(forget, forget)
    return lookup
  }

  #candidate(name: string, known: KnownPerson, lookup: Lookup | undefined): Candidate {
    const { logins, reader } = this.#parts
    const { person } = known
    const { id, passwordStamp } = person
    const remembers = (password: Password) =>
      known.obstacle === undefined && logins.remembers(id, passwordStamp, password)
    let held = lookup
    return {
      account: id,
      passwordStamp,
      verify: async (password) => {
        if (remembers(password)) {
          logins.keepPerson(name, known, known.readAt)
          return { ...reader.accepted(known), isRemembered: true }
        }
        const obstacle = await logins.share(id, password, () =>
          this.#check(name, known, password, held?.take()),
        )
        const refused = obstacle ?? known.obstacle
        return refused === undefined ? reader.accepted(known) : reader.rejected(refused)
      },
      release: async () => {
        const letGo = held
        held = undefined
        await letGo?.letGo()
      },
    }
  }

  /** One bind as the person; who must not log in for another reason learns it only after the right password. */
  async #check(
    name: string,
    known: KnownPerson,
    password: Password,
    searched: DirectorySession | undefined,
  ): Promise<Obstacle | undefined> {
    const { logins, servers, settings } = this.#parts
    const { id, dn, passwordStamp } = known.person
    // The bind as the person is never repeated, so the connection is tried before it.
    const session =
      searched ??
      (await servers.open((opened) => bindSearchAccount(opened, this.#bind.account))).session
    try {
      const boundAt = performance.now()
      const refusal = await session.bind(dn, password)
      const obstacle =
        refusal === undefined ? known.obstacle : readRefusal(refusal, settings.accountState)
      if (obstacle === undefined) {
        logins.keepPerson(name, known, known.readAt)
        logins.keepPassword(id, passwordStamp, password, boundAt)
      } else {
        logins.forgetPassword(id, password)
      }
      return obstacle
    } finally {
      await session.close()
    }
  }

  #unusable({ account, obstacle }: UnusableEntry): Candidate {
    return {
      account,
      passwordStamp: '',
      verify: async (): Promise<Accepted | Rejected> => this.#parts.reader.rejected(obstacle),
      release: async () => {},
    }
  }
}

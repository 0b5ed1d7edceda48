/** The backend that asks a directory. */

import type { Clock } from '../../clock.ts'
import { AppError } from '../../errors.ts'
import type { Health } from '../../health.ts'
import type { Log } from '../../log.ts'
import type { Password } from '../../protocol/credentials.ts'
import type { Authenticator, Candidate } from '../authenticator.ts'
import { DirectLogin } from './direct-login.ts'
import { DirectoryFailure, type DirectoryServers } from './directory-session.ts'
import { lowerAscii } from './distinguished-name.ts'
import { allOf, anyOf, equals, parseFilter } from './filter.ts'
import { type KnownPerson, PersonReader } from './known-person.ts'
import { readTypedName } from './person.ts'
import { bindSearchAccount } from './search-account.ts'
import { SearchLogin } from './search-login.ts'
import type { LdapSettings } from './settings.ts'
import { VerifiedLogins } from './verified-logins.ts'

export interface LdapOptions {
  readonly settings: LdapSettings
  readonly servers: DirectoryServers
  readonly clock: Clock
  readonly log: Log
}

/** Asks nobody yet: the directory may be down when the server starts. */
export function openLdap(options: LdapOptions): LdapAuthenticator {
  return new LdapAuthenticator(options)
}

/** How many names one question of {@link LdapAuthenticator.knows} holds. */
const namesOfSearch = 50

export class LdapAuthenticator implements Authenticator {
  readonly name: string
  readonly isElsewhere = true
  readonly #settings: LdapSettings
  readonly #servers: DirectoryServers
  readonly #logins: VerifiedLogins<KnownPerson>
  readonly #login: SearchLogin | DirectLogin
  /** What the last answer says of the settings: such as that the search account is refused. */
  #fault: string | undefined

  constructor({ settings, servers, clock, log }: LdapOptions) {
    this.name = settings.name
    this.#settings = settings
    this.#servers = {
      open: async (work) => {
        const opened = await servers.open(work)
        // Not by an answer from memory, which says nothing of the settings.
        this.#fault = undefined
        return opened
      },
      status: () => servers.status(),
      close: () => servers.close(),
    }
    this.#logins = new VerifiedLogins(settings.cacheTime)
    const reader = new PersonReader({ settings, clock, log })
    const parts = { settings, servers: this.#servers, reader, logins: this.#logins }
    const { bind } = settings
    this.#login =
      bind.kind === 'direct' ? new DirectLogin(parts, bind.template) : new SearchLogin(parts, bind)
  }

  /** @throws AppError unavailable, as do the methods of what it returns, with the DirectoryFailure as its cause */
  async find(username: string): Promise<Candidate | undefined> {
    const name = readTypedName(username, this.#settings)
    if (name === undefined) return undefined
    const candidate = await this.#answer(() => this.#login.find(name))
    if (candidate === undefined) return undefined
    return {
      ...candidate,
      verify: async (password) => {
        if (isUnauthenticated(password)) {
          const reason = 'an empty password proves nothing'
          return { kind: 'rejected', reason, backend: this.name, isWrongPassword: true }
        }
        return await this.#answer(() => candidate.verify(password))
      },
    }
  }

  /**
   * Which of these names a person could log in with here. Nobody's, where people bind directly: then
   * the directory tells only whoever has the password.
   *
   * @throws AppError unavailable
   */
  async knows(names: readonly string[]): Promise<readonly string[]> {
    const { bind } = this.#settings
    if (bind.kind === 'direct') return []
    const known = new Set<string>()
    for (let start = 0; start < names.length; start += namesOfSearch) {
      const part = names.slice(start, start + namesOfSearch)
      const { session } = await this.#answer(() =>
        this.#servers.open(async (opened) => {
          await bindSearchAccount(opened, bind.account)
          for (const name of await this.#namesAmong(opened, part)) known.add(name)
        }),
      )
      await session.close()
    }
    return names.filter((name) => known.has(lowerAscii(name)))
  }

  /** Not ok: some server did not answer the last time that it was asked, or not as the settings want it. */
  status(): Health {
    const servers = this.#servers.status()
    if (!servers.ok || this.#fault === undefined) return servers
    return { ok: false, detail: this.#fault }
  }

  close(): void {
    this.#logins.clear()
    this.#servers.close()
  }

  /** @returns what the entries that bear one of the names are called by, in lower case */
  async #namesAmong(
    session: Parameters<typeof bindSearchAccount>[0],
    names: readonly string[],
  ): Promise<readonly string[]> {
    const { bases, scope, filter, loginAttributes } = this.#settings.user
    const found: string[] = []
    for (const base of bases) {
      const { entries } = await session.search({
        base,
        scope,
        filter: allOf(
          parseFilter(filter),
          anyOf(names.flatMap((name) => loginAttributes.map((each) => equals(each, name)))),
        ),
        attributes: loginAttributes,
        limit: 4 * namesOfSearch,
      })
      for (const entry of entries) {
        for (const each of loginAttributes) found.push(...entry.values(each))
      }
    }
    return found.map(lowerAscii)
  }

  async #answer<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DirectoryFailure)) throw error
      if (error.kind === 'configuration') this.#fault = error.message
      // Nothing of the directory is for the client's eyes.
      throw new AppError('unavailable', 'Logins cannot be checked now; try again in a moment.', {
        cause: error,
        retryAfter: this.#secondsToWait(error),
      })
    }
  }

  #secondsToWait({ kind }: DirectoryFailure): number {
    const { open } = this.#settings.breaker
    const seconds = { busy: 1, connection: open / 1000, configuration: 30, too_large: 30 }
    return Math.max(1, seconds[kind])
  }
}

/**
 * RFC 4513 §5.1.2: a bind with a name and an empty password succeeds as anonymous, and servers in C may
 * take a password for empty that begins with a NUL.
 */
function isUnauthenticated(password: Password): boolean {
  const text = password.reveal()
  return text === '' || text.startsWith('\0')
}

/** Everything that one reading of a directory tells about a person, before any password is looked at. */

import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { Accepted, Group, Rejected } from '../authenticator.ts'
import { type Obstacle, readEntryState } from './account-state.ts'
import { requireChainRule } from './active-directory.ts'
import type { DirectorySession } from './directory-session.ts'
import { lowerAscii } from './distinguished-name.ts'
import { EntryTroubles } from './entry-troubles.ts'
import type { Gap } from './group-membership.ts'
import { GroupNameBearers } from './group-name-bearers.ts'
import { readGroups } from './groups.ts'
import { diagnosticText } from './ldap-message.ts'
import { type Found, findNamesakes, type Person, readPerson } from './person.ts'
import type { LdapSettings } from './settings.ts'

export interface KnownPerson {
  readonly person: Person
  readonly groups: readonly Group[]
  readonly doubtfulGroups: readonly Group[]
  /** Which groups were left out and why, for the operator. */
  readonly notices: readonly string[]
  /** What keeps the person out, whatever the password. */
  readonly obstacle: Obstacle | undefined
  /** The keys of the configuration that the obstacle hangs on; none where it is the directory's own. */
  readonly obstacleKeys: readonly string[]
  /** When the reading began, by `performance.now()`. */
  readonly readAt: number
}

/** An entry that nobody can log in by, or several that bear one name. */
export interface UnusableEntry {
  /** Whom limits count for. */
  readonly account: string
  readonly obstacle: Obstacle
}

export interface ReaderOptions {
  readonly settings: LdapSettings
  readonly clock: Clock
  readonly log: Log
}

/** How many groups one log line names. */
const listLength = 10

/** Reads people, and tells the operator's log what is wrong with their entries and groups. */
export class PersonReader {
  readonly #settings: LdapSettings
  readonly #bearers: GroupNameBearers
  readonly #clock: Clock
  readonly #log: Log
  /** The servers that have said that they are an Active Directory. */
  readonly #activeDirectories = new Set<string>()
  readonly #troubles = new EntryTroubles()

  constructor({ settings, clock, log }: ReaderOptions) {
    this.#settings = settings
    this.#bearers = new GroupNameBearers(settings.groups, settings.cacheTime)
    this.#clock = clock
    this.#log = log
  }

  /**
   * @param found what a search on this session gave
   * @param readAt when it began, by `performance.now()`
   * @throws DirectoryFailure
   */
  async read(
    session: DirectorySession,
    name: string,
    found: Exclude<Found, { kind: 'nobody' }>,
    readAt: number,
  ): Promise<KnownPerson | UnusableEntry> {
    if (found.kind === 'several') return this.#unusable(name, name, reasonOfSeveral(found.dns))
    const { entry } = found
    const person = readPerson(entry, this.#settings.user)
    if ('fault' in person) return this.#unusable(name, entry.dn, person.fault)
    const namesakes = await findNamesakes(session, this.#settings, name, person)
    if (namesakes.length > 0) {
      return this.#unusable(name, entry.dn, reasonOfSeveral([entry.dn, ...namesakes]))
    }
    await this.#checkMode(session)
    const { groups, doubtful, notices, gaps } = await readGroups(
      session,
      this.#settings.groups,
      this.#bearers,
      person,
    )
    this.#warn(person, notices)
    const obstacle = this.#obstacle(person, groups, gaps)
    return { person, groups, doubtfulGroups: doubtful, notices, ...obstacle, readAt }
  }

  accepted({ person, groups, doubtfulGroups }: KnownPerson): Accepted {
    const { name: backend } = this.#settings
    const { id, name } = person
    return {
      kind: 'accepted',
      subject: { id: `${backend}:${id}`, name, kind: 'user', groups, doubtfulGroups, backend },
    }
  }

  rejected(obstacle: Obstacle): Rejected {
    return { kind: 'rejected', backend: this.#settings.name, ...obstacle }
  }

  #warn({ name: user, dn }: Person, notices: readonly string[]): void {
    const count = notices.length
    if (count === 0 || !this.#troubles.isNew(dn, ...notices)) return
    const more = count > listLength ? `; and ${count - listLength} more` : ''
    this.#log.warn(
      { backend: this.#settings.name, user, dn, count },
      `some groups do not count: ${notices.slice(0, listLength).join('; ')}${more}`,
    )
  }

  #obstacle(
    { entry }: Person,
    groups: readonly Group[],
    [gap]: readonly Gap[],
  ): Pick<KnownPerson, 'obstacle' | 'obstacleKeys'> {
    const state = readEntryState(entry, this.#settings.accountState, this.#clock())
    if (state !== undefined) return { obstacle: state, obstacleKeys: [] }
    const { required } = this.#settings.groups
    if (required.length > 0 && !groups.some(({ name }) => required.includes(name))) {
      const lower = required.map(lowerAscii)
      const near = groups.find(({ name }) => lower.includes(lowerAscii(name)))
      const hint = near === undefined ? '' : `; write ${near.name}, as rules call it`
      const obstacle = {
        reason: `in none of the required groups: ${required.join(', ')}${hint}`,
        isWrongPassword: false,
        tell: 'You are in none of the groups that may log in here.',
      }
      return { obstacle, obstacleKeys: ['groups.required'] }
    }
    if (gap === undefined) return { obstacle: undefined, obstacleKeys: [] }
    // A rule may deny something to a group: who is in it must not get it because the group was not read.
    const obstacle = {
      reason: `not all groups could be read: ${gap.reason}`,
      isWrongPassword: false,
      tell: 'Not all of your groups could be read; ask whoever runs this registry.',
    }
    return { obstacle, obstacleKeys: [gap.key, 'base'] }
  }

  #unusable(name: string, account: string, reason: string): UnusableEntry {
    if (this.#troubles.isNew(reason)) {
      this.#log.error(
        { backend: this.#settings.name, user: name },
        `this person cannot log in until the directory is mended: ${reason}`,
      )
    }
    // A guess like any other: that it does not count would tell that there is somebody.
    return { account, obstacle: { reason, isWrongPassword: true } }
  }

  async #checkMode(session: DirectorySession): Promise<void> {
    const isKnown = this.#activeDirectories.has(session.server)
    if (this.#settings.groups.mode !== 'ad_nested' || isKnown) return
    await requireChainRule(session)
    this.#activeDirectories.add(session.server)
  }
}

function reasonOfSeveral(dns: readonly string[]): string {
  return `the name is that of several entries: ${dns.map(diagnosticText).join('; ')}`
}

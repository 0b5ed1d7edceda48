/**
 * Which groups a person is in, by DN: as the person's entry says, as the groups say, as Active Directory
 * works out, and through groups within groups.
 */

import type { Filter } from 'ldapts'
import { primaryGroupSid } from './active-directory.ts'
import type { DirectoryEntry, DirectorySearch, DirectorySession } from './directory-session.ts'
import {
  type DistinguishedName,
  isWithin,
  normalName,
  parseDistinguishedName,
} from './distinguished-name.ts'
import { allOf, anyOf, equals, equalsInChain, parseFilter } from './filter.ts'
import { diagnosticText } from './ldap-message.ts'
import type { LdapGroups } from './settings.ts'

/** One group that the person is in. */
export interface Membership {
  readonly dn: string
  /** The DN in its one spelling. */
  readonly key: string
  /** How it came about, with the DN, for whoever asks why. */
  readonly origin: string
  /** The group's entry, where it has been read. */
  readonly entry: DirectoryEntry | undefined
}

/** Why some groups of a person are not known. */
export interface Gap {
  readonly reason: string
  /** The key of the configuration that it hangs on. */
  readonly key: string
}

export interface MembershipReading {
  readonly memberships: readonly Membership[]
  /** Why there are more groups than these; empty where these are all. */
  readonly gaps: readonly Gap[]
}

/** How many values one filter names: enough to make round trips few, and not a filter of 100 kB. */
export const valuesOfFilter = 64
/** How many questions tell which group led to which, which is for the eye alone: a login has its deadline. */
const questionsOfOrigin = 100

/** What the search for the person must ask for. */
export function attributesOfMembership(groups: LdapGroups): readonly string[] {
  const primary = ['primaryGroupID', 'objectSid']
  const byUid = groups.memberAttributes.some(isByUid) ? ['uid'] : []
  switch (groups.mode) {
    case 'none':
      return []
    case 'member_of':
      return ['memberOf', ...primary]
    case 'ad_nested':
      return primary
    case 'search':
      return [...primary, ...byUid]
  }
}

/**
 * Read before the bind as the person, with the identity that searches: what a person may see decides
 * nothing.
 *
 * @param person the entry, with {@link attributesOfMembership}
 * @param uid what `memberUid` names the person by
 * @throws DirectoryFailure
 */
export async function readMemberships(
  session: DirectorySession,
  groups: LdapGroups,
  person: DirectoryEntry,
  uid: string,
): Promise<MembershipReading> {
  const reading = new Reading(session, groups)
  if (groups.mode !== 'none') await reading.read(person, uid)
  return { memberships: [...reading.known.values()].slice(0, groups.max), gaps: reading.gaps }
}

/** The memberships of one person, as they come to light. */
class Reading {
  readonly known = new Map<string, Membership>()
  readonly gaps: Gap[] = []
  readonly #session: DirectorySession
  readonly #groups: LdapGroups
  readonly #bases: readonly (DistinguishedName | undefined)[]
  #questionsLeft = questionsOfOrigin

  constructor(session: DirectorySession, groups: LdapGroups) {
    this.#session = session
    this.#groups = groups
    this.#bases = groups.bases.map(parseDistinguishedName)
  }

  async read(person: DirectoryEntry, uid: string): Promise<void> {
    const { mode, nested } = this.#groups
    const direct = await this.#direct(person, uid)
    const primary = await this.#primary(person)
    if (mode === 'ad_nested') {
      for (const { dn, origin } of primary) {
        await this.#inChain(dn, (group) => `${group} through ${origin}`)
      }
    } else if (nested) {
      await this.#climb([...direct, ...primary])
    }
  }

  async #direct(person: DirectoryEntry, uid: string): Promise<readonly Membership[]> {
    const { mode, memberAttributes } = this.#groups
    if (mode === 'member_of') return this.#readMemberOf(person, (dn) => `memberOf ${dn}`)
    if (mode === 'ad_nested')
      return await this.#inChain(person.dn, (dn) => `member of ${dn}, or of a group in it`)
    const byDn = memberAttributes.filter((attribute) => !isByUid(attribute))
    const byUid = memberAttributes.filter(isByUid)
    const names = [
      ...byDn.map((attribute) => equals(attribute, person.dn)),
      ...byUid.map((attribute) => equals(attribute, uid)),
    ]
    return await this.#search(anyOf(names), (dn) => `member of ${dn}`)
  }

  /** Active Directory does not count a person's primary group among `memberOf` and `member`. */
  async #primary(person: DirectoryEntry): Promise<readonly Membership[]> {
    const sid = primaryGroupSid(person)
    if (sid === undefined) return []
    return await this.#search(equals('objectSid', sid), (dn) => `primary group ${dn}`)
  }

  async #inChain(dn: string, origin: (dn: string) => string): Promise<readonly Membership[]> {
    const names = this.#groups.memberAttributes.map((attribute) => equalsInChain(attribute, dn))
    return await this.#search(anyOf(names), origin)
  }

  /** Breadth first; a group that is known is not climbed again, so a loop ends. */
  async #climb(direct: readonly Membership[]): Promise<void> {
    let level = direct
    for (let depth = 0; level.length > 0 && this.known.size <= this.#groups.max; depth += 1) {
      const above: Membership[] = []
      for (let start = 0; start < level.length; start += valuesOfFilter) {
        above.push(...(await this.#above(level.slice(start, start + valuesOfFilter))))
      }
      if (depth === this.#groups.depth && above.length > 0) {
        for (const { key } of above) this.known.delete(key)
        this.gaps.push({
          reason: `groups within groups are followed ${depth} deep, and there are deeper ones: ${list(above)}; raise groups.depth if that is meant`,
          key: 'groups.depth',
        })
        return
      }
      level = above
    }
  }

  /** The groups that have one of these as a member, and were not known yet. */
  async #above(groups: readonly Membership[]): Promise<readonly Membership[]> {
    const byDn = this.#groups.memberAttributes.filter((attribute) => !isByUid(attribute))
    if (byDn.length === 0) return []
    const names = groups.flatMap(({ dn }) => byDn.map((attribute) => equals(attribute, dn)))
    this.#questionsLeft -= 1
    if (groups.length === 1 || this.#questionsLeft < 0) {
      const through = groups.length === 1 ? list(groups) : `one of ${list(groups)}`
      return await this.#search(anyOf(names), (dn) => `${dn} through ${through}`)
    }
    // Most groups are in no other one: a single question for many. Where there is an answer, it is
    // asked again of each half, to tell which group led to which.
    if (!(await this.#hasNew(anyOf(names)))) return []
    const half = Math.ceil(groups.length / 2)
    return [
      ...(await this.#above(groups.slice(0, half))),
      ...(await this.#above(groups.slice(half))),
    ]
  }

  #readMemberOf(entry: DirectoryEntry, origin: (dn: string) => string): readonly Membership[] {
    const found = entry.values('memberof').flatMap((dn) => this.#learn(dn, origin, undefined))
    this.#noticeTooMany()
    if (entry.isCut('memberof')) {
      const reason =
        "in memberOf there are more of the person's groups than the directory gives at once; let groups.mode be search or ad_nested"
      this.gaps.push({ reason, key: 'groups.mode' })
    }
    return found
  }

  async #hasNew(filter: Filter): Promise<boolean> {
    for (const search of this.#searches(filter)) {
      const { entries, isTruncated } = await this.#session.search({
        ...search,
        attributes: ['1.1'],
      })
      if (isTruncated || entries.some(({ dn }) => this.#isNew(dn))) return true
    }
    return false
  }

  async #search(filter: Filter, origin: (dn: string) => string): Promise<readonly Membership[]> {
    const found: Membership[] = []
    for (const search of this.#searches(filter)) {
      const { entries, isTruncated } = await this.#session.search(search)
      for (const entry of entries) found.push(...this.#learn(entry.dn, origin, entry))
      // Before the other: what was asked for is bounded by it too.
      this.#noticeTooMany()
      if (isTruncated) {
        this.gaps.push({
          reason: `below ${search.base} there are more of the person's groups than the directory gives at once`,
          key: 'groups.base',
        })
      }
    }
    return found
  }

  #searches(filter: Filter): readonly DirectorySearch[] {
    const { filter: own, nameAttribute, max } = this.#groups
    return this.#groups.bases.map((base) => ({
      base,
      scope: 'sub',
      filter: allOf(parseFilter(own), filter),
      attributes: [nameAttribute === 'dn' ? '1.1' : nameAttribute],
      limit: max + 1,
    }))
  }

  /** @returns it, unless it was known before or does not count */
  #learn(
    dn: string,
    origin: (dn: string) => string,
    entry: DirectoryEntry | undefined,
  ): readonly Membership[] {
    const name = parseDistinguishedName(dn)
    if (name === undefined || !this.#isBelowBases(name)) return []
    const key = normalName(name)
    if (this.known.has(key) || this.known.size > this.#groups.max) return []
    const membership = { dn, key, origin: origin(diagnosticText(dn)), entry }
    this.known.set(key, membership)
    return [membership]
  }

  #isNew(dn: string): boolean {
    const name = parseDistinguishedName(dn)
    return name !== undefined && !this.known.has(normalName(name))
  }

  #isBelowBases(name: DistinguishedName): boolean {
    return this.#bases.some((base) => base !== undefined && isWithin(name, base))
  }

  #noticeTooMany(): void {
    const { max } = this.#groups
    const key = 'groups.max'
    if (this.known.size <= max || this.gaps.some((gap) => gap.key === key)) return
    const reason = `the person is in more than ${max} groups; raise groups.max if that is meant`
    this.gaps.push({ reason, key })
  }
}

function list(groups: readonly Membership[]): string {
  const shown = groups.slice(0, 5).map(({ dn }) => diagnosticText(dn))
  const more = groups.length > shown.length ? ` and ${groups.length - shown.length} more` : ''
  return `${shown.join('; ')}${more}`
}

function isByUid(attribute: string): boolean {
  return attribute.toLowerCase() === 'memberuid'
}

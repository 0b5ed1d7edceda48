/** Which groups of the directory bear a name that rules use: a name is no proof of being that group. */

import { LRUCache } from 'lru-cache'
import type { DirectorySession } from './directory-session.ts'
import { lowerAscii, normalName, parseDistinguishedName } from './distinguished-name.ts'
import { allOf, anyOf, equals, parseFilter } from './filter.ts'
import { type Membership, valuesOfFilter } from './group-membership.ts'
import { diagnosticText } from './ldap-message.ts'
import type { LdapGroups } from './settings.ts'

interface Bearer {
  /** Of the DN, to compare; undefined where it is not known which group it is. */
  readonly key: string | undefined
  /** For the operator. */
  readonly dn: string
}

const namesAtMost = 10_000

/** Many people are in the same groups: what bears a name is asked once in the time of the cache. */
export class GroupNameBearers {
  readonly #groups: LdapGroups
  readonly #known: LRUCache<string, readonly Bearer[]> | undefined

  /** @param cacheTime milliseconds; 0: always ask */
  constructor(groups: LdapGroups, cacheTime: number) {
    this.#groups = groups
    this.#known =
      cacheTime === 0
        ? undefined
        : new LRUCache({ max: namesAtMost, ttl: cacheTime, ttlResolution: 0 })
  }

  /**
   * The names that another group has as well, one that the person is not in: whoever may make groups
   * somewhere below the base could otherwise hand out the rights of a group elsewhere, by its name.
   *
   * @param named the groups of a person
   * @returns each with the DN of such a group
   * @throws DirectoryFailure
   */
  async findShared(
    session: DirectorySession,
    named: readonly { readonly membership: Membership; readonly name: string }[],
  ): Promise<ReadonlyMap<string, string>> {
    const shared = new Map<string, string>()
    if (this.#groups.nameAttribute === 'dn') return shared
    const own = new Set(named.map(({ membership }) => membership.key))
    const names = [...new Set(named.map(({ name }) => name))]
    for (const [name, bearers] of await this.#bearersOf(session, names)) {
      const other = bearers.find(({ key }) => key === undefined || !own.has(key))
      if (other !== undefined) shared.set(name, other.dn)
    }
    return shared
  }

  async #bearersOf(
    session: DirectorySession,
    names: readonly string[],
  ): Promise<readonly (readonly [string, readonly Bearer[]])[]> {
    const found: (readonly [string, readonly Bearer[]])[] = []
    const unknown: string[] = []
    for (const name of names) {
      const known = this.#known?.get(name)
      if (known === undefined) unknown.push(name)
      else found.push([name, known])
    }
    for (let start = 0; start < unknown.length; start += valuesOfFilter) {
      const asked = await this.#ask(session, unknown.slice(start, start + valuesOfFilter))
      for (const [name, bearers] of asked) {
        this.#known?.set(name, bearers)
        found.push([name, bearers])
      }
    }
    return found
  }

  async #ask(
    session: DirectorySession,
    names: readonly string[],
  ): Promise<ReadonlyMap<string, readonly Bearer[]>> {
    const { bases, filter, nameAttribute } = this.#groups
    const found = new Map<string, Bearer[]>(names.map((name) => [name, []]))
    for (const base of bases) {
      const { entries, isTruncated } = await session.search({
        base,
        scope: 'sub',
        filter: allOf(parseFilter(filter), anyOf(names.map((name) => equals(nameAttribute, name)))),
        attributes: [nameAttribute],
        limit: 4 * valuesOfFilter,
      })
      if (isTruncated) {
        const others = { key: undefined, dn: `others below ${base}` }
        for (const bearers of found.values()) bearers.push(others)
      }
      for (const entry of entries) {
        const dn = parseDistinguishedName(entry.dn)
        const bearer = {
          key: dn === undefined ? undefined : normalName(dn),
          dn: diagnosticText(entry.dn),
        }
        for (const value of entry.values(nameAttribute)) {
          found.get(lowerAscii(value))?.push(bearer)
        }
      }
    }
    return found
  }
}

/** From the groups that a directory says a person is in to the groups that rules know. */

import type { Group } from '../authenticator.ts'
import type { DirectorySession } from './directory-session.ts'
import { lowerAscii, normalName, ownValue, parseDistinguishedName } from './distinguished-name.ts'
import { type Gap, type Membership, readMemberships } from './group-membership.ts'
import type { GroupNameBearers } from './group-name-bearers.ts'
import { diagnosticText } from './ldap-message.ts'
import { type Person, singleValue } from './person.ts'
import type { LdapGroups } from './settings.ts'

export interface GroupReading {
  readonly groups: readonly Group[]
  /** See {@link Subject.doubtfulGroups}. */
  readonly doubtful: readonly Group[]
  /** Which groups do not count and why, for the operator. */
  readonly notices: readonly string[]
  /** Why there are groups that could not be read; empty where all were. */
  readonly gaps: readonly Gap[]
}

/**
 * All groups of the person that count, under the names that rules use. They replace whatever was known
 * before.
 *
 * @param bearers of the same groups
 * @throws DirectoryFailure
 */
export async function readGroups(
  session: DirectorySession,
  groups: LdapGroups,
  bearers: GroupNameBearers,
  person: Person,
): Promise<GroupReading> {
  const uid = singleValue(person.entry, 'uid') ?? person.name
  const { memberships, gaps } = await readMemberships(session, groups, person.entry, uid)
  if (groups.map.length > 0) {
    return { groups: mapped(memberships, groups), doubtful: [], notices: [], gaps }
  }
  const named = memberships.map((membership) => ({ membership, name: nameOf(membership, groups) }))
  const usable = named.filter((each): each is Named => each.name !== undefined && isSafe(each.name))
  const unusable = named.flatMap(({ membership, name }) =>
    name !== undefined && isSafe(name) ? [] : [diagnosticText(membership.dn)],
  )
  const shared = await bearers.findShared(session, usable)
  const asGroups = (all: readonly Named[]): readonly Group[] =>
    all.map(({ name, membership }) => ({ name, origin: membership.origin }))
  return {
    groups: asGroups(usable.filter(({ name }) => !shared.has(name))),
    doubtful: asGroups(usable.filter(({ name }) => shared.has(name))),
    gaps,
    notices: [
      ...unusable.map((dn) => `${dn} has no ${groups.nameAttribute} that a rule could name`),
      ...[...shared].map(
        ([name, dn]) =>
          `there are several groups named ${name}, and the person is not in ${dn}: by that name none of them gives anything, and what rules deny it stays denied. Tell them apart with groups.map, or narrow groups.base`,
      ),
    ],
  }
}

/** Only what the map names counts, by DN: who may make a group may give it any name, but not this place. */
function mapped(memberships: readonly Membership[], { map }: LdapGroups): readonly Group[] {
  const byKey = new Map(memberships.map((membership) => [membership.key, membership]))
  return map.flatMap(({ dn, group }) => {
    const name = parseDistinguishedName(dn)
    const membership = name === undefined ? undefined : byKey.get(normalName(name))
    return membership === undefined ? [] : [{ name: group, origin: membership.origin }]
  })
}

interface Named {
  readonly membership: Membership
  readonly name: string
}

function nameOf({ dn, key, entry }: Membership, { nameAttribute }: LdapGroups): string | undefined {
  if (nameAttribute === 'dn') return key
  if (entry !== undefined) {
    const value = singleValue(entry, nameAttribute)
    return value === undefined ? undefined : lowerAscii(value)
  }
  const name = parseDistinguishedName(dn)
  const value = name === undefined ? undefined : ownValue(name, nameAttribute)
  return value === undefined ? undefined : lowerAscii(value)
}

/** A rule can name it, and it names nothing else: `*` and `:` mean something in rules. */
function isSafe(name: string): boolean {
  return name !== '' && name.length <= 255 && !/[:*\p{C}]|^\s|\s$/u.test(name)
}

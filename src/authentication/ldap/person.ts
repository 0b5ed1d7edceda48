/** From the name that was typed to the one entry that bears it, and what we call that person. */

import { isPersonName } from '../person-name.ts'
import { attributesOfState, readPasswordStamp } from './account-state.ts'
import type { DirectoryEntry, DirectorySession } from './directory-session.ts'
import { lowerAscii, normalName, ownValue, parseDistinguishedName } from './distinguished-name.ts'
import { allOf, anyOf, equals, parseFilter } from './filter.ts'
import { attributesOfMembership } from './group-membership.ts'
import { diagnosticText } from './ldap-message.ts'
import type { LdapSettings, LdapUser } from './settings.ts'

export interface Person {
  readonly dn: string
  /** Of the id attribute: the same for every spelling of the name, and after it has changed. */
  readonly id: string
  /** What tokens and rules call the person. */
  readonly name: string
  readonly passwordStamp: string
  readonly entry: DirectoryEntry
}

/** Longer than any name that a directory holds; a mail address has 254 characters at most. */
const longestName = 256

/**
 * The name to look for. Nothing is trimmed or repaired: directories take `alice ` for `alice`, and who
 * may type that has a spelling of their own for every limit that goes by what was typed.
 *
 * @returns undefined for what is nobody's name
 */
export function readTypedName(typed: string, settings: LdapSettings): string | undefined {
  // Also the characters that are not seen at all, which directories ignore (RFC 4518 §2.2).
  if (typed.length > longestName || /[\s\p{C}\p{Z}]/u.test(typed)) return undefined
  const { domain } = settings.user
  const [, written, name] = /^([^\\]+)\\([^\\]+)$/.exec(typed) ?? []
  if (written === undefined || name === undefined) return typed === '' ? undefined : typed
  if (domain !== undefined) return lowerAscii(written) === lowerAscii(domain) ? name : undefined
  return settings.accountState === 'active_directory' ? name : undefined
}

export type Found =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'one'; readonly entry: DirectoryEntry }
  /** Whose name it is cannot be said; their DNs, as many as the server gave. */
  | { readonly kind: 'several'; readonly dns: readonly string[] }

/**
 * Looks for the entry below every base.
 *
 * @param name see {@link readTypedName}
 * @throws DirectoryFailure
 */
export async function findEntry(
  session: DirectorySession,
  settings: LdapSettings,
  name: string,
): Promise<Found> {
  const { user } = settings
  const names = anyOf(user.loginAttributes.map((attribute) => equals(attribute, name)))
  const found = new Map<string, DirectoryEntry>()
  let isTruncated = false
  for (const base of user.bases) {
    const { entries, isTruncated: isCut } = await session.search({
      base,
      scope: user.scope,
      filter: allOf(parseFilter(user.filter), names),
      attributes: attributesOfPerson(settings),
      limit: 2,
    })
    // One base may lie within another.
    for (const entry of entries) found.set(keyOf(entry.dn), entry)
    isTruncated ||= isCut
  }
  return oneOf([...found.values()], isTruncated)
}

/**
 * Who was found by a mail address may be called as somebody else is, whom only the rest of the
 * attributes tells apart: tokens and rules would take one for the other.
 *
 * @param typed what the person was found by
 * @returns the DNs of others that bear the name
 * @throws DirectoryFailure
 */
export async function findNamesakes(
  session: DirectorySession,
  settings: LdapSettings,
  typed: string,
  { dn, name }: Person,
): Promise<readonly string[]> {
  const { user } = settings
  const isLogin = user.loginAttributes.some(
    (each) => each.toLowerCase() === user.nameAttribute.toLowerCase(),
  )
  // Then the search for the person has looked for this very name.
  if (isLogin && lowerAscii(typed) === name) return []
  const byName = { ...settings, user: { ...user, loginAttributes: [user.nameAttribute] } }
  const found = await findEntry(session, byName, name)
  if (found.kind === 'nobody') return []
  const dns = found.kind === 'one' ? [found.entry.dn] : found.dns
  const others = dns.filter((each) => keyOf(each) !== keyOf(dn))
  return found.kind === 'several' && others.length === 0 ? ['one that is not shown'] : others
}

/** The entry of this very DN, if it is somebody who may log in. @throws DirectoryFailure */
export async function readEntry(
  session: DirectorySession,
  settings: LdapSettings,
  dn: string,
): Promise<Found> {
  const { entries, isTruncated } = await session.search({
    base: dn,
    scope: 'base',
    filter: parseFilter(settings.user.filter),
    attributes: attributesOfPerson(settings),
    limit: 2,
  })
  return oneOf(entries, isTruncated)
}

/** @param isTruncated there are more, which the server did not give: one of those may be meant */
function oneOf(entries: readonly DirectoryEntry[], isTruncated: boolean): Found {
  if (entries.length > 1 || isTruncated)
    return { kind: 'several', dns: entries.map(({ dn }) => dn) }
  const [entry] = entries
  return entry === undefined ? { kind: 'nobody' } : { kind: 'one', entry }
}

function keyOf(dn: string): string {
  const name = parseDistinguishedName(dn)
  return name === undefined ? dn : normalName(name)
}

export function attributesOfPerson({
  user,
  accountState,
  groups,
}: LdapSettings): readonly string[] {
  return [
    ...new Set([
      user.nameAttribute,
      user.idAttribute,
      ...attributesOfState(accountState),
      ...attributesOfMembership(groups),
    ]),
  ]
}

/**
 * What is wrong with an entry is told and not mended: a name that was made to fit may be another's.
 *
 * @returns the fault, for the operator, where nobody can log in by this entry, and the key that names the attribute
 */
export function readPerson(
  entry: DirectoryEntry,
  user: LdapUser,
): Person | { readonly fault: string; readonly key: string } {
  const dn = diagnosticText(entry.dn)
  const name = singleValue(entry, user.nameAttribute)
  const id = readId(entry, user.idAttribute)
  if (name === undefined) {
    const { length } = entry.values(user.nameAttribute)
    const what = length === 0 ? 'no' : `${length} values of`
    const fault = `${dn} has ${what} ${user.nameAttribute}: nothing to call the person by`
    return { fault, key: 'user.name_attribute' }
  }
  const canonical = lowerAscii(name)
  if (!isPersonName(canonical)) {
    return {
      fault: `${user.nameAttribute} of ${dn} is no name that a token can bear: letters and digits, parted by single ".", "_" or "-", 64 at most`,
      key: 'user.name_attribute',
    }
  }
  if (id === undefined) {
    return {
      fault: `${dn} has no single ${user.idAttribute} that the search account may read; the person is known by it`,
      key: 'user.id_attribute',
    }
  }
  return { dn: entry.dn, id, name: canonical, passwordStamp: readPasswordStamp(entry), entry }
}

/** The only value; of several, the one that the entry is named by. */
export function singleValue(entry: DirectoryEntry, attribute: string): string | undefined {
  const values = entry.values(attribute)
  if (values.length < 2) return values[0]
  const dn = parseDistinguishedName(entry.dn)
  const own = dn === undefined ? undefined : ownValue(dn, attribute)
  return values.find((value) => value === own)
}

/** Text as it is; bytes, such as those of objectGUID, in hex after a `#`. */
function readId(entry: DirectoryEntry, attribute: string): string | undefined {
  const [bytes, another] = entry.bytes(attribute)
  if (bytes === undefined || bytes.length === 0 || another !== undefined) return undefined
  const text = bytes.toString('latin1')
  const isText = attribute.toLowerCase() !== 'objectguid' && /^[!$-~]{1,128}$/.test(text)
  return isText ? text : `#${bytes.toString('hex')}`
}

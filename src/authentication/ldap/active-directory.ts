/** What only Active Directory has: its rule for groups within groups, and primary groups. */

import {
  type DirectoryEntry,
  DirectoryFailure,
  type DirectorySession,
} from './directory-session.ts'
import { parseFilter } from './filter.ts'

/**
 * The SID of the person's primary group, which no list of members shows. A SID (MS-DTYP §2.4.2.2) is a
 * revision, the number of its parts, 6 bytes of authority, and parts of 4 bytes, of which the last is
 * the number within the domain.
 *
 * @returns undefined for an entry that has none
 */
export function primaryGroupSid(person: DirectoryEntry): Buffer | undefined {
  const group = Number(person.values('primarygroupid')[0])
  const [sid] = person.bytes('objectsid')
  if (!Number.isInteger(group) || group < 0 || group > 0xffffffff) return undefined
  if (sid === undefined || sid.length < 12 || sid.length !== 8 + 4 * (sid[1] ?? 0)) return undefined
  const result = Buffer.from(sid)
  result.writeUInt32LE(group, result.length - 4)
  return result
}

/** LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS §3.1.1.3.4.3.1). */
const activeDirectory = '1.2.840.113556.1.4.800'

/** @param root what a server says about itself, with `supportedCapabilities` */
export function isActiveDirectory(root: DirectoryEntry): boolean {
  return root.values('supportedcapabilities').includes(activeDirectory)
}

/**
 * Other directories answer the rule of `equalsInChain` with no groups and no error.
 *
 * @throws DirectoryFailure configuration: this is no Active Directory
 */
export async function requireChainRule(session: DirectorySession): Promise<void> {
  const { entries } = await session.search({
    base: '',
    scope: 'base',
    filter: parseFilter('(objectClass=*)'),
    attributes: ['supportedCapabilities'],
    limit: 2,
  })
  if (entries[0] !== undefined && isActiveDirectory(entries[0])) return
  throw new DirectoryFailure(
    'configuration',
    `${session.server} is no Active Directory, and does not know what groups.mode ad_nested asks for; write search or member_of, with nested: true`,
    { keys: ['groups.mode', 'preset'] },
  )
}

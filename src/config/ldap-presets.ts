/** What each kind of directory usually has: the values that an `ldap` entry need not say. */

import type { LdapSettings } from '../authentication/ldap/settings.ts'

/** Everything that hangs on the kind of directory and not on the organisation. */
export interface LdapPreset {
  readonly user: Omit<LdapSettings['user'], 'bases'>
  readonly accountState: LdapSettings['accountState']
  readonly groups: Pick<
    LdapSettings['groups'],
    'mode' | 'filter' | 'memberAttributes' | 'nameAttribute' | 'nested'
  >
}

export const ldapPresets = {
  openldap: {
    user: {
      scope: 'sub',
      filter: '(objectClass=person)',
      loginAttributes: ['uid'],
      nameAttribute: 'uid',
      idAttribute: 'entryUUID',
    },
    accountState: 'openldap',
    groups: {
      mode: 'search',
      filter:
        '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
      memberAttributes: ['member', 'uniqueMember', 'memberUid'],
      nameAttribute: 'cn',
      nested: true,
    },
  },
  active_directory: {
    user: {
      scope: 'sub',
      // Computers are of class user as well.
      filter: '(&(objectClass=user)(objectCategory=person))',
      loginAttributes: ['sAMAccountName', 'userPrincipalName'],
      nameAttribute: 'sAMAccountName',
      idAttribute: 'objectGUID',
    },
    accountState: 'active_directory',
    groups: {
      mode: 'ad_nested',
      filter: '(objectClass=group)',
      memberAttributes: ['member'],
      nameAttribute: 'cn',
      nested: true,
    },
  },
  freeipa: {
    user: {
      scope: 'sub',
      filter: '(objectClass=person)',
      loginAttributes: ['uid'],
      nameAttribute: 'uid',
      idAttribute: 'ipaUniqueID',
    },
    accountState: 'openldap',
    // FreeIPA writes memberOf for the groups of groups too.
    groups: {
      mode: 'member_of',
      filter: '(objectClass=groupOfNames)',
      memberAttributes: ['member'],
      nameAttribute: 'cn',
      nested: false,
    },
  },
} as const satisfies Record<string, LdapPreset>

/** A backend that asks a test's own OpenLDAP server, and what it wrote to its log. */

import {
  type LdapAuthenticator,
  openLdap,
} from '../../../src/authentication/ldap/ldap-authenticator.ts'
import { Servers } from '../../../src/authentication/ldap/servers.ts'
import type {
  LdapGroups,
  LdapSettings,
  LdapUser,
} from '../../../src/authentication/ldap/settings.ts'
import { serviceAccount, suffix } from '../../support/directory-entries.ts'
import { directorySettings } from './directory.ts'

export type Changes = Partial<Omit<LdapSettings, 'user' | 'groups'>> & {
  readonly user?: Partial<LdapUser>
  readonly groups?: Partial<LdapGroups>
}

/** As the preset `openldap` makes them, without a cache. */
export function openldapSettings(
  urls: readonly string[],
  { user, groups, ...others }: Changes = {},
): LdapSettings {
  const settings = directorySettings(urls, { accountState: 'openldap' })
  return {
    ...settings,
    bind: {
      kind: 'search',
      account: { dn: serviceAccount.dn, password: { text: serviceAccount.password } },
    },
    ...others,
    user: { ...settings.user, bases: [suffix], ...user },
    groups: {
      ...settings.groups,
      mode: 'search',
      bases: [suffix],
      filter:
        '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
      memberAttributes: ['member', 'uniqueMember', 'memberUid'],
      nested: true,
      ...groups,
    },
  }
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: object
  readonly message: string
}

export function openBackend(
  settings: LdapSettings,
  now: Date = new Date(),
  idleTime?: number,
): {
  readonly backend: LdapAuthenticator
  readonly servers: Servers
  readonly lines: LogLine[]
} {
  const lines: LogLine[] = []
  const write = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  const log = { info: write('info'), warn: write('warn'), error: write('error') }
  const clock = () => now
  const servers = new Servers(settings, { clock, log, idleTime })
  return { backend: openLdap({ settings, servers, clock, log }), servers, lines }
}

/** How one directory is reached and read: an `ldap` entry of the configuration, its preset filled in. */

import { isIPv4 } from 'node:net'
import type { SecureVersion } from 'node:tls'

/** A secret of the configuration: its file is read at every use, so that it can be renewed in place. */
export type Secret = { readonly file: string } | { readonly text: string }

/** Times are milliseconds. */
export interface LdapSettings {
  /** The backend's name. */
  readonly name: string
  /** At least one, in the order in which they are tried. */
  readonly servers: readonly LdapServer[]
  readonly tls: LdapTls
  readonly deadlines: LdapDeadlines
  readonly load: LdapLoad
  readonly breaker: LdapBreaker
  readonly bind: LdapBind
  readonly user: LdapUser
  /** Which signs of locked, disabled and expired accounts the directory gives. */
  readonly accountState: 'active_directory' | 'openldap' | 'none'
  readonly groups: LdapGroups
  readonly failedBinds: { readonly max: number; readonly window: number }
  /** How long a login or a group is believed without asking again; 0: not at all. At most 60 s. */
  readonly cacheTime: number
}

export interface LdapServer {
  /** As written, `ldaps://dc1.example.com:636`. */
  readonly url: string
  readonly host: string
  readonly port: number
}

/** What is said to it stays on this machine. */
export function isLoopback({ host }: LdapServer): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

export interface LdapTls {
  /** `none` only where the configuration says `allow_plaintext`. */
  readonly mode: 'ldaps' | 'starttls' | 'none'
  /** PEM file of the CAs that are trusted instead of those of Node. */
  readonly caFile: string | undefined
  /** The name that the certificate must bear; undefined: the server's host. */
  readonly serverName: string | undefined
  readonly minVersion: SecureVersion
  readonly clientCertificate: { readonly certFile: string; readonly keyFile: string } | undefined
}

export interface LdapDeadlines {
  /** TCP and TLS together. */
  readonly connect: number
  /** One request. */
  readonly operation: number
  /** One login, all servers together. */
  readonly login: number
}

export interface LdapLoad {
  /** How many connections at most, at any time. */
  readonly maxConcurrent: number
  /** How many logins may wait for one, and how long. */
  readonly queueLength: number
  readonly queueWait: number
}

export interface LdapBreaker {
  /** So many failures in a row … */
  readonly failures: number
  /** … and a server is left alone for so long. */
  readonly open: number
}

export type LdapBind =
  /** The entry is searched for by an account of our own; without a DN, anonymously. */
  | {
      readonly kind: 'search'
      readonly account: { readonly dn: string; readonly password: Secret } | undefined
    }
  /** The person's own credentials open the connection: `{user}` is put in as the mode of its surroundings wants. */
  | { readonly kind: 'direct'; readonly template: string }

export interface LdapUser {
  readonly bases: readonly string[]
  readonly scope: 'one' | 'sub'
  /** Who may log in at all, in the syntax of RFC 4515. */
  readonly filter: string
  /** What may be typed as the name. */
  readonly loginAttributes: readonly string[]
  /**
   * What may stand before the name, as in `CORP\\alice`. Undefined: anything where the account state is
   * read as Active Directory's, elsewhere nothing.
   */
  readonly domain?: string | undefined
  /** What the person is called in tokens and rules. */
  readonly nameAttribute: string
  /** Never changes, also where the person is renamed: entryUUID, objectGUID. */
  readonly idAttribute: string
}

export interface LdapGroups {
  readonly mode: 'member_of' | 'search' | 'ad_nested' | 'none'
  /** Only groups below one of these count; at least one. */
  readonly bases: readonly string[]
  readonly filter: string
  /** Of the group: member, uniqueMember by DN, memberUid by the `uid`, or else the name, of the person. */
  readonly memberAttributes: readonly string[]
  /** Of the group, what rules call it; `dn`: its whole DN. */
  readonly nameAttribute: string
  /** Also the groups that a group is a member of. */
  readonly nested: boolean
  readonly depth: number
  readonly max: number
  /** Where not empty, only these groups count, under these names. */
  readonly map: readonly { readonly dn: string; readonly group: string }[]
  /** Whoever is in none of these may not log in; empty: everybody may. Names as rules use them. */
  readonly required: readonly string[]
}

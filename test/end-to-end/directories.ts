/** A server whose people are in a test's directories, and logins at it. */

import { serviceAccount, suffix } from '../support/directory-entries.ts'
import { type ConfigTree, type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { domainServiceAccount } from '../support/samba-entries.ts'
import { type Answer, ask, basic, type Login } from './ask.ts'

/** An entry of `authentication`, with the preset for OpenLDAP; nothing is remembered, so that the directory is asked. */
export function openldap(
  urls: string | readonly string[],
  caFile: string,
  changes: ConfigTree = {},
): ConfigTree {
  return {
    ldap: {
      name: 'corp',
      preset: 'openldap',
      urls,
      base: suffix,
      bind: { dn: serviceAccount.dn, password: serviceAccount.password },
      tls: { ca_file: caFile },
      cache: '0s',
      ...changes,
    },
  }
}

/** The same for Active Directory. */
export function activeDirectory(
  samba: {
    readonly ldapsUrl: string
    readonly caFile: string
    readonly serverName: string
    readonly suffix: string
  },
  changes: ConfigTree = {},
): ConfigTree {
  return {
    ldap: {
      name: 'ad',
      preset: 'active_directory',
      urls: samba.ldapsUrl,
      base: samba.suffix,
      bind: { dn: domainServiceAccount.dn, password: domainServiceAccount.password },
      tls: { ca_file: samba.caFile, server_name: samba.serverName },
      cache: '0s',
      ...changes,
    },
  }
}

/** Everybody may pull what is public; developers pull and push what is theirs, and so do the engineers. */
export const groupRules = [
  { who: ['anyone'], may: ['pull'], on: ['public/**'] },
  { who: ['group:developers'], may: ['pull', 'push'], on: ['developers/**'] },
  { who: ['group:engineering'], may: ['pull', 'push'], on: ['engineering/**'] },
]

/** What a server with these backends is configured with. It takes each login's network from {@link logIn}. */
export function configOf(authentication: readonly unknown[]): ConfigTree {
  return {
    server: { trusted_proxies: ['127.0.0.1/32'] },
    authentication,
    rules: groupRules,
  }
}

export function startWith(
  authentication: readonly unknown[],
  files: Readonly<Record<string, string>> = {},
): Promise<Dockwarden> {
  return startDockwarden({ config: configOf(authentication), files })
}

let logins = 0

/** A network that nobody has come from: tests of a backend must not meet the limits of one network. */
export function newNetwork(): Readonly<Record<string, string>> {
  logins += 1
  return { 'x-forwarded-for': `10.${logins >> 8}.${logins & 255}.1` }
}

/** Asks for a token, as a client in a network of its own. */
export function logIn(
  server: { readonly url: string },
  { user, password }: Login,
  ...scopes: readonly string[]
): Promise<Answer> {
  const query = new URLSearchParams({ service: 'registry' })
  for (const scope of scopes) query.append('scope', scope)
  const headers = { authorization: basic(user, password), ...newNetwork() }
  return ask(`${server.url}/token?${query}`, { headers })
}

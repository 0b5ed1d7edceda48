/** What docker_auth's other settings become, and which have no counterpart. */

import { longestTokenLifetime, shortestTokenLifetime } from '../../config/values.ts'
import type { AuthConfig } from './auth-config.ts'
import type { Change } from './change.ts'
import { isCarriedClaim } from './surroundings.ts'

/** Sections that know people or rules of their own: those are not here to be read. */
const foreign: Readonly<Record<string, string>> = {
  google_auth: 'sign-in with Google',
  github_auth: 'sign-in with GitHub',
  gitlab_auth: 'sign-in with GitLab',
  oidc_auth: 'sign-in with OpenID Connect',
  mongo_auth: 'the users in MongoDB',
  xorm_auth: 'the users in a database',
  ext_auth: 'the program that knows users',
  plugin_authn: 'the plugin that knows users',
  acl_mongo: 'the rules in MongoDB',
  acl_xorm: 'the rules in a database',
  ext_authz: 'the program that decides',
  plugin_authz: 'the plugin that decides',
  casbin_authz: 'the policy of Casbin',
}

/** Of `server` and `token`: what becomes of it, by its key. */
const known: Readonly<Record<string, string>> = {
  'server.addr': 'is server.listen here; the default is 127.0.0.1:5001, behind a proxy',
  'server.net': 'has no counterpart: Dockwarden listens on TCP',
  'server.path_prefix': 'has no counterpart: the proxy hands over /token',
  'server.certificate': 'has no counterpart: the proxy speaks TLS',
  'server.key': 'has no counterpart: the proxy speaks TLS',
  'server.real_ip_header':
    'is server.trusted_proxies here: X-Forwarded-For is believed of these addresses alone',
  'server.real_ip_pos': 'is server.trusted_proxies here',
  'token.certificate':
    'has no counterpart: Dockwarden makes a certificate authority in "keys"; give its ca.crt to the registry as rootcertbundle',
  'token.key': 'has no counterpart: signing keys live in memory',
}

/** What is told of everything but users, rules and the directory. */
export function settingsChanges(
  { sections, settings }: AuthConfig,
  services: readonly string[],
  options: { readonly services: readonly string[] },
): readonly Change[] {
  const note = (message: string): Change => ({ kind: 'note', message })
  const ofSections = [...sections].map(([key, line]): Change => {
    const what = foreign[key]
    if (what === undefined)
      return note(`${key} (line ${line}) is no section that docker_auth knows`)
    return { kind: 'less', message: `${key} (line ${line}) is not carried over: ${what}` }
  })
  const ofSettings = [...settings.keys()]
    .filter((key) => !carried.includes(key))
    .map((key) => note(`${key} ${known[key] ?? 'has no counterpart'}`))
  return [...ofSections, ...ofSettings, ...[...valueNotes(settings, services, options)].map(note)]
}

const carried = ['token.issuer', 'token.expiration']

function* valueNotes(
  settings: ReadonlyMap<string, string>,
  services: readonly string[],
  options: { readonly services: readonly string[] },
): Generator<string> {
  if (issuerOf(settings) === undefined && settings.has('token.issuer')) {
    yield 'token.issuer holds quotes or is too long; "dockwarden" is used, so set it in the registry as well'
  }
  const { seconds, isAsked } = lifetimeOf(settings)
  if (!isAsked && settings.has('token.expiration')) {
    yield `token.expiration is ${seconds} seconds here: a token cannot be taken back, and clients count on a minute`
  }
  if (options.services.length === 0) {
    const names = services.map((name) => JSON.stringify(name)).join(', ')
    yield `docker_auth gives tokens for every service; Dockwarden for ${names}: name yours with --service`
  }
  yield 'nothing is given on names that no registry has, on types other than repository and registry:catalog, and for actions other than pull, push, delete'
}

/** The issuer, where it can stand in a challenge. */
export function issuerOf(settings: ReadonlyMap<string, string>): string | undefined {
  const issuer = settings.get('token.issuer') ?? ''
  return isCarriedClaim(issuer) ? issuer : undefined
}

/** How long tokens live, within what Dockwarden allows. */
export function lifetimeOf(settings: ReadonlyMap<string, string>) {
  const asked = Number(settings.get('token.expiration') ?? 900)
  const seconds = Number.isInteger(asked)
    ? Math.min(longestTokenLifetime, Math.max(shortestTokenLifetime, asked))
    : 900
  return { seconds, isAsked: seconds === asked }
}

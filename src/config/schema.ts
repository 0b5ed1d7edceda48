/** What `dockwarden.yml` may hold: every key, what it means, its default and its limits. */

import { z } from 'zod'
import type { BackendConfig } from './config.ts'
import { editorHints, sectionHints } from './editor-hints.ts'
import { ldap } from './ldap-schema.ts'
import { nearest } from './nearest.ts'
import { rules, ruleTest } from './rule-schema.ts'
import {
  backendName,
  claim,
  memberName,
  onLists,
  onMaps,
  refuseTwins,
  section,
  text,
} from './schema-parts.ts'
import {
  readDatabase,
  readListen,
  readPublicUrl,
  readTokenLifetime,
  readTrustedProxy,
} from './values.ts'

/**
 * What a later version understands, by the section it will stand in. It is refused by its name: a
 * setting that is ignored is one that somebody believes in.
 */
export const notSupportedYet: Readonly<Record<string, readonly string[]>> = {
  '': ['throttle', 'audit', 'metrics', 'identity_tokens', 'robots'],
  'services[]': ['trust'],
  'authentication[]': ['oidc', 'access_tokens'],
}

const server = section({
  listen: text
    .meta(editorHints.listen)
    .transform(readListen)
    .prefault('127.0.0.1:5001')
    .describe('Address and port to listen on, an IPv6 address in brackets.'),
  public_url: text
    .meta(editorHints.publicUrl)
    .transform(readPublicUrl)
    .optional()
    .describe('What clients reach this server as; the realm is this and /token.'),
  trusted_proxies: z
    .array(text.meta(editorHints.network).transform(readTrustedProxy))
    .prefault([])
    .describe('Addresses and CIDRs of the proxies whose X-Forwarded-For is believed.'),
  control_socket: text
    .meta(editorHints.socket)
    .optional()
    .describe(
      'Unix socket for commands such as `dockwarden reload`; beside the database unless named.',
    ),
})

const service = section({
  name: claim.describe("The registry's REGISTRY_AUTH_TOKEN_SERVICE; the token's aud."),
  token_lifetime: text
    .meta(editorHints.lengthOfTime)
    .transform(readTokenLifetime)
    .prefault('5m')
    .describe('How long a token is good for: 60s to 1h.'),
})

const backends = section({
  htpasswd: section({
    file: text.meta(editorHints.htpasswdFile).describe('The htpasswd file.'),
    name: backendName.prefault('htpasswd').describe('What logs call this backend.'),
  })
    .optional()
    .describe('Users of an htpasswd file.'),
  accounts: section({
    name: backendName.prefault('accounts').describe('What logs call this backend.'),
  })
    .nullable()
    .optional()
    .describe("Dockwarden's own accounts, in its database."),
  ldap: ldap.optional().describe('People of an LDAP directory or of Active Directory.'),
})

const backendKinds = Object.keys(backends.shape)

const backend = z.union([
  backends
    .superRefine((value, ctx) => {
      const kinds = Object.keys(value)
      if (kinds.length > 1) {
        const message = `${kinds.join(' and ')} are two backends; begin each with a "-" of its own`
        ctx.addIssue({ code: 'custom', message })
      } else if (kinds.length === 0 && ctx.issues.length === 0) {
        const message = `is empty; name one of ${backendKinds.join(', ')}`
        ctx.addIssue({ code: 'custom', message })
      }
    }, onMaps)
    .meta(sectionHints.oneKey)
    .transform(({ htpasswd, accounts, ldap }): BackendConfig => {
      if (htpasswd) return { kind: 'htpasswd', ...htpasswd }
      if (ldap) return { kind: 'ldap', ...ldap }
      // Without any of them it has a fault of its own, and no name that another backend could bear.
      if (accounts === undefined) return z.NEVER
      return { kind: 'accounts', name: accounts?.name ?? 'accounts' }
    }),
  z
    .literal('accounts', { error: ({ input }) => backendWordFault(input) })
    .transform((name): BackendConfig => ({ kind: 'accounts', name })),
])

/** The short form is for backends that need no settings. */
function backendWordFault(word: unknown): string {
  if (typeof word !== 'string') return `must be a map with one of ${backendKinds.join(', ')}`
  if (word === 'htpasswd') return 'needs its file; write "- htpasswd: { file: auth/htpasswd }"'
  if (word === 'ldap') return 'needs to know its directory; see docs/ldap.md'
  if (notSupportedYet['authentication[]']?.includes(word)) return `${word} is not supported yet`
  return `"${word}" is no backend; ${nearest(word, backendKinds)}`
}

const groups = z.record(memberName, z.array(memberName))

const denials = section({
  contact: text
    .meta(editorHints.contact)
    .refine((value) => value.length <= 100, 'must be at most 100 characters')
    .optional()
    .describe('Whom somebody who is refused can ask, as in "#platform" or ops@example.com.'),
  detail: z
    .enum(['none', 'rule'], { error: () => 'must be none or rule' })
    .prefault('none')
    .describe('Whether somebody who is refused is told the rule that denies it.'),
})

/** A file of rules that are tried beside those in force. */
export const candidateSchema = section({
  groups: groups.optional().describe('Instead of the "groups" of the configuration.'),
  rules: rules.describe('As in the configuration.'),
})

export const configSchema = section({
  server: server.prefault({}).describe('Where it listens and what it is reached as.'),
  services: z
    .array(service)
    .min(1, 'is empty; a token is always for a service: name one')
    .superRefine((services, ctx) => {
      refuseTwins(
        ctx,
        services.map((each) => each?.name),
        (index) => [index, 'name'],
        'service',
      )
    }, onLists)
    .prefault([{ name: 'registry' }])
    .describe('The registries that tokens are issued for.'),
  issuer: claim
    .prefault('dockwarden')
    .describe("The registry's REGISTRY_AUTH_TOKEN_ISSUER; the token's iss."),
  database: text
    .meta(editorHints.database)
    .transform(readDatabase)
    .prefault('sqlite:data/dockwarden.db')
    .describe('Where accounts, rules without a deploy and failed logins are kept: sqlite:PATH.'),
  keys: text.prefault('keys').describe('Folder of the token certificate authority.'),
  groups: groups
    .prefault({})
    .describe('Groups and the names of their members, beside the groups that a backend gives.'),
  authentication: z
    .array(backend)
    .superRefine((entries, ctx) => {
      const names = entries.map((entry) => entry?.name)
      refuseTwins(ctx, names, (index) => [index], 'backend')
    }, onLists)
    .optional()
    .describe('The backends that know users, asked in this order.'),
  rules: rules
    .optional()
    .describe('Who may do what on which repositories; what no rule gives, nobody gets.'),
  rule_tests: z
    .array(ruleTest)
    .prefault([])
    .describe('What the rules must give and must not give; the file is refused where they do not.'),
  rules_candidate: text
    .meta(editorHints.candidate)
    .optional()
    .describe('A file of rules that are tried beside these; what they would change is logged.'),
  denials: denials
    .prefault({})
    .describe(
      'What somebody is told whom the registry refuses, through the proxy that asks for it.',
    ),
}).superRefine((value, ctx) => {
  const { services, rules: ofFile = [], rule_tests: tests = [] } = value
  if (!Array.isArray(services)) return
  const known = services.map((each) => each?.name).filter((name) => typeof name === 'string')
  const refuseUnknown = (path: (string | number)[], name: unknown) => {
    // Without any, those of the file are at fault, and that is told there.
    if (typeof name !== 'string' || known.length === 0 || known.includes(name)) return
    const message = `no service is named "${name}"; ${nearest(name, known)}`
    ctx.addIssue({ code: 'custom', path, message })
  }
  for (const [index, each] of Array.isArray(ofFile) ? ofFile.entries() : []) {
    const named = each?.when?.service
    for (const [position, name] of Array.isArray(named) ? named.entries() : []) {
      refuseUnknown(['rules', index, 'when', 'service', position], name)
    }
  }
  for (const [index, each] of Array.isArray(tests) ? tests.entries() : []) {
    refuseUnknown(['rule_tests', index, 'service'], each?.service)
  }
}, onMaps)

/** The file as the schema leaves it: checked, defaults filled in, paths as written. */
export type ConfigFile = z.output<typeof configSchema>

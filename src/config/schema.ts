/** What `dockwarden.yml` may hold: every key, what it means, its default and its limits. */

import { z } from 'zod'
import { catalog } from '../authorization/policy.ts'
import type { BackendConfig } from './config.ts'
import { nearest } from './nearest.ts'
import {
  readDatabase,
  readListen,
  readPrincipal,
  readPublicUrl,
  readResource,
  readTokenLifetime,
  readTrustedProxy,
} from './values.ts'

/**
 * What a later version understands, by the section it will stand in. It is refused by its name: a
 * setting that is ignored is one that somebody believes in.
 */
export const notSupportedYet: Readonly<Record<string, readonly string[]>> = {
  '': [
    'rule_tests',
    'rules_candidate',
    'denials',
    'throttle',
    'audit',
    'metrics',
    'identity_tokens',
    'robots',
  ],
  'services[]': ['trust'],
  'authentication[]': ['ldap', 'oidc', 'access_tokens'],
  'rules[]': ['when'],
}

/** A map of known keys. The message of an unknown key is the list of those, for the nearest of them. */
function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : undefined),
  })
}

// Checks that look at several values also run where some of those have faults, so that all are told
// at once. They must then take nothing for granted of what is within.
const onMaps = { when: ({ value }: { value: unknown }) => isObject(value) && !Array.isArray(value) }
const onLists = { when: ({ value }: { value: unknown }) => Array.isArray(value) }

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

const text = z
  .string()
  .max(1_000, 'is longer than 1,000 characters; nothing here is')
  .refine((value) => value.trim() !== '', { error: 'is empty; give it a value', abort: true })
  .refine(
    (value) => !/^\s|\s$|\p{Cc}/u.test(value),
    'holds a control character, or a space at an end; remove it',
  )

/** A list, or its only element without the brackets. */
function oneOrMore<Element extends z.ZodType>(element: Element) {
  return z.union([
    z.array(element).min(1, 'is an empty list; name at least one, or remove the key'),
    element.transform((only) => [only]),
  ])
}

/** Refuses the second of two that bear one name. */
function refuseTwins(
  ctx: z.core.$RefinementCtx,
  names: readonly (string | undefined)[],
  pathOf: (index: number) => readonly (string | number)[],
  what: string,
): void {
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    if (name === undefined) continue
    if (seen.has(name)) {
      const message = `another ${what} is named "${name}"; give this one a name of its own`
      ctx.addIssue({ code: 'custom', path: [...pathOf(index)], message })
    }
    seen.add(name)
  }
}

// Go's header writer and ours put it between quotes in the challenge, and clients into a URL.
const claim = text.refine(
  (value) => /^[ -~]{1,255}$/.test(value) && !/["\\]/.test(value),
  'must be at most 255 printable ASCII characters, without quotes and backslashes',
)

const memberName = text.refine(
  (value) => !/[:*]|^.{256}/s.test(value),
  'must be at most 255 characters, without ":" and "*"; write the bare name, as in alice',
)

const server = section({
  listen: text
    .transform(readListen)
    .prefault('127.0.0.1:5001')
    .describe('Address and port to listen on, an IPv6 address in brackets.'),
  public_url: text
    .transform(readPublicUrl)
    .optional()
    .describe('What clients reach this server as; the realm is this and /token.'),
  trusted_proxies: z
    .array(text.transform(readTrustedProxy))
    .prefault([])
    .describe('Addresses and CIDRs of the proxies whose X-Forwarded-For is believed.'),
})

const service = section({
  name: claim.describe("The registry's REGISTRY_AUTH_TOKEN_SERVICE; the token's aud."),
  token_lifetime: text
    .transform(readTokenLifetime)
    .prefault('5m')
    .describe('How long a token is good for: 60s to 1h.'),
})

// It names a part in logs and in /readyz.
const backendName = text.refine(
  (value) => /^[a-z0-9][a-z0-9._-]{0,63}$/i.test(value),
  'must be a short name of letters, digits, ".", "_" and "-"',
)

const backends = section({
  htpasswd: section({
    file: text.describe('The htpasswd file.'),
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
    .transform(({ htpasswd, accounts }): BackendConfig => {
      if (htpasswd) return { kind: 'htpasswd', ...htpasswd }
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
  if (notSupportedYet['authentication[]']?.includes(word)) return `${word} is not supported yet`
  return `"${word}" is no backend; ${nearest(word, backendKinds)}`
}

const actions = ['pull', 'push', 'delete', '*'] as const
const action = z.enum(actions, {
  error: ({ input }) =>
    typeof input === 'string' ? `"${input}" is no action; ${nearest(input, actions)}` : undefined,
})

const rule = section({
  name: text.optional().describe('What the rule says, for logs and explanations.'),
  who: oneOrMore(text.transform(readPrincipal)).describe(
    'Whom it speaks of: anonymous, authenticated, anyone, user:NAME, group:NAME.',
  ),
  may: oneOrMore(action).optional().describe('What they may: pull, push, delete, or "*" for all.'),
  may_not: oneOrMore(action).optional().describe('What they may not, whatever other rules say.'),
  on: oneOrMore(text.transform(readResource)).describe(
    `Patterns over repository names such as "team/**", or ${catalog}.`,
  ),
}).superRefine((value, ctx) => {
  const { may, may_not: mayNot, on } = value
  const isFaulty = (key: string) => ctx.issues.some(({ path }) => path?.[0] === key)
  if (may === undefined && mayNot === undefined && !isFaulty('may') && !isFaulty('may_not')) {
    ctx.addIssue({ code: 'custom', message: 'gives and denies nothing; add may: or may_not:' })
  }
  if (!Array.isArray(on) || !on.includes(catalog)) return
  for (const key of ['may', 'may_not'] as const) {
    const named = value[key]
    if (!Array.isArray(named) || (named.length === 1 && named[0] === '*')) continue
    const message = `${catalog} knows one action, "*"; write ${key}: ["*"], and repositories in a rule of their own`
    ctx.addIssue({ code: 'custom', path: [key], message })
  }
}, onMaps)

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
    .transform(readDatabase)
    .prefault('sqlite:data/dockwarden.db')
    .describe('Where accounts are kept: sqlite:PATH.'),
  keys: text.prefault('keys').describe('Folder of the token certificate authority.'),
  groups: z
    .record(memberName, z.array(memberName))
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
  rules: z
    .array(rule)
    .superRefine((rules, ctx) => {
      refuseTwins(
        ctx,
        rules.map((each) => each?.name),
        (index) => [index, 'name'],
        'rule',
      )
    }, onLists)
    .optional()
    .describe('Who may do what on which repositories; what no rule gives, nobody gets.'),
})

/** The file as the schema leaves it: checked, defaults filled in, paths as written. */
export type ConfigFile = z.output<typeof configSchema>

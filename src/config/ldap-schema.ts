/** The `ldap` entry of `authentication`: its keys, and the settings that they and its preset make. */

import { isIP } from 'node:net'
import { z } from 'zod'
import { parseDistinguishedName } from '../authentication/ldap/distinguished-name.ts'
import { parseFilter } from '../authentication/ldap/filter.ts'
import {
  isLoopback,
  type LdapServer,
  type LdapSettings,
  type Secret,
} from '../authentication/ldap/settings.ts'
import { editorHints } from './editor-hints.ts'
import { type LdapPreset, ldapPresets } from './ldap-presets.ts'
import { backendName, oneOrMore, onMaps, section, text } from './schema-parts.ts'
import { readNumberBetween, readTimeBetween, readYesOrNo } from './values.ts'

// What we could not read would be compared with the directory's DNs in vain, without a word.
const distinguishedName = text
  .refine(
    (value) => parseDistinguishedName(value) !== undefined,
    'is no distinguished name; write it as in dc=example,dc=com',
  )
  .meta(editorHints.distinguishedName)

const attribute = text
  .refine((value) => /^[a-z][a-z0-9-]*$/i.test(value), 'is no attribute name; write it as in uid')
  .meta(editorHints.attribute)

const filter = text
  .superRefine((value, ctx) => {
    try {
      parseFilter(value)
    } catch {
      ctx.addIssue({
        code: 'custom',
        message: 'is no LDAP filter (RFC 4515); write it as in (objectClass=person)',
      })
    }
  })
  .meta(editorHints.filter)

const url = text
  .meta(editorHints.ldapUrl)
  .transform((value, ctx): LdapServer & { readonly scheme: string } => {
    const [, scheme, host, inBrackets, port] =
      /^(ldaps?):\/\/((?:\[([0-9a-f:.]+)\])|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i.exec(value) ?? []
    const isAddress = inBrackets === undefined || isIP(inBrackets) === 6
    if (scheme === undefined || host === undefined || !isAddress || Number(port ?? 1) > 65_535) {
      const message = `"${value}" is no LDAP URL; write ldaps://dc1.example.com, or ldap://dc1.example.com:389`
      ctx.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    const isTls = scheme.toLowerCase() === 'ldaps'
    return {
      url: value.replace(/\/$/, ''),
      host: inBrackets ?? host,
      port: Number(port ?? (isTls ? 636 : 389)),
      scheme: scheme.toLowerCase(),
    }
  })

/** @param usual where the file says nothing, as the file would say it */
const timeBetween = (shortest: string, longest: string, usual: string) =>
  text.meta(editorHints.lengthOfTime).transform(readTimeBetween(shortest, longest)).prefault(usual)

/** As {@link timeBetween}. */
const numberBetween = (least: number, most: number, usual: string) =>
  text
    .meta({ ...editorHints.wholeNumber, minimum: least, maximum: most })
    .transform(readNumberBetween(least, most))
    .prefault(usual)

function oneOf<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.enum(words, `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
}

const tls = section({
  mode: oneOf('ldaps', 'starttls', 'none')
    .optional()
    .describe('ldaps for ldaps:// URLs, starttls (the default) or none for ldap:// ones.'),
  ca_file: text
    .meta(editorHints.certificate)
    .optional()
    .describe("PEM file of the directory's CA. Default: the CAs of Node."),
  server_name: text
    .meta(editorHints.host)
    .optional()
    .describe("The name in the directory's certificate, where it is not the host of the URL."),
  min_version: oneOf('TLSv1.2', 'TLSv1.3')
    .prefault('TLSv1.2')
    .describe('The oldest TLS that is spoken.'),
  client_cert: text
    .meta(editorHints.certificate)
    .optional()
    .describe('PEM file of a certificate to show to the directory.'),
  client_key: text.meta(editorHints.key).optional().describe('PEM file of its key.'),
})

const bind = z.union([
  section({
    dn: distinguishedName.optional().describe('The account that searches.'),
    password: text
      .meta(editorHints.password)
      .optional()
      .describe('Its password; better in a file, or from the environment.'),
    password_file: text
      .meta(editorHints.passwordFile)
      .optional()
      .describe('The file that holds its password.'),
    user_template: text
      .meta(editorHints.userTemplate)
      .optional()
      .describe('Instead of an account: what people bind as, "uid={user},ou=people,dc=…".'),
  }).superRefine((value, ctx) => {
    const { dn, password, password_file: file, user_template: template } = value
    const refuse = (key: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: key === '' ? [] : [key], message })
    if (template !== undefined) {
      if (dn !== undefined) refuse('user_template', 'stands beside dn; keep one of the two')
      else if (template.split('{user}').length !== 2 || !/[=@\\]/.test(template))
        refuse('user_template', 'must hold {user} once, in a DN, user@domain or DOMAIN\\user')
    } else if (dn === undefined) {
      refuse(
        '',
        'names nobody; give dn and password_file, or user_template, or write bind: anonymous',
      )
    } else if (password === undefined && file === undefined) {
      refuse('', 'has no password; add password_file')
    } else if (password !== undefined && file !== undefined) {
      refuse('password', 'stands beside password_file; keep one of the two')
    }
  }, onMaps),
  z.literal('anonymous', {
    error: ({ input }) =>
      input === undefined
        ? 'is missing; give dn and password_file, or user_template, or write bind: anonymous'
        : 'must be a map with dn and password_file, or the word anonymous',
  }),
])

const user = section({
  base: oneOrMore(distinguishedName).optional().describe('Where people are. Default: base'),
  scope: oneOf('sub', 'one').optional().describe('How deep below it.'),
  filter: filter.optional().describe('Who may log in at all.'),
  login_attributes: oneOrMore(attribute).optional().describe('What people may type as their name.'),
  domain: text
    .refine((value) => !/[\\@/]/.test(value), 'is the word before the backslash in CORP\\alice')
    .meta(editorHints.domain)
    .optional()
    .describe('What may stand before the name, as in CORP\\alice. Default: any, for AD alone.'),
  name_attribute: attribute.optional().describe('What tokens and rules call them.'),
  id_attribute: attribute.optional().describe('What never changes of them.'),
})

const groups = section({
  mode: oneOf('search', 'member_of', 'ad_nested', 'none')
    .optional()
    .describe('Where groups are seen: in the groups, in the person, by AD, nowhere.'),
  base: oneOrMore(distinguishedName)
    .optional()
    .describe('Only groups below it count. Default: base'),
  filter: filter.optional().describe('What is a group.'),
  member_attributes: oneOrMore(attribute)
    .optional()
    .describe('Where a group names its members; memberUid by name, others by DN.'),
  name_attribute: attribute.optional().describe('What rules call a group; dn: its whole DN.'),
  nested: text
    .meta(editorHints.yesOrNo)
    .transform(readYesOrNo)
    .optional()
    .describe('Also the groups of groups.'),
  depth: numberBetween(1, 50, '10').describe('How far to follow them.'),
  max: numberBetween(1, 10_000, '1000').describe('How many groups one person may have.'),
  map: z
    .array(
      section({
        dn: distinguishedName.describe("The group's DN."),
        group: text.meta(editorHints.group).describe('What rules call it.'),
      }),
    )
    .prefault([])
    .describe('If given, only these groups count, under these names.'),
  required: z
    .array(text.meta(editorHints.group))
    .prefault([])
    .describe('Who is in none of these groups may not log in. Names as rules use them.'),
})

/** A directory as the file writes it, resolved to what the backend asks for; paths as written. */
export const ldap = section({
  name: backendName.prefault('ldap').describe('What logs call this backend.'),
  preset: z
    .enum(['openldap', 'active_directory', 'freeipa'], {
      error: ({ input }) =>
        input === undefined
          ? 'is missing; name openldap, active_directory or freeipa'
          : 'must be openldap, active_directory or freeipa',
    })
    .describe('Fills in what such a directory usually has; every value can be given as well.'),
  urls: oneOrMore(url).describe('The servers, tried in this order: ldaps://HOST or ldap://HOST.'),
  base: oneOrMore(distinguishedName).describe('Where people and groups are.'),
  bind: bind.describe('Who searches: an account, the people themselves, or anonymous.'),
  tls: tls.prefault({}).describe('How the connection is secured.'),
  allow_plaintext: text
    .meta(editorHints.yesOrNo)
    .transform(readYesOrNo)
    .prefault('false')
    .describe('Says aloud that passwords may cross the network unencrypted (tls.mode: none).'),
  user: user.prefault({}).describe('How people are found.'),
  groups: groups.prefault({}).describe('How their groups are found.'),
  account_state: oneOf('openldap', 'active_directory', 'none')
    .optional()
    .describe('Whose signs of locked and expired accounts are read. Default: by the preset'),
  connect_timeout: timeBetween('100ms', '10s', '2s').describe('For TCP and TLS.'),
  operation_timeout: timeBetween('100ms', '10s', '3s').describe('For one request.'),
  login_deadline: timeBetween('500ms', '10s', '5s').describe(
    'For one login, all servers together.',
  ),
  max_concurrent: numberBetween(1, 1_000, '16').describe('Connections at most.'),
  queue: numberBetween(0, 10_000, '64').describe('Logins that may wait for one.'),
  queue_wait: timeBetween('0s', '10s', '1s').describe('How long they may wait.'),
  breaker: section({
    failures: numberBetween(1, 100, '3').describe(
      'Failures in a row after which a server is left alone …',
    ),
    open: timeBetween('1s', '60s', '5s').describe('… and for how long.'),
  })
    .prefault({})
    .describe('When a server that does not answer is left alone.'),
  failed_binds: section({
    max: numberBetween(2, 100, '4').describe(
      'Wrong passwords of one person that reach the directory …',
    ),
    window: timeBetween('10s', '24h', '15m').describe(
      '… before a pause of so long. Keep it below its own lock-out.',
    ),
  })
    .prefault({})
    .describe('Keeps the directory from locking people out.'),
  cache: timeBetween('0s', '60s', '60s').describe(
    'How long a login and its groups are believed without asking; 0s: not at all.',
  ),
})
  .superRefine(refuseContradictions, onMaps)
  .transform((value): LdapSettings => {
    const preset: LdapPreset = ldapPresets[value.preset]
    const isLdaps = value.urls[0]?.scheme === 'ldaps'
    const { client_cert: certFile, client_key: keyFile } = value.tls
    return {
      name: value.name,
      servers: value.urls.map(({ url, host, port }) => ({ url, host, port })),
      tls: {
        mode: value.tls.mode ?? (isLdaps ? 'ldaps' : 'starttls'),
        caFile: value.tls.ca_file,
        serverName: value.tls.server_name,
        minVersion: value.tls.min_version,
        clientCertificate:
          certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
      },
      deadlines: {
        connect: value.connect_timeout,
        operation: value.operation_timeout,
        login: value.login_deadline,
      },
      load: {
        maxConcurrent: value.max_concurrent,
        queueLength: value.queue,
        queueWait: value.queue_wait,
      },
      breaker: value.breaker,
      bind: bindOf(value.bind),
      user: {
        bases: value.user.base ?? value.base,
        scope: value.user.scope ?? preset.user.scope,
        filter: value.user.filter ?? preset.user.filter,
        loginAttributes: value.user.login_attributes ?? preset.user.loginAttributes,
        domain: value.user.domain,
        nameAttribute: value.user.name_attribute ?? preset.user.nameAttribute,
        idAttribute: value.user.id_attribute ?? preset.user.idAttribute,
      },
      accountState: value.account_state ?? preset.accountState,
      groups: {
        mode: value.groups.mode ?? preset.groups.mode,
        bases: value.groups.base ?? value.base,
        filter: value.groups.filter ?? preset.groups.filter,
        memberAttributes: value.groups.member_attributes ?? preset.groups.memberAttributes,
        nameAttribute: value.groups.name_attribute ?? preset.groups.nameAttribute,
        nested: value.groups.nested ?? preset.groups.nested,
        depth: value.groups.depth,
        max: value.groups.max,
        map: value.groups.map,
        required: value.groups.required,
      },
      failedBinds: value.failed_binds,
      cacheTime: value.cache,
    }
  })

type Written = {
  readonly [Key in
    | 'urls'
    | 'tls'
    | 'allow_plaintext'
    | 'preset'
    | 'account_state'
    | 'bind']?: unknown
}

/** What no single value shows. Any of them may be faulty in itself, and then be anything. */
function refuseContradictions(value: Written, ctx: z.core.$RefinementCtx): void {
  const refuse = (path: string[], message: string) =>
    ctx.addIssue({ code: 'custom', path, message })
  const { mode, client_cert: cert, client_key: key } = (value.tls ?? {}) as z.input<typeof tls>
  if ((cert === undefined) !== (key === undefined)) {
    refuse(['tls'], 'has one of client_cert and client_key; give both')
  }
  if ([value.preset, value.account_state].includes('active_directory') && isByPrincipal(value)) {
    refuse(
      ['bind', 'user_template'],
      'lets people bind by sAMAccountName and by userPrincipalName, each with wrong passwords of its own until Active Directory locks the account; write "CORP\\\\{user}" with the NetBIOS name of your domain, or let an account search (dn, password_file)',
    )
  }
  const urls = Array.isArray(value.urls) ? (value.urls as z.output<typeof url>[]) : []
  const schemes = new Set(urls.map((each) => each?.scheme))
  const [scheme] = schemes
  if (scheme === undefined) return
  if (schemes.size > 1) {
    refuse(['urls'], 'mixes ldap:// and ldaps://; all servers must be asked in the same way')
  } else if (mode !== undefined && (scheme === 'ldaps') !== (mode === 'ldaps')) {
    const right =
      scheme === 'ldaps' ? 'ldaps:// is always tls.mode ldaps' : 'ldap:// is starttls or none'
    refuse(['tls', 'mode'], `does not go with the URLs: ${right}`)
  } else if (mode === 'none' && value.allow_plaintext !== true && !urls.every(isLoopback)) {
    refuse(
      ['tls', 'mode'],
      'would send passwords across the network unencrypted; if that is meant, add allow_plaintext: true',
    )
  }
}

/** MS-ADTS §5.1.1.1.1: alice@domain is the principal name of one person, and, if not, the account name of another. */
function isByPrincipal({ bind: written }: Written): boolean {
  const { user_template: template } = (written ?? {}) as { readonly user_template?: unknown }
  if (typeof template !== 'string' || !template.includes('@')) return false
  return parseDistinguishedName(template.replace('{user}', 'user')) === undefined
}

function bindOf(written: z.output<typeof bind>): LdapSettings['bind'] {
  if (written === 'anonymous') return { kind: 'search', account: undefined }
  const { dn, password, password_file: file, user_template: template } = written
  if (template !== undefined) return { kind: 'direct', template }
  const secret: Secret = file === undefined ? { text: password ?? '' } : { file }
  return { kind: 'search', account: { dn: dn ?? '', password: secret } }
}

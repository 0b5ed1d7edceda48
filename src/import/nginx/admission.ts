/** Who gets past nginx in a place of its configuration, by method. */

import { formatNetwork, parseNetwork } from '../../network.ts'
import type { Directive } from './nginx-config.ts'

/** Whom nginx lets through. */
export type Admission =
  | { readonly kind: 'nobody' }
  | {
      readonly kind: 'some'
      /** The htpasswd file whose people may; undefined: anybody. */
      readonly file: string | undefined
      /** From where; undefined: from everywhere. */
      readonly networks: readonly string[] | undefined
      /** One of the two suffices (`satisfy any`). */
      readonly isEither: boolean
    }
  | { readonly kind: 'unknown'; readonly reason: string }

/** What a place of the configuration says, with what it inherits. */
export interface Context {
  readonly realm: string
  readonly file: string | undefined
  readonly networks: readonly Directive[]
  readonly satisfy: string
  /** Why it cannot be followed; undefined: it can. */
  readonly reason: string | undefined
}

/** What nginx does where nothing is said. */
export const outermost: Context = {
  realm: 'off',
  file: undefined,
  networks: [],
  satisfy: 'all',
  reason: undefined,
}

/** What changes nothing of who may do what. */
const harmless =
  /^(?:add_header|add_trailer|access_log|aio|charset|chunked_transfer_encoding|client_\w+|default_type|directio|env|error_log|etag|events|expires|gzip\w*|http2?|ignore_invalid_headers|keepalive\w*|large_client_header_buffers|limit_except|limit_(?:req|conn|rate)\w*|lingering_\w+|listen|location|log_format|log_not_found|map|map_hash\w*|more_\w+_headers|mime|open_file_cache\w*|output_buffers|pid|postpone_output|proxy_\w+|real_ip_\w+|recursive_error_pages|reset_timedout_connection|resolver\w*|root|index|send\w*|server|server_name\w*|server_names_hash\w*|server_tokens|set_real_ip_from|ssl_(?!verify_client$)\w+|ssl|tcp_no\w+|types\w*|underscores_in_headers|upstream|user|variables_hash\w*|worker_\w+|http3\w*|quic\w*|merge_slashes|absolute_redirect|port_in_redirect|server_name_in_redirect|zone|alias|daemon|load_module|uninitialized_variable_warn|request_pool_size|subrequest_output_buffer_size)$/
/** Files of nginx's own packages that hold nothing but such directives. */
const harmlessFile =
  /(?:^|\/)(?:mime\.types|(?:proxy|fastcgi|uwsgi|scgi)_params|options-ssl-nginx\.conf)$/
const ownDirectives = ['auth_basic', 'auth_basic_user_file', 'allow', 'deny', 'satisfy']

/** The context within a block. */
export function contextWithin(block: readonly Directive[], outer: Context): Context {
  const last = (name: string) => block.findLast((directive) => directive.name === name)?.args[0]
  const networks = block.filter(({ name }) => name === 'allow' || name === 'deny')
  const strange = block.find((directive) => !isKnown(directive))
  return {
    realm: last('auth_basic') ?? outer.realm,
    file: last('auth_basic_user_file') ?? outer.file,
    networks: networks.length > 0 ? networks : outer.networks,
    satisfy: last('satisfy') ?? outer.satisfy,
    reason:
      strange === undefined
        ? outer.reason
        : `line ${strange.line}: what "${shown(strange)}" does is not followed`,
  }
}

function isKnown({ name, args, block = [] }: Directive): boolean {
  if (ownDirectives.includes(name) || harmless.test(name)) return true
  if (name === 'include') return harmlessFile.test(args[0] ?? '')
  if (name === 'ssl_verify_client') return args[0] === 'off'
  // It may answer in place of a refusal.
  if (name === 'error_page') return !args.some((arg) => arg === '401' || arg === '403')
  // The recipe that keeps docker of before 1.6 out.
  return (
    name === 'if' &&
    args[0]?.startsWith('($http_user_agent') === true &&
    block.every((inner) => inner.name === 'return' && /^4\d\d$/.test(inner.args[0] ?? ''))
  )
}

function shown({ name, args }: Directive): string {
  return [name, ...args].join(' ').slice(0, 80)
}

const denyAll: Directive = { name: 'deny', args: ['all'], block: undefined, line: 0 }

/** Whom the context lets through. */
export function admissionOf({ realm, file, networks, satisfy, reason }: Context): Admission {
  if (reason !== undefined) return { kind: 'unknown', reason }
  if (realm.includes('$') || file?.includes('$') === true) {
    return { kind: 'unknown', reason: 'auth_basic hangs on a variable' }
  }
  const isAsked = realm !== 'off'
  if (isAsked && file === undefined)
    return { kind: 'unknown', reason: 'auth_basic has no auth_basic_user_file' }
  const isAny = satisfy === 'any' && isAsked && networks.length > 0
  // Whom no "allow" lets in is asked for a password then, also without a "deny all" behind them.
  const from = networksOf(isAny ? [...networks, denyAll] : networks)
  if (typeof from === 'string') return { kind: 'unknown', reason: from }
  const isNowhere = from?.length === 0
  const isEither = isAny && from !== undefined
  if (isAny && !isEither) return { kind: 'some', file: undefined, networks: undefined, isEither }
  if (isNowhere && !isEither) return { kind: 'nobody' }
  if (isEither && isNowhere) return { kind: 'some', file, networks: undefined, isEither: false }
  return { kind: 'some', file: isAsked ? file : undefined, networks: from, isEither }
}

/** The first that matches counts, and whom none matches gets through. */
function networksOf(directives: readonly Directive[]): readonly string[] | undefined | string {
  if (directives.length === 0) return undefined
  const isAll = ({ args }: Directive) => args[0] === 'all'
  const end = directives.findIndex(isAll)
  const before = directives.slice(0, end === -1 ? undefined : end)
  if (before.some(({ name }) => name === 'deny')) {
    return `line ${directives[0]?.line}: Dockwarden has no words for "everybody but these networks"`
  }
  // Only allows, and nothing that keeps the others out.
  if (end === -1 || directives[end]?.name === 'allow') return undefined
  const networks = before.map(({ args }) => parseNetwork(args[0] ?? ''))
  const strange = networks.indexOf(undefined)
  if (strange !== -1) return `"allow ${before[strange]?.args[0]}" is no network`
  return networks.flatMap((network) => (network === undefined ? [] : [formatNetwork(network)]))
}

/** Whom both let through; where that cannot be said, nobody is certain. */
export function bothAdmissions(a: Admission, b: Admission): Admission {
  if (a.kind === 'unknown' || b.kind === 'nobody') return b.kind === 'nobody' ? b : a
  if (b.kind === 'unknown' || a.kind === 'nobody') return a.kind === 'nobody' ? a : b
  if (JSON.stringify(a) === JSON.stringify(b) || isForAll(b)) return a
  if (isForAll(a)) return b
  return {
    kind: 'unknown',
    reason: 'its methods are for different people in a way that no rule can say',
  }
}

/** Whether it is for anybody from anywhere. */
export function isForAll(admission: Admission): boolean {
  return (
    admission.kind === 'some' && admission.file === undefined && admission.networks === undefined
  )
}

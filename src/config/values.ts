/**
 * The texts of the configuration that stand for something else: addresses, URLs, lengths of time,
 * networks. Each reader is a transform of the schema: it refuses with a sentence for the operator.
 */

import { isIP, isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import { parseAsker } from '../authorization/asked-name.ts'
import { networkFault } from '../authorization/conditions.ts'
import { parsePattern } from '../authorization/pattern.ts'
import { catalog } from '../authorization/policy.ts'
import { type Principal, parsePrincipal } from '../authorization/rule.ts'
import { isRepositoryName } from '../protocol/access.ts'
import { parseScopes } from '../protocol/scope.ts'
import { parseMoment } from './moment.ts'

type Context = z.core.$RefinementCtx<string>

function refuse(ctx: Context, message: string): never {
  ctx.issues.push({ code: 'custom', input: ctx.value, message })
  return z.NEVER
}

const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i

/** `host:port`, an IPv6 address in brackets. Port 0 lets the kernel choose. */
export function readListen(text: string, ctx: Context): { host: string; port: number } {
  const [, inBrackets, plain, digits] = /^(?:\[(.*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined) {
    return refuse(
      ctx,
      `"${text}" is not host:port; write 127.0.0.1:5001, or [::1]:5001 for an IPv6 address`,
    )
  }
  if (plain === '') {
    // ":5001" is "every interface" elsewhere: too much to say by leaving something out.
    return refuse(
      ctx,
      `"${text}" has no host; every interface is 0.0.0.0${text}, this machine alone 127.0.0.1${text}`,
    )
  }
  const looksNumeric = /^[\d.]+$/.test(plain ?? '')
  const isHost =
    plain === undefined
      ? isIPv6(inBrackets ?? '')
      : isIPv4(plain) || (!looksNumeric && hostName.test(plain))
  if (!isHost) return refuse(ctx, `"${inBrackets ?? plain}" is no address and no host name`)
  if (port > 65_535) return refuse(ctx, `there is no port ${digits}; the highest is 65535`)
  return { host: inBrackets ?? plain ?? '', port }
}

/** @returns the URL in its normal form, without a slash at its end */
export function readPublicUrl(text: string, ctx: Context): string {
  const url = /^https?:\/\/\S+$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) {
    return refuse(ctx, `"${text}" is no http or https URL; write https://registry.example.com`)
  }
  if (url.username !== '' || url.password !== '') {
    return refuse(ctx, 'a public URL holds no user name or password: every client sees it')
  }
  if (/[?#]/.test(text)) {
    return refuse(ctx, `"${text}" has a query or a fragment; the realm is this URL and /token`)
  }
  return url.href.replace(/\/+$/, '')
}

const secondsOf: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 }

/** `5m`, `300s`, `1h`, `7d`, or seconds as in `300`; with `ms` also `500ms`. @returns seconds */
function readSeconds(text: string, ctx: Context): number {
  const [, digits, unit = ''] = /^(\d{1,9})(ms|[smhd]?)$/.exec(text) ?? []
  if (digits === undefined) {
    return refuse(
      ctx,
      `"${text}" is no length of time; write 5m, 300s, 1h, 7d, or seconds as in 300`,
    )
  }
  return unit === 'ms' ? Number(digits) / 1000 : Number(digits) * (secondsOf[unit] ?? 1)
}

/** Docker's clients treat anything shorter as 60 s, so the token would end before they ask again. */
export const shortestTokenLifetime = 60
/** A token cannot be taken back: this is how long somebody who lost a right may still have it. */
export const longestTokenLifetime = 3_600

/** @returns seconds */
export function readTokenLifetime(text: string, ctx: Context): number {
  const seconds = readSeconds(text, ctx)
  if (seconds % 1 > 0) {
    // Registries read the times of a token as whole seconds, and clients "expires_in".
    return refuse(ctx, `${text} is no whole number of seconds; write 5m, 300s, or 300`)
  }
  if (seconds < shortestTokenLifetime) {
    return refuse(ctx, `${text} is too short: clients count on at least 60s; write 60s or more`)
  }
  if (seconds > longestTokenLifetime) {
    return refuse(
      ctx,
      `${text} is too long: a token cannot be taken back before it ends; write 1h or less`,
    )
  }
  return seconds
}

/**
 * A reader of lengths of time between two others, which are written as the file writes them.
 *
 * @returns milliseconds
 */
export function readTimeBetween(shortest: string, longest: string) {
  return (text: string, ctx: Context): number => {
    const seconds = readSeconds(text, ctx)
    if (seconds < readSeconds(shortest, ctx) || seconds > readSeconds(longest, ctx)) {
      return refuse(ctx, `${text} is out of range; write ${shortest} to ${longest}`)
    }
    return seconds * 1000
  }
}

/** A reader of whole numbers between two others. */
export function readNumberBetween(least: number, most: number) {
  return (text: string, ctx: Context): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (number >= least && number <= most) return number
    return refuse(ctx, `"${text}" must be a whole number from ${least} to ${most}`)
  }
}

export function readYesOrNo(text: string, ctx: Context): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  return refuse(ctx, `"${text}" must be true or false`)
}

/** @returns the path as written; the caller resolves it */
export function readDatabase(text: string, ctx: Context): string {
  if (/^postgres(ql)?:/i.test(text)) {
    return refuse(ctx, 'PostgreSQL is not supported yet; write sqlite:data/dockwarden.db')
  }
  const path = /^sqlite:(?!\/\/)(.+)$/.exec(text)?.[1]
  if (path === undefined) {
    return refuse(
      ctx,
      `"${text}" is no database; write sqlite:PATH as in sqlite:data/dockwarden.db`,
    )
  }
  if (path === ':memory:') {
    return refuse(ctx, 'accounts must outlive the process; write sqlite:data/dockwarden.db')
  }
  return path
}

// 10.0.0.0/8 and fc00::/7 are the widest private networks (RFC 1918, RFC 4193).
const shortestPrefix = { 4: 8, 6: 7 } as const

/** An address or a CIDR of proxies. Whoever is in it may claim any client address. */
export function readTrustedProxy(text: string, ctx: Context): string {
  if (['true', '*', 'all'].includes(text.toLowerCase())) {
    return refuse(
      ctx,
      `"${text}" would believe a client address that anybody wrote; name the proxy's network`,
    )
  }
  readNetwork(text, ctx)
  const [address = '', prefix] = text.split('/')
  if (prefix === undefined || ctx.issues.length > 0) return text
  const family = isIPv4(address) ? 4 : 6
  if (Number(prefix) < shortestPrefix[family]) {
    return refuse(
      ctx,
      `${text} is wider than any private network: strangers in it could claim any client address; name the proxy's own network`,
    )
  }
  return text
}

/** An address or a CIDR. */
export function readNetwork(text: string, ctx: Context): string {
  const fault = networkFault(text)
  return fault === undefined ? text : refuse(ctx, fault)
}

export function readAddress(text: string, ctx: Context): string {
  return isIP(text) === 0 ? refuse(ctx, `"${text}" is no IP address; write 192.0.2.7`) : text
}

/** See {@link parseMoment}. */
export function readMoment(text: string, ctx: Context): Date {
  const moment = parseMoment(text)
  return typeof moment === 'string' ? refuse(ctx, moment) : moment
}

export function readPrincipal(text: string, ctx: Context): Principal {
  const principal = parsePrincipal(text)
  if (typeof principal === 'string') return refuse(ctx, principal)
  // Not a wildcard but a name that nobody has: a may_not for it would deny nobody, in silence.
  if ('name' in principal && /[*?]|^\s|\$\{/.test(principal.name)) {
    return refuse(
      ctx,
      `"${text}" is one exact name, and nobody has it; everybody who is signed in is "authenticated"`,
    )
  }
  return principal
}

/**
 * Whoever asks in a test of the rules; see {@link parseAsker}.
 *
 * @returns null for anonymous
 */
export function readTestedAsker(
  text: string,
  ctx: Context,
): { readonly name: string; readonly kind: 'user' | 'robot' } | null {
  const asked = parseAsker(text)
  if (asked === 'many') {
    return refuse(
      ctx,
      text === 'anyone'
        ? '"anyone" is two; write a test for anonymous, and one for a user\'s name'
        : `"${text}" is many; write a test for one of them, by a user's name or robot:NAME`,
    )
  }
  if (asked === undefined) {
    return refuse(
      ctx,
      `"${text}" is nobody; write a user's name, robot:NAME or anonymous, and groups beside it`,
    )
  }
  return asked.kind === 'anonymous' ? null : asked
}

/** One repository by its whole name, or the catalog. */
export function readTestedResource(text: string, ctx: Context): string {
  const [scope] = parseScopes([`repository:${text}:pull`]).scopes
  if (text === catalog || (scope?.name === text && isRepositoryName(text))) return text
  return refuse(
    ctx,
    `"${text}" is no repository: a test asks for one whole name, or for ${catalog}`,
  )
}

/** A pattern over repository names, or the catalog. @returns the text itself, known to be good */
export function readResource(text: string, ctx: Context): string {
  if (text === catalog) return text
  if (/:(?![\d*?{$])/.test(text)) {
    return refuse(
      ctx,
      `"${text}": a colon stands only before a port; write a repository by its name alone, and the list of all of them as ${catalog}`,
    )
  }
  const patterns = parsePattern(text)
  return typeof patterns === 'string' ? refuse(ctx, patterns) : text
}

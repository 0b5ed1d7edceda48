/**
 * Addresses and networks as numbers. They are read as Go's `net` package reads them, which takes all that
 * a configuration may hold: IPv4 within IPv6 is IPv4.
 */

import { isIP } from 'node:net'

/** An address and how many of its bits count. */
export interface Network {
  readonly family: 4 | 6
  /** With the bits of the host cleared. */
  readonly base: bigint
  readonly prefix: number
}

/** An address or `address/length`; undefined where Go reads neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, written = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = parseAddress(written)
  if (address === undefined) return undefined
  const isMapped = address.family === 4 && written.includes(':')
  // A network within ::ffff:0:0/96 counts its length from the beginning of the IPv6 address.
  const prefix = length === undefined ? undefined : Number(length) - (isMapped ? 96 : 0)
  const bits = address.family === 4 ? 32 : 128
  if (prefix !== undefined && (prefix < 0 || prefix > bits)) return undefined
  const used = prefix ?? bits
  const host = BigInt(bits - used)
  return { family: address.family, base: (address.value >> host) << host, prefix: used }
}

/** Whether the address is in the network; IPv4 within IPv6 is IPv4. */
export function inNetwork(network: Network, address: string): boolean {
  const parsed = parseAddress(address)
  if (parsed === undefined || parsed.family !== network.family) return false
  const host = BigInt((network.family === 4 ? 32 : 128) - network.prefix)
  return parsed.value >> host === network.base >> host
}

/** Whether every address of the inner one is in the outer one. */
export function coversNetwork(outer: Network, inner: Network): boolean {
  if (outer.family !== inner.family || outer.prefix > inner.prefix) return false
  const host = BigInt((outer.family === 4 ? 32 : 128) - outer.prefix)
  return inner.base >> host === outer.base >> host
}

/** In the form that every reader of networks takes: `10.0.0.0/8`. */
export function formatNetwork({ family, base, prefix }: Network): string {
  const address = formatAddress(family, base)
  return prefix === (family === 4 ? 32 : 128) ? address : `${address}/${prefix}`
}

/**
 * The address that is so many after the first one of the network; it may be before it or behind its end.
 * Behind the last address of all is the first.
 */
export function addressAt({ family, base }: Network, offset: bigint): string {
  const size = 1n << (family === 4 ? 32n : 128n)
  return formatAddress(family, (base + offset + size) % size)
}

/** How many addresses there are in it. */
export function networkSize({ family, prefix }: Network): bigint {
  return 1n << BigInt((family === 4 ? 32 : 128) - prefix)
}

function formatAddress(family: 4 | 6, value: bigint): string {
  const [count, width, base] = family === 4 ? [4, 8, 10] : [8, 16, 16]
  const parts = Array.from({ length: count }, (_, index) => {
    const part = value >> BigInt((count - 1 - index) * width)
    return (part & ((1n << BigInt(width)) - 1n)).toString(base)
  })
  // The URL parser knows the short form (RFC 5952).
  return family === 4
    ? parts.join('.')
    : new URL(`http://[${parts.join(':')}]`).hostname.slice(1, -1)
}

function parseAddress(
  text: string,
): { readonly family: 4 | 6; readonly value: bigint } | undefined {
  const family = isIP(text)
  if (family === 4) return { family, value: joined(text.split('.'), 8n, 10) }
  if (family !== 6 || text.includes('%')) return undefined
  const [, head = text, v4] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? []
  const v4Value = v4 === undefined ? undefined : joined(v4.split('.'), 8n, 10)
  const tail =
    v4Value === undefined
      ? ''
      : `${(v4Value >> 16n).toString(16)}:${(v4Value & 0xffffn).toString(16)}`
  const [before = '', after] = (head + tail).split('::')
  const left = before === '' ? [] : before.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const value = joined([...left, ...zeros, ...right], 16n, 16)
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffffffffn } : { family: 6, value }
}

function joined(parts: readonly string[], width: bigint, base: number): bigint {
  return parts.reduce((value, part) => (value << width) | BigInt(Number.parseInt(part, base)), 0n)
}

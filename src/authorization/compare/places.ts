/** Addresses of which each stands for all that no network of a rule tells from it. */

import { isIPv4 } from 'node:net'
import { conditionTest } from '../conditions.ts'

export interface Place {
  readonly address: string
  /** The innermost of the networks that it is in. */
  readonly label: string
}

/** For documentation (RFC 5737, RFC 3849): no rule means them in particular, but one of each kind may be in none. */
const addressesOfNoNetwork = ['192.0.2.1', '2001:db8::1']

/**
 * Networks lie within each other or apart, so each piece that they cut holds the first address of some
 * network, or the one behind the last address of some.
 */
export function placesOf(networks: readonly string[]): readonly Place[] {
  const known = [...new Set(networks)]
    .map((text) => ({ text, ...rangeOf(text), contains: conditionTest({ network: [text] }) }))
    .sort((a, b) => (a.size < b.size ? -1 : 1))
  const candidates = [...addressesOfNoNetwork, ...known.flatMap(({ edges }) => edges)]
  const places = new Map<string, Place>()
  for (const address of candidates) {
    const within = known.filter(
      ({ contains }) => contains({ service: '', address, time: new Date(0) }).length === 0,
    )
    const signature = within.map(({ text }) => text).join()
    if (places.has(signature)) continue
    places.set(signature, { address, label: within[0]?.text ?? 'elsewhere' })
  }
  // First what no rule means in particular, if there is such an address.
  return [...places].sort(([a], [b]) => a.length - b.length).map(([, place]) => place)
}

function rangeOf(text: string): { readonly size: bigint; readonly edges: readonly string[] } {
  const [address = '', length] = text.split('/')
  const bits = isIPv4(address) ? 32n : 128n
  const size = 1n << (length === undefined ? 0n : bits - BigInt(length))
  const first = (numberOf(address) / size) * size
  const behind = first + size
  const edges = behind < 1n << bits ? [first, behind] : [first]
  return { size, edges: edges.map((number) => addressOf(number, bits)) }
}

function numberOf(address: string): bigint {
  if (isIPv4(address)) {
    return address.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  }
  // In the normal form of a URL no part is written as IPv4.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string | undefined) => (text ? text.split(':') : [])
  const missing = 8 - groups(head).length - groups(tail).length
  return [...groups(head), ...Array<string>(missing).fill('0'), ...groups(tail)].reduce(
    (sum, group) => sum * 65_536n + BigInt(`0x${group}`),
    0n,
  )
}

function addressOf(number: bigint, bits: bigint): string {
  const [size, radix, separator] = bits === 32n ? [8n, 10, '.'] : [16n, 16, ':']
  const parts: string[] = []
  for (let shift = bits - size; shift >= 0n; shift -= size) {
    parts.push(((number >> shift) & ((1n << size) - 1n)).toString(radix))
  }
  return parts.join(separator)
}

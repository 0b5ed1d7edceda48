/** Which network a client is in: what limits go by, since one address more costs nothing. */

import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/**
 * The /24 of an IPv4 address and the /64 of an IPv6 one, which is what a single customer gets at least
 * (RFC 6177 §2). An IPv4-mapped address (RFC 4291 §2.5.5.2) is in the network of its IPv4 address.
 * What is no address is a network of its own.
 */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '')
  if (isIPv4(plain)) return slash24(plain)
  if (!isIPv6(plain)) return address
  // As the system writes it: lower case, no leading zeros, `::` once, IPv4-mapped with dots.
  const shortest = new SocketAddress({ address: plain, family: 'ipv6' }).address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(shortest)?.[1]
  return mapped === undefined ? slash64(shortest) : slash24(mapped)
}

function slash24(address: string): string {
  return `${address.slice(0, address.lastIndexOf('.'))}.0/24`
}

function slash64(address: string): string {
  const [before = '', after = ''] = address.split('::').map((part) => part.split(':'))
  const left = address.startsWith('::') ? [] : before
  const zeros = Array<string>(Math.max(0, 8 - left.length - after.length)).fill('0')
  return `${[...left, ...zeros, ...after].slice(0, 4).join(':')}::/64`
}

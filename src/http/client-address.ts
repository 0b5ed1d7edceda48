/** Whose request is it? The address that rules, limits and the log go by. */

import { isIP, isIPv6 } from 'node:net'
import { networkList } from '../network-list.ts'

/** From the socket's peer and the X-Forwarded-For header to the client's address. */
export type ClientAddressReader = (
  peer: string | undefined,
  forwardedFor: string | undefined,
) => string

/**
 * @param trusted CIDRs or addresses of the proxies whose X-Forwarded-For is believed
 */
export function clientAddressReader(trusted: readonly string[]): ClientAddressReader {
  const proxies = networkList(trusted)
  const isProxy = (address: string) =>
    isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

  return (peer, forwardedFor) => {
    const socketAddress = plainAddress(peer ?? '')
    let client = socketAddress
    // Each proxy appends the peer that it saw, so the list is believed from its end, and only as far
    // as trusted proxies reach: what stands before them was written by the client.
    const hops = forwardedFor?.split(',') ?? []
    while (hops.length > 0 && isProxy(client)) {
      const hop = plainAddress(hops.pop()?.trim() ?? '')
      if (isIP(hop) === 0) return socketAddress
      client = hop
    }
    return client
  }
}

/**
 * A dual-stack socket shows an IPv4 peer as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2). The zone behind a `%`
 * (RFC 4007 §11) says something on one machine only, and a client may make it as long as a header.
 */
function plainAddress(address: string): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

/** Networks as the configuration writes them, to look addresses up in. */

import { BlockList, isIPv6 } from 'node:net'

/** @param networks addresses and CIDRs, known to be good */
export function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(length), family)
  }
  return list
}

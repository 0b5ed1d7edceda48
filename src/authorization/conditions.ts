/** When a rule speaks: from which networks, from and until which moment, for which services. */

import { isIPv4, isIPv6 } from 'node:net'
import { networkList } from '../network-list.ts'
import type { Conditions } from './rule.ts'

/** What a request comes with besides its subject. */
export interface Circumstances {
  /** The service that the token is for. */
  readonly service: string
  /** The client's IP address, by the trusted-proxy rule. */
  readonly address: string
  readonly time: Date
}

export type ConditionName = keyof Conditions

/** Says which conditions do not hold; none: the rule speaks. */
export type ConditionTest = (circumstances: Circumstances) => readonly ConditionName[]

/** Of every rule without conditions. */
const always: ConditionTest = () => []

/** @param conditions those of one rule, prepared once for many requests */
export function conditionTest(conditions: Conditions | undefined): ConditionTest {
  if (conditions === undefined) return always
  const { network, from, until, service } = conditions
  const isWithin = network && networkTest(network)
  return ({ service: asked, address, time }) => {
    const unmet: ConditionName[] = []
    if (isWithin?.(address) === false) unmet.push('network')
    if (from !== undefined && time < from) unmet.push('from')
    if (until !== undefined && time >= until) unmet.push('until')
    if (service !== undefined && !service.includes(asked)) unmet.push('service')
    return unmet
  }
}

/**
 * An IPv4 client is in IPv4 networks alone: `::/0` is not everybody. The same holds where a dual-stack
 * socket wrote it as ::ffff:192.0.2.1, which BlockList knows for the same address.
 */
function networkTest(networks: readonly string[]): (address: string) => boolean {
  const isOfIpv6 = (network: string) => network.includes(':')
  const lists = {
    ipv4: networkList(networks.filter((network) => !isOfIpv6(network))),
    ipv6: networkList(networks.filter(isOfIpv6)),
  }
  return (address) => {
    if (isIPv4(address)) return lists.ipv4.check(address, 'ipv4')
    if (!isIPv6(address)) return false
    return lists[mapped.check(address, 'ipv6') ? 'ipv4' : 'ipv6'].check(address, 'ipv6')
  }
}

/** IPv4 addresses in the form of IPv6 (RFC 4291 §2.5.5.2), which has many spellings. */
const mapped = networkList(['::ffff:0:0/96'])

/** A sentence for the rule's author where the text is no address and no CIDR. */
export function networkFault(text: string): string | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const bits = isIPv4(address) ? 32 : 128
  if ((!isIPv4(address) && !isIPv6(address)) || address.includes('%') || rest.length > 0) {
    return `"${text}" is no address and no CIDR; write 10.20.0.0/16, 192.0.2.7 or 2001:db8::/32`
  }
  if (isIPv6(address) && mapped.check(address, 'ipv6')) {
    return `"${text}" is an IPv4 address in IPv6 clothes; write it as IPv4`
  }
  if (length === undefined) return undefined
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) {
    return `"/${length}" is no prefix length; an IPv${bits === 32 ? 4 : 6} network has /0 to /${bits}`
  }
  return undefined
}

import { expect, test } from 'vitest'
import { networkOf } from '../../../src/authentication/throttle/network.ts'

test.each([
  ['an IPv4 address', '192.0.2.77', '192.0.2.0/24'],
  ['its neighbour', '192.0.2.255', '192.0.2.0/24'],
  ['another network', '192.0.3.1', '192.0.3.0/24'],
  ['an IPv4-mapped address', '::ffff:192.0.2.77', '192.0.2.0/24'],
  ['an IPv4-mapped address in hexadecimal', '::FFFF:c000:24d', '192.0.2.0/24'],
  ['an IPv6 address', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['its neighbour', '2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['another network', '2001:db8:1:3:3:4:5:6', '2001:db8:1:3::/64'],
  ['zeros within the network', '2001:db8::1', '2001:db8:0:0::/64'],
  ['zeros across its end', '2001:db8:1::5:6', '2001:db8:1:0::/64'],
  ['zeros behind it', '2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['the loopback address', '::1', '0:0:0:0::/64'],
  ['a link-local address with its zone', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['a tail in IPv4 notation', '64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['no address', '', ''],
])('C10: %s is in its network', (_name, address, network) => {
  expect(networkOf(address)).toBe(network)
})

import { describe, expect, test } from 'vitest'
import { clientAddressReader } from '../../src/http/client-address.ts'

describe('A24: the client address', () => {
  test.each<
    [
      name: string,
      trusted: string[],
      peer: string | undefined,
      forwarded: string | undefined,
      expected: string,
    ]
  >([
    [
      "no proxy is trusted: the header is the client's own invention",
      [],
      '192.0.2.1',
      '6.6.6.6',
      '192.0.2.1',
    ],
    ['the peer is no trusted proxy', ['10.0.0.0/8'], '192.0.2.1', '6.6.6.6', '192.0.2.1'],
    ['a trusted proxy says whom it saw', ['10.0.0.0/8'], '10.0.0.1', '192.0.2.7', '192.0.2.7'],
    ['a single address can be trusted', ['10.0.0.1'], '10.0.0.1', '192.0.2.7', '192.0.2.7'],
    [
      'what the client wrote before it does not count',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '6.6.6.6, 192.0.2.7',
      '192.0.2.7',
    ],
    [
      'two trusted proxies',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '6.6.6.6, 192.0.2.7, 10.0.0.2',
      '192.0.2.7',
    ],
    [
      'a client that calls itself a proxy',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '6.6.6.6, 10.9.9.9, 192.0.2.7',
      '192.0.2.7',
    ],
    [
      'every hop is a proxy: the farthest',
      ['10.0.0.0/8'],
      '10.0.0.1',
      '10.0.0.3, 10.0.0.2',
      '10.0.0.3',
    ],
    ["garbage: the socket's address", ['10.0.0.0/8'], '10.0.0.1', 'not-an-ip', '10.0.0.1'],
    [
      "garbage behind a proxy: the socket's address",
      ['10.0.0.0/8'],
      '10.0.0.1',
      'x, 10.0.0.2',
      '10.0.0.1',
    ],
    ['empty header', ['10.0.0.0/8'], '10.0.0.1', '', '10.0.0.1'],
    ['an address with a port is garbage', ['10.0.0.0/8'], '10.0.0.1', '192.0.2.7:1234', '10.0.0.1'],
    ['IPv4 in IPv6 peer', ['10.0.0.0/8'], '::ffff:10.0.0.1', '192.0.2.7', '192.0.2.7'],
    ['IPv4 in IPv6 hop', ['10.0.0.0/8'], '10.0.0.1', '::ffff:192.0.2.7', '192.0.2.7'],
    ['IPv6', ['fd00::/8'], 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['IPv6 peer, IPv4 proxies', ['10.0.0.0/8'], '2001:db8::7', '6.6.6.6', '2001:db8::7'],
    ['a link-local peer', ['fe80::/10'], 'fe80::1%eth0', '192.0.2.7', '192.0.2.7'],
    [
      'a zone, which may be as long as a header, does not count',
      ['10.0.0.0/8'],
      '10.0.0.1',
      `fe80::1%${'a'.repeat(9_000)}`,
      'fe80::1',
    ],
    ['no peer any more', ['10.0.0.0/8'], undefined, '6.6.6.6', ''],
  ])('%s', (_name, trusted, peer, forwarded, expected) => {
    expect(clientAddressReader(trusted)(peer, forwarded)).toBe(expected)
  })
})

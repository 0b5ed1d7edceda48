import { expect, test } from 'vitest'
import {
  addressAt,
  coversNetwork,
  formatNetwork,
  inNetwork,
  type Network,
  networkSize,
  parseNetwork,
} from '../src/network.ts'

function networkOf(text: string): Network {
  const network = parseNetwork(text)
  if (network === undefined) throw new Error(text)
  return network
}

const written: readonly (readonly [given: string, plain: string, first: string, behind: string])[] =
  [
    ['192.0.2.7', '192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['10.20.30.40/16', '10.20.0.0/16', '10.20.0.0', '10.21.0.0'],
    ['0.0.0.0/0', '0.0.0.0/0', '0.0.0.0', '0.0.0.0'],
    ['255.0.0.0/8', '255.0.0.0/8', '255.0.0.0', '0.0.0.0'],
    ['::ffff:10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.2'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8', '10.0.0.0', '11.0.0.0'],
    ['2001:DB8:0:0::1/32', '2001:db8::/32', '2001:db8::', '2001:db9::'],
    ['::1.2.3.4', '::102:304', '::102:304', '::102:305'],
    ['::/0', '::/0', '::', '::'],
  ]

for (const [given, plain, first, behind] of written) {
  test(`${given} is ${plain}, from ${first} on and up to ${behind}`, () => {
    const network = networkOf(given)
    expect(formatNetwork(network)).toBe(plain)
    expect(addressAt(network, 0n)).toBe(first)
    expect(addressAt(network, networkSize(network))).toBe(behind)
    expect(inNetwork(network, first)).toBe(true)
    expect(inNetwork(network, addressAt(network, networkSize(network) - 1n))).toBe(true)
    expect(inNetwork(network, behind)).toBe(first === behind)
  })
}

test('what is no network is none', () => {
  for (const text of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.1/',
    '::/129',
    'fe80::1%eth0',
    '10',
  ]) {
    expect(parseNetwork(text), text).toBeUndefined()
  }
})

test('a network covers those within it, of its own family alone', () => {
  const covers = (outer: string, inner: string) => coversNetwork(networkOf(outer), networkOf(inner))
  expect(covers('10.0.0.0/8', '10.1.0.0/16')).toBe(true)
  expect(covers('10.1.0.0/16', '10.0.0.0/8')).toBe(false)
  expect(covers('10.0.0.0/8', '11.0.0.0/16')).toBe(false)
  expect(covers('::/0', '10.0.0.0/8')).toBe(false)
  expect(covers('0.0.0.0/0', '::ffff:10.0.0.1')).toBe(true)
})

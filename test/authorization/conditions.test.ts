import { describe, expect, test } from 'vitest'
import { conditionTest, networkFault } from '../../src/authorization/conditions.ts'

const now = { service: 'registry', address: '192.0.2.1', time: new Date('2026-11-21T12:00:00Z') }

describe('B28, C10: a network', () => {
  test.each<[network: string, address: string, isWithin: boolean]>([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['192.0.2.0/24', '::ffff:192.0.2.1', true],
    ['192.0.2.0/24', '::ffff:c000:201', true],
    ['192.0.2.0/24', '::192.0.2.1', false],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:DB8::1', '2001:db8:0:0::1', true],
    ['::/0', '192.0.2.1', false],
    ['::/0', '::ffff:192.0.2.1', false],
    ['::/0', '0:0:0:0:0:FFFF:192.0.2.1', false],
    ['::/0', '2001:db8::1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', 'unix:', false],
  ])('%s and %s', (network, address, isWithin) => {
    const unmet = conditionTest({ network: [network] })({ ...now, address })
    expect(unmet).toEqual(isWithin ? [] : ['network'])
  })

  test.each([
    ['10.0.0.0/33', '/0 to /32'],
    ['2001:db8::/129', '/0 to /128'],
    ['10.0.0.0/8/8', 'no CIDR'],
    ['10.0.0/8', 'no CIDR'],
    ['10.0.0.0/-1', 'no prefix length'],
    ['fe80::1%eth0', 'no CIDR'],
    ['::ffff:10.0.0.0/104', 'write it as IPv4'],
    ['0:0:0:0:0:FFFF:10.0.0.1', 'write it as IPv4'],
    ['office', 'no CIDR'],
    ['', 'no CIDR'],
  ])('%j is none', (text, reason) => expect(networkFault(text)).toContain(reason))
})

describe('B28: from is the first moment of a rule, and until the first one without it', () => {
  const from = new Date('2026-11-21T00:00:00Z')
  const until = new Date('2026-11-22T00:00:00Z')
  test.each<[time: string, unmet: string[]]>([
    ['2026-11-20T23:59:59.999Z', ['from']],
    ['2026-11-21T00:00:00.000Z', []],
    ['2026-11-21T23:59:59.999Z', []],
    ['2026-11-22T00:00:00.000Z', ['until']],
  ])('%s', (time, unmet) => {
    expect(conditionTest({ from, until })({ ...now, time: new Date(time) })).toEqual(unmet)
  })
})

test('all conditions must hold, and those that do not are named', () => {
  const unmet = conditionTest({
    network: ['10.0.0.0/8'],
    until: new Date('2026-01-01'),
    service: ['other'],
  })
  expect(unmet(now)).toEqual(['network', 'until', 'service'])
  expect(conditionTest(undefined)(now)).toEqual([])
})

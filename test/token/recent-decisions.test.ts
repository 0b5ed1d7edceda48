import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Subject } from '../../src/authentication/authenticator.ts'
import { isLess, type RecentDecision, RecentDecisions } from '../../src/token/recent-decisions.ts'

const alice: Subject = { id: '1', name: 'alice', kind: 'user', groups: [], backend: 'accounts' }

const decision = (requestId: string, changes: Partial<RecentDecision> = {}): RecentDecision => ({
  requestId,
  kind: 'token',
  time: '2026-11-21T12:00:00.000Z',
  subject: alice,
  service: 'registry',
  address: '192.0.2.1',
  asked: [{ type: 'repository', name: 'a', actions: ['push'] }],
  malformed: [],
  granted: [],
  rules: [],
  ...changes,
})

test('a decision is found by its request id and by the id of its token, until the token ends', async () => {
  const decisions = new RecentDecisions()
  const short = decision('r1')
  decisions.remember(short, 1, 't1')
  decisions.remember(decision('r2'), 60)
  expect(decisions.byRequestId('r1')).toEqual(short)
  expect(decisions.byTokenId('t1')).toEqual(short)
  expect(decisions.byTokenId('r1')).toBeUndefined()
  await sleep(1_050)
  expect(decisions.byRequestId('r1')).toBeUndefined()
  expect(decisions.byTokenId('t1')).toBeUndefined()
  expect(decisions.byRequestId('r2')).toBeDefined()
})

test('the newest ten thousand are kept, and strangers push no one out who is signed in', () => {
  const decisions = new RecentDecisions()
  decisions.remember(decision('first'), 60, 'of alice')
  for (let i = 0; i < 20_000; i += 1) {
    decisions.remember(decision(`r${i}`, { subject: null }), 60, `t${i}`)
  }
  expect(decisions.byTokenId('of alice')).toBeDefined()
  expect(decisions.byTokenId('t19999')).toBeUndefined()
  expect(decisions.byRequestId('r19999')).toBeDefined()
  expect(decisions.byRequestId('r9999')).toBeUndefined()
})

test('A22: what is kept of a request does not hold on to the rest of it', () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const decisions = new RecentDecisions()
  const before = heap()
  for (let i = 0; i < 2_000; i += 1) {
    const [user = '', service = '', malformed = ''] =
      `user-of-request-${i} service-of-request-${i} malformed-scope-${i} ${' '.repeat(20_000)}`.split(
        ' ',
      )
    const subject = { ...alice, id: user, name: user }
    decisions.remember(decision(`r${i}`, { subject, service, malformed: [malformed] }), 60, `t${i}`)
  }
  expect(heap() - before).toBeLessThan(8_000_000)
  expect(decisions.byTokenId('t0')?.subject?.name).toBe('user-of-request-0')
})

test('large decisions take the place of several, and one that is too large is not kept', () => {
  const decisions = new RecentDecisions()
  const asked = Array.from({ length: 32 }, (_, i) => ({
    ...{ type: 'repository', name: `${i}${'a'.repeat(253)}`, actions: ['push'] },
  }))
  for (let i = 0; i < 2_000; i += 1) decisions.remember(decision(`r${i}`, { asked }), 60)
  const kept = Array.from({ length: 2_000 }, (_, i) => decisions.byRequestId(`r${i}`))
  const count = kept.filter((each) => each !== undefined).length
  expect(count).toBeGreaterThan(500)
  expect(count).toBeLessThan(1_000)
  const groups = Array.from({ length: 20_000 }, (_, i) => ({
    name: `g${i}`,
    origin: 'o'.repeat(99),
  }))
  decisions.remember(decision('huge', { subject: { ...alice, groups } }), 60, 'huge')
  expect(decisions.byTokenId('huge')).toBeUndefined()
  expect(decisions.byRequestId('r1999')).toBeDefined()
})

test.each([
  [['pull'], ['pull'], false],
  [['pull'], ['pull', 'push'], true],
  [[], ['pull'], true],
  [[], [], false],
  [['*'], ['*'], false],
  [['*'], ['pull', 'delete'], false],
  [['pull', 'push'], ['*'], true],
  [['pull'], ['pull', 'nonsense'], true],
] as const)('granted %j of %j', (granted, asked, less) => {
  const resource = { type: 'repository', name: 'a' }
  const access = granted.length === 0 ? [] : [{ ...resource, actions: [...granted] }]
  expect(isLess(access, [{ ...resource, actions: [...asked] }])).toBe(less)
})

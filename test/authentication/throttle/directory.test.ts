import { describe, expect, test } from 'vitest'
import type { Verdict } from '../../../src/authentication/authenticator.ts'
import { addressOf, minute, openThrottle, right } from './guesses.ts'

const window = 15 * minute
const failedBinds = { max: 3, window }
const attacker = (network: number) => ({ address: addressOf(network) })
const owner = { address: '192.0.2.1' }
const remembered: Verdict = {
  kind: 'accepted',
  subject: { id: 'alice', name: 'alice', kind: 'user', groups: [], backend: 'own' },
  isRemembered: true,
}

describe('with a directory', () => {
  test('B2: a storm of wrong passwords never brings the directory to its lock, and the owner gets in every time', async () => {
    const world = openThrottle({ failedBinds })
    await world.login(owner)
    let failures = 0
    let last = 0
    for (let guess = 0; guess < 10_000; guess += 1) {
      if (world.now() - last >= window) failures = 0
      const { kind } = await world.login({
        ...attacker(guess % 50),
        password: `guess ${guess}`,
      })
      if (kind === 'rejected') {
        failures += 1
        last = world.now()
      }
      expect(failures).toBeLessThan(failedBinds.max)
      if (guess % 100 === 0) {
        expect(await world.login(owner)).toEqual({ kind: 'accepted' })
        failures = 0
      }
      world.advance(500)
    }
  })

  test('B2: a robot with an old password fails once in a window, however often it comes and from wherever', async () => {
    const world = openThrottle({ failedBinds })
    await world.login(owner)
    const before = world.checks()
    for (let time = 0; time < 10; time += 1) {
      const address = time % 2 === 0 ? owner.address : addressOf(time)
      const jobs = Array.from({ length: 10 }, () => world.start({ address, password: 'old' }))
      await world.endAll()
      for (const job of jobs) expect(await job).toEqual({ kind: 'rejected' })
      world.advance(minute)
    }
    expect(world.checks()).toBe(before + 1)
    expect(await world.login(owner)).toEqual({ kind: 'accepted' })
    expect(await world.login({ address: '203.0.113.1' })).toEqual({ kind: 'accepted' })
  })

  test('B2: a login that is answered from memory takes back nothing: the directory has not heard of it', async () => {
    const world = openThrottle({ failedBinds })
    await world.login(owner)
    for (let round = 0; round < 3; round += 1) {
      for (const guess of [1, 2]) {
        await world.login({ ...attacker(guess), password: `guess ${round} ${guess}` })
      }
      const again = world.start(owner)
      await new Promise(setImmediate)
      await world.inFlight[0]?.end(remembered)
      expect(await again).toEqual({ kind: 'accepted' })
    }
    // The two of the first round, and the logins of the owner.
    expect(world.checks()).toBe(2 + 4)
  })

  test('A16: an owner who logs in every second frees ten guesses a minute, and no more', async () => {
    const world = openThrottle({ failedBinds })
    const checkedAt: number[] = []
    for (let second = 0; second < 600; second += 1) {
      expect(await world.login(owner)).toEqual({ kind: 'accepted' })
      for (let guess = 0; guess < 5; guess += 1) {
        const password = `guess ${second} ${guess}`
        const { kind } = await world.login({ ...attacker((second * 5 + guess) % 50), password })
        if (kind === 'rejected') checkedAt.push(world.now())
      }
      world.advance(1_000)
    }
    for (const start of checkedAt) {
      const inMinute = checkedAt.filter((at) => at >= start && at < start + minute)
      expect(inMinute.length).toBeLessThanOrEqual(10)
    }
  })

  test('the last failure is left to whoever has logged in from there before', async () => {
    const world = openThrottle({ failedBinds })
    await world.login(owner)
    for (const guess of [1, 2]) {
      const kind = await world.login({ ...attacker(guess), password: `guess ${guess}` })
      expect(kind).toEqual({ kind: 'rejected' })
    }
    const told = { kind: 'too many', retryAfter: window / 1000 }
    expect(await world.login({ ...attacker(3), password: 'guess 3' })).toEqual(told)
    expect(await world.login({ ...attacker(3), password: right })).toEqual(told)
    expect(await world.login({ ...owner, password: 'typo' })).toEqual({ kind: 'rejected' })
    expect(await world.login({ ...owner, password: 'another typo' })).toEqual(told)
  })

  test('a success takes back what has failed before it, and a quiet window does', async () => {
    const world = openThrottle({ failedBinds })
    await world.login(owner)
    const exhaust = async (round: string) => {
      for (const guess of [1, 2]) {
        const password = `${round} ${guess}`
        expect(await world.login({ ...attacker(guess), password })).toEqual({ kind: 'rejected' })
      }
      expect(await world.login(attacker(3))).toMatchObject({ kind: 'too many' })
    }
    await exhaust('first')
    await world.login(owner)
    await exhaust('second')
    world.advance(window - 1)
    expect(await world.login(attacker(3))).toMatchObject({ kind: 'too many' })
    world.advance(1)
    await exhaust('third')
  })

  test('a success does not take back what has failed while it was checked', async () => {
    const world = openThrottle({ failedBinds })
    await world.login(owner)
    const success = world.start(owner)
    await new Promise(setImmediate)
    const failures = [1, 2].map((guess) =>
      world.start({ ...attacker(guess), password: `guess ${guess}` }),
    )
    await new Promise(setImmediate)
    const [first, ...others] = world.inFlight
    for (const check of others) await check.end()
    await first?.end()
    expect(await success).toEqual({ kind: 'accepted' })
    await world.endAll()
    await Promise.all(failures)
    expect(await world.login(attacker(3))).toMatchObject({ kind: 'too many' })
  })

  test('no window is quiet in which something was checked', async () => {
    const world = openThrottle({ failedBinds })
    await world.login({ ...attacker(1), password: 'guess 1' })
    world.advance(window - 1)
    const late = world.start({ ...attacker(2), password: 'guess 2' })
    await new Promise(setImmediate)
    world.advance(1)
    const later = world.start({ ...attacker(3), password: 'guess 3' })
    await world.endAll()
    expect(await late).toEqual({ kind: 'rejected' })
    expect(await later).toMatchObject({ kind: 'too many' })
  })

  test('B2: nor one in which something is still being checked, however long it takes', async () => {
    const world = openThrottle({ failedBinds })
    await world.login({ ...attacker(1), password: 'guess 1' })
    const slow = world.start({ ...attacker(2), password: 'guess 2' })
    await new Promise(setImmediate)
    // The directory may have counted it a moment ago, and our window is over.
    world.advance(window)
    const others = ['guess 3', 'guess 4'].map((password, index) =>
      world.start({ ...attacker(3 + index), password }),
    )
    await new Promise(setImmediate)
    expect(world.inFlight.map(({ password }) => password)).toEqual(['guess 2'])
    await world.endAll()
    expect(await slow).toEqual({ kind: 'rejected' })
    const told = { kind: 'too many', retryAfter: window / 1000 }
    expect(await Promise.all(others)).toEqual([told, told])
  })

  test('B2: what has failed, and what fails meanwhile, counts on when a reload brings other limits', async () => {
    const world = openThrottle({ failedBinds })
    await world.login({ ...attacker(1), password: 'guess 1' })
    const slow = world.start({ ...attacker(2), password: 'guess 2' })
    await new Promise(setImmediate)
    world.throttle.limitFailedBinds({ max: 4, window: 2 * window })
    await world.endAll()
    expect(await slow).toEqual({ kind: 'rejected' })
    world.advance(2 * window - 1)
    expect(await world.login({ ...attacker(3), password: 'guess 3' })).toEqual({ kind: 'rejected' })
    const told = { kind: 'too many', retryAfter: (2 * window) / 1000 }
    expect(await world.login({ ...attacker(4), password: 'guess 4' })).toEqual(told)
    world.advance(minute)
    world.throttle.limitFailedBinds({ max: 5, window: 2 * window })
    expect(await world.login({ ...attacker(5), password: 'guess 5' })).toEqual({ kind: 'rejected' })
    world.throttle.limitFailedBinds(undefined)
    expect(await world.login({ ...attacker(6), password: 'guess 6' })).toEqual({ kind: 'rejected' })
  })

  test('B2: of 21,000 accounts, none has more failures than it may, however they take turns', async () => {
    const world = openThrottle({ failedBinds })
    const guessAt = async (account: number, round: number) => {
      const name = `user ${account}`
      const password = `guess ${round} of ${account}`
      return await world.login({ ...attacker(account + 21_000 * round), name, password })
    }
    for (let account = 0; account < 21_000; account += 1) await guessAt(account, 0)
    for (let account = 0; account < 21_000; account += 2_000) {
      expect(await guessAt(account, 1)).toEqual({ kind: 'rejected' })
      expect(await guessAt(account, 2)).toMatchObject({ kind: 'too many' })
    }
  })

  test('a maximum that leaves nothing to strangers is refused', () => {
    expect(() => openThrottle({ failedBinds: { max: 1, window } })).toThrow(TypeError)
  })
})

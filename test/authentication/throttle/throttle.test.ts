import { describe, expect, test } from 'vitest'
import { addressOf, minute, openThrottle, rejection, right } from './guesses.ts'

const attacker = (network: number) => ({ address: addressOf(network) })
const owner = { address: '192.0.2.1' }

describe('without a directory', () => {
  test('A16: strangers try one account no more than ten times in a minute, all of them together', async () => {
    const world = openThrottle()
    const start = world.now()
    for (let guess = 0; guess < 10_000; guess += 1) {
      await world.login({ ...attacker(guess % 50), password: `guess ${guess}` })
      world.advance(60)
    }
    const minutes = (world.now() - start) / minute
    expect(world.checks()).toBeLessThanOrEqual(10 * (minutes + 1))
    expect(world.checks()).toBeGreaterThan(10)
  })

  test('A16: meanwhile, the owner gets in from where they have been before, every time', async () => {
    const world = openThrottle()
    expect(await world.login(owner)).toEqual({ kind: 'accepted' })
    for (let guess = 0; guess < 5_000; guess += 1) {
      await world.login({ ...attacker(guess % 50), password: `guess ${guess}` })
      if (guess % 25 === 0)
        expect(await world.login(owner), `${guess}`).toEqual({ kind: 'accepted' })
      world.advance(10)
    }
  })

  test('A16: meanwhile, the owner gets in from somewhere new within a minute', async () => {
    const world = openThrottle()
    let guesses = 0
    const hammer = async (milliseconds: number) => {
      for (let passed = 0; passed < milliseconds; passed += 50) {
        guesses += 1
        await world.login({ ...attacker(guesses % 50), password: `guess ${guesses}` })
        world.advance(50)
      }
    }
    await hammer(minute)
    for (let place = 0; place < 5; place += 1) {
      const arrival = world.now()
      let outcome = await world.login({ address: `203.0.${place}.1` })
      while (outcome.kind === 'too many') {
        await hammer(outcome.retryAfter * 1000)
        outcome = await world.login({ address: `203.0.${place}.1` })
      }
      expect(outcome).toEqual({ kind: 'accepted' })
      expect(world.now() - arrival).toBeLessThanOrEqual(minute)
    }
  })

  test('a person who mistypes may try a few times at once, and is then told how long to wait', async () => {
    const world = openThrottle()
    const outcomes = []
    for (const password of ['one', 'two', 'three', 'four', 'five', right]) {
      outcomes.push(await world.login({ ...owner, password }))
    }
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      ...Array(4).fill('rejected'),
      ...Array(2).fill('too many'),
    ])
    expect(outcomes[5]).toEqual({ kind: 'too many', retryAfter: 30 })
    world.advance(30_000)
    expect(await world.login(owner)).toEqual({ kind: 'accepted' })
  })

  test('a network that has hammered is like any other ten minutes later', async () => {
    const world = openThrottle()
    for (let guess = 0; guess < 1_000; guess += 1) {
      await world.login({ ...attacker(1), password: `guess ${guess}` })
    }
    world.advance(10 * minute)
    const kinds = []
    for (const network of [2, 2, 2, 2, 1]) {
      const password: string = `late ${kinds.length}`
      kinds.push((await world.login({ ...attacker(network), password })).kind)
    }
    // Newcomer, and three times repeater: nothing is left of that, but of what newcomers may try.
    expect(kinds).toEqual(Array(5).fill('rejected'))
  })

  test('who has logged in from a network before may mistype ten times there', async () => {
    const world = openThrottle()
    await world.login(owner)
    for (let typo = 0; typo < 10; typo += 1) {
      expect(await world.login({ ...owner, password: `typo ${typo}` })).toEqual({
        kind: 'rejected',
      })
    }
    expect(await world.login(owner)).toEqual({ kind: 'too many', retryAfter: 6 })
    world.advance(6_000)
    expect(await world.login(owner)).toEqual({ kind: 'accepted' })
  })
})

test('A17: every spelling of a name is one account', async () => {
  const world = openThrottle()
  const spellings = ['alice', 'ALICE', 'alice ', 'AD\\alice', 'alice@ad.test']
  for (let guess = 0; guess < 100; guess += 1) {
    const username = spellings[guess % spellings.length] ?? ''
    await world.login({ ...attacker(guess), username, password: `guess ${guess}` })
  }
  expect(world.checks()).toBeLessThanOrEqual(5)
})

test('A17: so are the spellings of a name that nobody has', async () => {
  const world = openThrottle()
  for (let guess = 0; guess < 100; guess += 1) {
    const names = ['nobody', 'nobody ', 'nobody\u00a0', 'nobody@corp.example']
    const name = names[guess % names.length] ?? ''
    const username = [name, name.toUpperCase(), `CORP\\${name}`, `c\\o\\${name}`][guess % 7] ?? name
    await world.login({ ...attacker(guess), name, username, password: `guess ${guess}` })
  }
  expect(world.checks()).toBeLessThanOrEqual(5)
})

test('A8: a name that nobody has is limited as one that somebody has', async () => {
  for (const failedBinds of [undefined, { max: 3, window: 15 * minute }]) {
    const [known, unknown] = await Promise.all(
      ['alice', 'nobody'].map(async (name) => {
        const world = openThrottle({ ...(failedBinds && { failedBinds }) })
        const outcomes = []
        for (let guess = 0; guess < 300; guess += 1) {
          const password = `guess ${guess % 40}`
          const { kind, ...rest } = await world.login({ ...attacker(guess % 7), name, password })
          outcomes.push({ kind: kind === 'unknown' ? 'rejected' : kind, ...rest })
          world.advance((guess * 977) % 20_000)
        }
        return outcomes
      }),
    )
    expect(unknown).toEqual(known)
  }
})

test('A18: of a hundred guesses at once, no more are checked than of a hundred in a row', async () => {
  // Two of newcomers and three of repeaters; and all but one of what a directory allows.
  for (const { setting, most } of [
    { setting: {}, most: 5 },
    { setting: { failedBinds: { max: 3, window: 15 * minute } }, most: 2 },
  ]) {
    const world = openThrottle(setting)
    const outcomes = Array.from({ length: 100 }, (_, guess) =>
      world.start({ ...attacker(guess % 3), password: `guess ${guess}` }),
    )
    await world.endAll()
    const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'rejected')).toHaveLength(most)
    expect(kinds.filter((kind) => kind === 'too many')).toHaveLength(100 - most)
    expect(world.checks()).toBe(most)
  }
})

test.each([
  ['from a new network', false],
  ['from a known network, as when the password of a build farm has to be checked anew', true],
])('A18: hundreds of right logins at once %s all get in', async (_where, isKnown) => {
  for (const failedBinds of [undefined, { max: 3, window: 15 * minute }]) {
    const world = openThrottle({ ...(failedBinds && { failedBinds }) })
    if (isKnown) await world.login(owner)
    const outcomes = Array.from({ length: 500 }, () => world.start(owner))
    await world.endAll()
    expect(new Set((await Promise.all(outcomes)).map(({ kind }) => kind))).toEqual(
      new Set(['accepted']),
    )
  }
})

test('A18: however many passwords come at once from where the owner is known, four are checked at a time', async () => {
  const world = openThrottle()
  await world.login(owner)
  const outcomes = Array.from({ length: 50 }, (_, guess) =>
    world.start({ ...owner, password: `guess ${guess}` }),
  )
  await new Promise(setImmediate)
  expect(world.inFlight).toHaveLength(4)
  await world.endAll()
  await Promise.all(outcomes)
  expect(world.checks()).toBe(1 + 10)
})

test('who has to wait gives back what finding took, and is told to come again when too many wait', async () => {
  const world = openThrottle()
  const outcomes = Array.from({ length: 135 }, (_, guess) =>
    world.start({ ...attacker(guess % 3), password: `guess ${guess}` }),
  )
  await new Promise(setImmediate)
  await world.endAll()
  const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'busy')).toHaveLength(135 - 2 - 128)
})

test('what was no wrong guess is not counted: an outage, a disabled account', async () => {
  const world = openThrottle()
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const password = `new ${attempt}`
    const outcome = world.start({ ...owner, password })
    await new Promise(setImmediate)
    const [check] = world.inFlight
    if (attempt % 2 === 0) {
      await Promise.all([
        expect(outcome).rejects.toThrow('no answer'),
        check?.end(new Error('no answer')),
      ])
    } else {
      await check?.end(rejection(false))
      expect(await outcome).toEqual({ kind: 'rejected' })
    }
  }
  expect(await world.login(owner)).toEqual({ kind: 'accepted' })
})

describe('the same wrong password again', () => {
  test('is no second guess: docker asks with POST and then with GET', async () => {
    const world = openThrottle()
    for (let time = 0; time < 50; time += 1) {
      expect(await world.login({ ...owner, password: 'old' })).toEqual({ kind: 'rejected' })
    }
    expect(world.checks()).toBe(1)
    expect(await world.login(owner)).toEqual({ kind: 'accepted' })
  })

  test('is one guess, too, where it comes many times at once', async () => {
    const world = openThrottle()
    const outcomes = Array.from({ length: 50 }, () => world.start({ ...owner, password: 'old' }))
    await world.endAll()
    expect(new Set((await Promise.all(outcomes)).map(({ kind }) => kind))).toEqual(
      new Set(['rejected']),
    )
    expect(world.checks()).toBe(1)
  })

  test('is checked again once the password has changed, and after a quarter of an hour', async () => {
    const world = openThrottle()
    const old = { ...owner, password: 'old' }
    await world.login(old)
    await world.login({ ...old, passwordStamp: 'another' })
    expect(world.checks()).toBe(2)
    world.advance(15 * minute + 1)
    await world.login(old)
    expect(world.checks()).toBe(3)
  })

  test('tells nobody in another network what somebody has mistyped', async () => {
    const world = openThrottle()
    await world.login({ ...owner, password: 'typo' })
    await world.login({ ...attacker(1), password: 'typo' })
    expect(world.checks()).toBe(2)
  })

  test('is remembered of no other account, and never of a disabled one', async () => {
    const world = openThrottle()
    await world.login({ ...owner, password: 'typo' })
    await world.login({ ...owner, name: 'bob', password: 'typo' })
    expect(world.checks()).toBe(2)
    for (const time of [1, 2]) {
      const outcome = world.start({ ...owner, name: 'carol' })
      await new Promise(setImmediate)
      await world.inFlight[0]?.end(rejection(false))
      expect(await outcome, `${time}`).toEqual({ kind: 'rejected' })
    }
    expect(world.checks()).toBe(4)
  })
})

describe('A19: a network', () => {
  test.each([
    ['the same wrong password again', () => 'old password', ['rejected']],
    [
      'passwords that are not looked at',
      (guess: number) => `guess ${guess}`,
      ['too many', 'rejected'],
    ],
  ])(
    'in which strangers come with %s costs the backends four searches a second',
    async (_what, password, kinds) => {
      const world = openThrottle()
      let searches = 0
      const seen = new Set<string>()
      for (let guess = 0; guess < 3_000; guess += 1) {
        try {
          world.throttle.admit({ ...attacker(1), username: 'alice' })
          searches += 1
        } catch {
          continue
        } finally {
          world.advance(10)
        }
        seen.add((await world.login({ ...attacker(1), password: password(guess) })).kind)
      }
      expect(searches).toBeLessThanOrEqual(1 + 120 + 2 * 60)
      expect([...seen].sort()).toEqual([...kinds].sort())
      expect(world.checks()).toBeLessThan(10)
      const source = { ...attacker(1), username: 'alice' }
      expect(() => world.throttle.admit({ ...source, ...owner })).not.toThrow()
    },
  )

  test('of a job with an old password is not stopped before others of it have failed as often', async () => {
    const world = openThrottle()
    for (let run = 0; run < 600; run += 1) {
      await world.login({ ...attacker(1), password: 'old password' })
      world.advance(1_000)
    }
    expect(await world.login({ ...attacker(1), name: 'bob' })).toEqual({ kind: 'accepted' })
  })

  test('fails 30 times at once, then 60 times a minute, and is stopped before any backend is asked', async () => {
    const world = openThrottle()
    let failures = 0
    for (let guess = 0; guess < 5_000; guess += 1) {
      const name = `nobody ${guess}`
      const { kind } = await world.login({ ...attacker(1), name, password: `guess ${guess}` })
      if (kind === 'unknown') failures += 1
      if (guess === 40) expect(failures).toBe(30)
      if (guess > 40) world.advance(100)
    }
    expect(failures).toBeGreaterThan(30 + 490)
    expect(failures).toBeLessThanOrEqual(30 + 500)
    const source = { ...attacker(1), username: 'somebody else' }
    expect(() => world.throttle.admit(source)).toThrow('Too many failed logins')
    expect(() => world.throttle.admit({ ...source, ...owner })).not.toThrow()
  })

  test('does not stop those who have logged in from it before, by whatever spelling they did', async () => {
    const world = openThrottle()
    await world.login({ ...attacker(1), username: 'Alice ' })
    for (let guess = 0; guess < 100; guess += 1) {
      await world.login({ ...attacker(1), name: `nobody ${guess}`, password: `guess ${guess}` })
    }
    expect(await world.login({ ...attacker(1), name: 'bob' })).toMatchObject({ kind: 'too many' })
    expect(await world.login({ ...attacker(1), username: 'alice' })).toEqual({ kind: 'accepted' })
  })

  test('that goes on where an account is used up costs the backends no more searches', async () => {
    const world = openThrottle()
    let searches = 0
    for (let guess = 0; guess < 1_000; guess += 1) {
      try {
        world.throttle.admit({ ...attacker(1), username: 'alice' })
        searches += 1
      } catch {}
      await world.login({ ...attacker(1), password: `guess ${guess}` })
    }
    expect(searches).toBeLessThan(50)
  })
})

test('A19: one password tried on everybody is tried once a minute, whoever comes with it', async () => {
  const world = openThrottle()
  await world.login({ ...owner, password: right })
  for (let guess = 0; guess < 600; guess += 1) {
    await world.login({ ...attacker(guess), name: `nobody ${guess}`, password: right })
    world.advance(1_000)
  }
  expect(world.checks()).toBeLessThanOrEqual(1 + 10 + 10)
  expect(await world.login(owner)).toEqual({ kind: 'accepted' })
  expect(await world.login({ ...attacker(1), password: 'another' })).toEqual({ kind: 'rejected' })
})

test('B17: a clock that is set neither frees nor locks anybody', async () => {
  let wall = Date.parse('2026-02-03T04:05:06Z')
  const world = openThrottle({ clock: () => new Date(wall) })
  await world.login(owner)
  for (let guess = 0; guess < 100; guess += 1) {
    await world.login({ ...attacker(1), password: `guess ${guess}` })
  }
  const year = 365 * 24 * 60 * minute
  for (const jump of [year, -2 * year]) {
    wall += jump
    expect(await world.login(attacker(1))).toMatchObject({ kind: 'too many' })
    expect(await world.login(owner)).toEqual({ kind: 'accepted' })
  }
  world.advance(minute)
  expect(await world.login(attacker(1))).toEqual({ kind: 'accepted' })
})

test('the log tells of an episode once, without a name that nobody has or a password', async () => {
  const world = openThrottle()
  for (let guess = 0; guess < 200; guess += 1) {
    const name = guess < 100 ? 'alice' : 'nobody'
    await world.login({ ...attacker(guess % 2), name, password: `guess ${guess}` })
    world.advance(1_000)
  }
  expect(world.log.lines.map(({ fields }) => fields['limit'])).toEqual(
    expect.arrayContaining(['account']),
  )
  expect(world.log.lines.length).toBeLessThan(8)
  expect(JSON.stringify(world.log.lines)).not.toMatch(/guess|nobody/)
})

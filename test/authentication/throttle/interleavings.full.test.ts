/** Whatever comes at once, and in whatever order it ends, no limit is exceeded. */

import { expect, test } from 'vitest'
import { fc } from '../../support/fast-check.ts'
import { addressOf, minute, openThrottle, right, type Setting } from './guesses.ts'

type Step =
  | { readonly kind: 'start'; readonly network: number; readonly password: string }
  | { readonly kind: 'answer' | 'end'; readonly which: number }
  | { readonly kind: 'wait'; readonly milliseconds: number }

const passwords = fc.oneof(
  fc.nat(1000).map((guess) => `guess ${guess}`),
  fc.constant(right),
)

/** @param period after which something is forgotten */
function stepsOf(period: number): fc.Arbitrary<readonly Step[]> {
  const waits = fc.oneof(fc.nat(period / 3), fc.constantFrom(1, period - 1, period))
  return fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant('start' as const),
          network: fc.nat(4),
          password: passwords,
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat(9) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(9) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('wait' as const),
          milliseconds: waits,
        }),
      },
    ),
    { minLength: 20, maxLength: 120 },
  )
}

/** Runs the steps, and then ends whatever is still under way. */
async function run(
  setting: Setting,
  steps: readonly Step[],
  observe: {
    /** The password is looked at, some time before the check ends. */
    answer?(at: number, isRight: boolean): void
    end?(at: number, isRight: boolean, address: string): void
  },
): Promise<void> {
  const world = openThrottle(setting)
  const outcomes: Promise<unknown>[] = []
  const answered = new Set<object>()
  const step = async (check: (typeof world.inFlight)[number] | undefined, isEnd: boolean) => {
    if (check === undefined) return
    const isRight = check.password === right
    if (!answered.has(check)) observe.answer?.(world.now(), isRight)
    answered.add(check)
    if (!isEnd) return
    observe.end?.(world.now(), isRight, check.address)
    await check.end()
  }
  for (const event of steps) {
    if (event.kind === 'start') {
      outcomes.push(world.start({ address: addressOf(event.network), password: event.password }))
      await new Promise(setImmediate)
    } else if (event.kind === 'wait') world.advance(event.milliseconds)
    else await step(world.inFlight[event.which], event.kind === 'end')
  }
  while (world.inFlight.length > 0) await step(world.inFlight[0], true)
  await Promise.all(outcomes)
}

/** The most of them within any time of that length. */
function mostWithin(times: readonly number[], length: number): number {
  return Math.max(
    0,
    ...times.map((start) => times.filter((time) => time >= start && time <= start + length).length),
  )
}

test('A18: strangers never fail more than ten times in a minute, nor a known network more than twenty', async () => {
  await fc.assert(
    fc.asyncProperty(stepsOf(minute), async (steps) => {
      const strangers: number[] = []
      const known = new Map<string, number[]>()
      await run({}, steps, {
        end(at, isRight, address) {
          if (isRight) known.set(address, known.get(address) ?? [])
          else (known.get(address) ?? strangers).push(at)
        },
      })
      expect(mostWithin(strangers, minute)).toBeLessThanOrEqual(10)
      for (const times of known.values()) {
        expect(mostWithin(times, minute)).toBeLessThanOrEqual(20)
      }
    }),
    { numRuns: 150 },
  )
})

test('B2: no directory counts more failures of an account than it may, whenever it answers', async () => {
  const window = 15 * minute
  await fc.assert(
    fc.asyncProperty(stepsOf(window), async (steps) => {
      let failures = 0
      let last = Number.NEGATIVE_INFINITY
      await run({ failedBinds: { max: 3, window } }, steps, {
        answer(at, isRight) {
          if (at - last >= window || isRight) failures = 0
          if (isRight) return
          failures += 1
          last = at
          expect(failures).toBeLessThanOrEqual(3)
        },
      })
    }),
    { numRuns: 300 },
  )
})

test('A16, B2: whatever strangers do, the owner gets in from a known network', async () => {
  const home = '192.0.2.1'
  for (const setting of [{}, { failedBinds: { max: 3, window: 15 * minute } }]) {
    await fc.assert(
      fc.asyncProperty(stepsOf(15 * minute), async (steps) => {
        const world = openThrottle(setting)
        expect(await world.login({ address: home })).toEqual({ kind: 'accepted' })
        const strangers: Promise<unknown>[] = []
        for (const event of steps) {
          if (event.kind === 'start') {
            const password = event.password === right ? 'almost' : event.password
            strangers.push(world.start({ address: addressOf(event.network), password }))
            await new Promise(setImmediate)
          } else if (event.kind === 'wait') world.advance(event.milliseconds)
          else await world.inFlight[event.which]?.end()
          if (event.kind !== 'start') continue
          const owner = world.start({ address: home })
          await new Promise(setImmediate)
          await world.inFlight.find(({ address }) => address === home)?.end()
          expect(await owner).toEqual({ kind: 'accepted' })
        }
        await world.endAll()
        await Promise.all(strangers)
      }),
      { numRuns: 60 },
    )
  }
})

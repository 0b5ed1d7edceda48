/** A8: how long an answer takes tells nobody which names there are, nor how their passwords are kept. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { getToken } from './ask.ts'
import { percentile } from './load.ts'
import { startServerWithUsers, wrongLogins } from './wrong-logins.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startServerWithUsers()
})
afterAll(() => server?.stop())

const rounds = 25

test('A8: an unknown name and a wrong password take the same time', async () => {
  const times = new Map(wrongLogins.map(([name]) => [name, [] as number[]]))
  // One after the other, so that whatever else this machine does falls on all of them alike.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, { user, password }] of wrongLogins) {
      // A password that was not refused before: no answer may come from memory.
      const other = { user, password: `${round % 10}${password.slice(1)}` }
      const { duration } = await getToken(server, ['repository:a:pull'], other)
      if (round > 0) times.get(name)?.push(duration)
    }
  }
  const reference = times.get('an unknown user') ?? []
  const tolerance = Math.max(percentile(reference, 0.5) * 0.05, 2)
  const medians = [...times].map(([name, all]) => `${name}: ${percentile(all, 0.5).toFixed(1)} ms`)
  console.log(`A8: ${medians.join(', ')}`)
  for (const [name, all] of times) {
    const [low, high] = medianDifference(all, reference)
    expect(low, `${name}; ${medians.join(', ')}`).toBeLessThanOrEqual(tolerance)
    expect(high, `${name}; ${medians.join(', ')}`).toBeGreaterThanOrEqual(-tolerance)
  }
})

/** Where the difference of two medians lies with 95 % certainty, in ms: the bootstrap. */
function medianDifference(
  one: readonly number[],
  other: readonly number[],
): readonly [low: number, high: number] {
  const resample = (values: readonly number[]) =>
    values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)
  const differences = Array.from(
    { length: 2_000 },
    () => percentile(resample(one), 0.5) - percentile(resample(other), 0.5),
  )
  return [percentile(differences, 0.025), percentile(differences, 0.975)]
}

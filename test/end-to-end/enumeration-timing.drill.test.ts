/** A8: how long an answer takes tells nobody which names there are, nor how their passwords are kept. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { getToken } from './ask.ts'
import { percentile } from './load.ts'
import { expectAtBest, interval, medianDifference } from './statistics.ts'
import { startServerWithUsers, wrongLogins } from './wrong-logins.ts'

const rounds = 25
/** Of `expectAtBest`. */
const attempts = 3

let server: Dockwarden
beforeAll(async () => {
  server = await startServerWithUsers(attempts * (rounds + 1))
})
afterAll(() => server?.stop())

test('A8: an unknown name and a wrong password take the same time', async () => {
  let next = 0
  await expectAtBest(async () => {
    const times = new Map(wrongLogins.map(([name]) => [name, [] as number[]]))
    // One after the other, so that whatever else this machine does falls on all of them alike.
    for (let round = 0; round <= rounds; round += 1) {
      const turn = next
      next += 1
      for (const [index, [name, { user, password }]] of wrongLogins.entries()) {
        // Each guess is of its own for the throttle: whom it turns away waits for no hash.
        const answer = await getToken(server, ['repository:a:pull'], {
          user: `${user}-${turn}`,
          password: `${String(turn).padStart(2, '0')}${String(index).padStart(2, '0')}${password.slice(4)}`,
          from: `10.${turn}.${index}.1`,
        })
        expect(answer.status, name).toBe(401)
        if (round > 0) times.get(name)?.push(answer.duration)
      }
    }
    const reference = times.get('an unknown user') ?? []
    const tolerance = Math.max(percentile(reference, 0.5) * 0.05, 2)
    const medians = [...times].map(
      ([name, all]) => `${name}: ${percentile(all, 0.5).toFixed(1)} ms`,
    )
    console.log(`A8: ${medians.join(', ')}`)
    return [...times].flatMap(([name, all]) => {
      const [low, high] = interval(all, reference, medianDifference)
      return low <= tolerance && high >= -tolerance
        ? []
        : [`${name} differs by [${low}, ${high}] ms`]
    })
  })
}, 600_000)

/** What can only be seen by the clock; among the long tests, where nothing else runs at the time. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { PasswordVerifier } from '../../../src/authentication/password/verifier.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { expectAtBest } from '../../end-to-end/statistics.ts'

const storedHash = bcrypt.hashSync('right', 12)

test('A23: a flood of logins is refused at once where the queue is full, and leaves the event loop free', async () =>
  await expectAtBest(measureFlood))

/** @returns what was late */
async function measureFlood(): Promise<readonly string[]> {
  const verifier = new PasswordVerifier({ workers: 2, queueLength: 8 })
  verifier.announce({}, [storedHash])
  const delay = monitorEventLoopDelay({ resolution: 5 })
  // Until the threads have started: what is measured is the hashing.
  await Promise.all([verifier.refuse(new Password('a')), verifier.refuse(new Password('b'))])
  delay.enable()
  const start = performance.now()
  const refusals: number[] = []
  const logins = Array.from({ length: 100 }, async (_, index) => {
    const work =
      index % 2 === 0
        ? verifier.verify(storedHash, new Password(`wrong ${index}`))
        : verifier.refuse(new Password(`wrong ${index}`))
    await work.catch((error) => {
      expect(error).toMatchObject({ name: 'AppError', code: 'unavailable' })
      refusals.push(performance.now() - start)
    })
  })
  await Promise.all(logins)
  delay.disable()
  await verifier.close()
  expect(refusals).toHaveLength(100 - 2 - 8)
  const late = { 'a refusal': Math.max(...refusals), 'the event loop': delay.max / 1e6 }
  return Object.entries(late).flatMap(([what, milliseconds]) =>
    milliseconds < 100 ? [] : [`${what} took ${milliseconds.toFixed(0)} ms`],
  )
}

test('shares no computation of a wrong password: a shared no would be a quicker one', async () => {
  const verifier = new PasswordVerifier({ workers: 1 })
  verifier.announce({}, [storedHash])
  const wrong = new Password('wrong')
  const one = await milliseconds(() => verifier.verify(storedHash, wrong))
  const known = await milliseconds(() =>
    Promise.all(Array.from({ length: 6 }, () => verifier.verify(storedHash, wrong))),
  )
  const unknown = await milliseconds(() =>
    Promise.all(Array.from({ length: 6 }, () => verifier.refuse(wrong))),
  )
  expect(known).toBeGreaterThan(3 * one)
  expect(unknown).toBeGreaterThan(3 * one)
  await verifier.close()
})

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

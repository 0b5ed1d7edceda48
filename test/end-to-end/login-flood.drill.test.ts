/** A23: checking passwords does not stop the server. */

import { randomBytes } from 'node:crypto'
import { Agent } from 'node:http'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { startProcess } from '../support/process.ts'
import { ask, basic } from './ask.ts'
import { startLoad } from './load.ts'
import { startPublicServer } from './public-server.ts'
import { expectRefusal } from './refusal.ts'
import { expectAtBest } from './statistics.ts'

const floodSize = 200

/** A hash of cost 12 that no password has: as dear to check as any other, and made in no time. */
const foreignHash = () =>
  `$2b$12$${randomBytes(60).toString('base64').replaceAll(/[+=]/g, '.').slice(0, 53)}`

test(
  'A23: a flood of first logins at bcrypt cost 12 delays nobody else',
  {
    timeout: 270_000,
  },
  async () => await expectAtBest(measureFlood),
)

/** As many programs as there are workers, and as courteous: what the machine makes of those is no fault of ours. */
async function besideOtherWork<Result>(measure: () => Promise<Result>): Promise<Result> {
  const busy = ['-n', '5', process.execPath, '--eval', 'for (;;) {}']
  const others = Array.from({ length: availableParallelism() }, () => startProcess('nice', busy))
  try {
    return await measure()
  } finally {
    for (const other of others) await other.stop('SIGKILL')
  }
}

/** @returns which loads were delayed */
async function measureFlood(): Promise<readonly string[]> {
  const users = Array.from({ length: floodSize }, (_, index) => `user-${index}`)
  await using server = await startPublicServer(
    `patient:${bcrypt.hashSync('password', 12)}\n${users.map((user) => `${user}:${foreignHash()}\n`).join('')}`,
  )
  const token = `${server.url}/token?service=registry&scope=repository:a:pull`
  const agent = new Agent()
  const login = (user: string, password: string, from: string) =>
    ask(token, {
      agent,
      headers: { authorization: basic(user, password), 'x-forwarded-for': from },
      // What docker gives a token server before it gives up (moby, registry/client/auth).
      timeout: 15_000,
    })
  // And as many requests at once, for which nothing is computed.
  const quiet = await besideOtherWork(async () => {
    const calm = startLoad(token, 20)
    await sleep(1_000)
    await Promise.all(users.map(() => ask(token, { agent })))
    await sleep(1_000)
    return await calm.end()
  })

  const anonymous = startLoad(token, 20)
  const health = startLoad(`${server.url}/healthz`, 20)
  // One guess for each of them, each from a network of its own: nothing here is too much for the throttle.
  const answers = await Promise.all(
    users.map((user, index) => login(user, `password ${index}`, `10.0.${index}.1`)),
  )
  const complaints: string[] = []
  for (const load of [await anonymous.end(), await health.end()]) {
    expect(load.failures).toEqual([])
    expect(new Set(load.answers.map(({ status }) => status))).toEqual(new Set([200]))
    const late = load.percentile(0.99) - quiet.percentile(0.99)
    console.log(
      `A23: p99 ${quiet.percentile(0.99).toFixed(0)} → ${load.percentile(0.99).toFixed(0)} ms`,
    )
    if (late > 100) complaints.push(`p99 is ${late.toFixed(0)} ms later under the flood`)
  }
  const told = answers.filter(({ status }) => status === 503)
  console.log(
    `A23: ${floodSize - told.length} of ${floodSize} were checked, the others told to wait`,
  )
  expect(told.length).toBeLessThan(floodSize)
  for (const answer of answers) {
    expectRefusal(answer, answer.status === 503 ? 503 : 401)
    if (answer.status === 503) expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  }
  // Whoever comes afterwards gets in.
  expect((await login('patient', 'password', '10.1.0.1')).status).toBe(200)
  return complaints
}

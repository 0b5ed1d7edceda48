/** A19, C8: a flood of 300,000 names that nobody has, from more networks than are remembered. */

import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startProcess } from '../../support/process.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** As a module, in a process whose heap is no larger than a container of 128 MB would leave it. */
const flood = `
  import { setImmediate } from 'node:timers/promises'
  import { Throttle } from './dist/authentication/throttle/throttle.js'
  import { Password } from './dist/protocol/credentials.js'
  let now = 0
  const throttle = new Throttle({
    store: { load: async () => [], save: async () => {} },
    clock: () => new Date(),
    log: { info() {}, warn() {}, error() {} },
    now: () => now,
  })
  const right = async () => ({ kind: 'accepted', subject: {} })
  const attempt = (address, name, account, check) =>
    throttle.attempt(
      { address, username: name, account, password: new Password('for ' + name), passwordStamp: '' },
      check,
      async () => {},
    )
  for (let user = 0; user < 1000; user++) {
    await attempt('192.0.2.' + (user % 250), 'user' + user, 'own/' + user, right)
  }
  const before = process.memoryUsage().rss
  let peak = before
  for (let name = 0; name < 300_000; name++) {
    now += 1
    const network = name % 60_000
    const address = '10.' + (network >> 8) + '.' + (network & 255) + '.7'
    await attempt(address, 'name-' + name, undefined, async () => ({ kind: 'unknown' }))
    if (name % 100 === 0) await setImmediate()
    if (name % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().rss)
  }
  console.log(JSON.stringify({ grown: peak - before, ...throttle.status() }))
`

test('A19, C8: 300,000 names that nobody has take 64 MB at most, and push out nobody who is known', async () => {
  const flags = ['--max-old-space-size=48', '--max-semi-space-size=4']
  const process_ = startProcess(
    process.execPath,
    [...flags, '--input-type=module', '--eval', flood],
    { cwd: root },
  )
  await process_.waitForOutput(/\}/, 240_000)
  await process_.stop()
  const { grown, ...remembered } = JSON.parse(process_.stdout)
  console.log(`A19: ${Math.round(grown / 1e6)} MB for 300,000 names`)
  expect(grown).toBeLessThan(64e6)
  expect(remembered).toEqual({
    networks: 10_000,
    // By the account and by the name.
    knownLogins: 2_000,
    refusedSecrets: 10_000,
    passwords: 5_000,
  })
})

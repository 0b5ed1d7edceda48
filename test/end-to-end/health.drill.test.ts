/** C11: the health routes answer at once, whatever is wrong elsewhere. */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { startProcess } from '../support/process.ts'
import { basic } from './ask.ts'
import { startLoad } from './load.ts'
import { expectAtBest } from './statistics.ts'

const hash = bcrypt.hashSync('password', 5)
let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: {
      rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
      authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }],
    },
    files: { htpasswd: `alice:${hash}\n` },
  })
})
afterAll(() => server?.stop())

/** What the machine itself takes, with nothing wrong: milliseconds. */
let quiet = 0

async function expectQuickHealth(): Promise<void> {
  await expectAtBest(measureHealth)
}

/** @returns which route was late */
async function measureHealth(): Promise<readonly string[]> {
  const complaints: string[] = []
  const loads = ['/healthz', '/readyz'].map((path) => startLoad(`${server.url}${path}`, 25))
  await sleep(2_000)
  for (const load of loads) {
    const { answers, failures, percentile } = await load.end()
    expect(failures).toEqual([])
    expect(answers.length).toBeGreaterThan(30)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const [median, p95] = [percentile(0.5), percentile(0.95)]
    if (median > 50 || p95 > 50 + quiet)
      complaints.push(`median ${median.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`)
  }
  return complaints
}

test('C11: they answer within 50 ms', async () => {
  const calm = startLoad(`${server.url}/healthz`, 25)
  await sleep(1_000)
  quiet = (await calm.end()).percentile(0.95)
  await expectQuickHealth()
})

test('C11: also while another process holds the write lock of the database', async () => {
  const database = join(server.folder, 'data', 'dockwarden.db')
  const script = `
    const database = require('better-sqlite3')(process.argv[1])
    database.exec('BEGIN IMMEDIATE')
    console.log('locked')
    setTimeout(() => {}, 600_000)`
  const cwd = process.cwd()
  await using locker = startProcess(process.execPath, ['-e', script, database], { cwd })
  await locker.waitForOutput(/locked/)
  // B15: what writes nothing does not wait for who writes.
  const tokens = startLoad(`${server.url}/token?service=registry&scope=repository:a:pull`, 20, {
    authorization: basic('alice', 'password'),
  })
  const admin = startLoad(`${server.url}/token?service=registry`, 2, {
    authorization: basic('admin', 'wrong'),
  })
  await expectQuickHealth()
  const { answers, failures, percentile } = await tokens.end()
  expect(failures).toEqual([])
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(percentile(0.95)).toBeLessThan(100 + quiet)
  const refused = await admin.end()
  expect(new Set(refused.answers.map(({ status }) => status))).toEqual(new Set([401]))
})

test('C11: also while passwords are checked', async () => {
  const logins = startLoad(`${server.url}/token?service=registry`, 5, {
    authorization: basic('alice', 'wrong'),
  })
  await expectQuickHealth()
  await logins.end()
})

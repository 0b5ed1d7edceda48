/** A21 at length: a thousand reloads under load, every third one broken. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { askForReload } from '../../src/control/control-client.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { type Answer, basic, getToken } from './ask.ts'
import { startLoad } from './load.ts'
import { residentMegabytes } from './resident-memory.ts'

const alice = { user: 'alice', password: 'password' }
const htpasswd = 'alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n'

/** Half of one configuration and half of the other would give alice nothing, or one repository of two. */
const configOf = (team: 'red' | 'blue') => ({
  authentication: [{ htpasswd: { file: 'htpasswd' } }],
  groups: { [team]: ['alice'] },
  rules: ['left', 'right'].map((side) => ({
    name: side,
    who: [`group:${team}`],
    may: ['pull'],
    on: [`${side}/${team}`],
  })),
})
const repositories = ['left/red', 'right/red', 'left/blue', 'right/blue']
const whole = { red: 'left/red right/red', blue: 'left/blue right/blue' }

/** Ways to break a configuration file that holds. */
const breakages: readonly ((text: string, file: string) => void)[] = [
  (text, file) => writeFileSync(file, `${text}\n  ]: [\n`),
  (text, file) => writeFileSync(file, text.replace('may:', 'mya:')),
  (text, file) => writeFileSync(file, text.replace('file: htpasswd', 'file: missing')),
  (text, file) => writeFileSync(file, text.slice(0, text.length / 2)),
  (text, file) => writeFileSync(file, text.replace('keys: keys', 'keys: others')),
  (text, file) =>
    writeFileSync(file, `${text}rule_tests: [{ who: alice, may: [push], on: left/red }]\n`),
  (text, file) => writeFileSync(file, `${text}rules_candidate: missing.yml\n`),
  (_text, file) => rmSync(file),
]

test('A21: 1,000 reloads under load, a third of them broken, fail no request and never mix two policies', async () => {
  await using server = await startDockwarden({
    config: configOf('red'),
    files: { htpasswd },
    // As the image sets it: each loader's thread would leave an arena of its own behind.
    env: { MALLOC_ARENA_MAX: '1' },
  })
  const texts = { red: readFileSync(server.configFile, 'utf8'), blue: '' }
  texts.blue = texts.red.replaceAll('red', 'blue')
  const socket = join(server.folder, 'data', 'dockwarden.sock')
  const query = new URLSearchParams([['service', 'registry'], ...scopes()])
  const load = startLoad(`${server.url}/token?${query}`, 100, {
    authorization: basic(alice.user, alice.password),
  })
  const started = performance.now()
  const memory: number[] = []
  let inForce: 'red' | 'blue' = 'red'
  for (let count = 0; count < 1_000; count += 1) {
    const next: 'red' | 'blue' = inForce === 'red' ? 'blue' : 'red'
    const breakage = breakages[Math.floor(count / 3) % breakages.length]
    if (count % 3 === 2) breakage?.(texts[next], server.configFile)
    else writeFileSync(server.configFile, texts[next])
    const result = await askForReload(socket)
    expect(result.ok, JSON.stringify(result)).toBe(count % 3 !== 2)
    if (result.ok) inForce = next
    expect(granted(await ask(server))).toBe(whole[inForce])
    if (count % 100 === 99) memory.push(Math.round(residentMegabytes(server.process.pid)))
  }
  const seconds = (performance.now() - started) / 1000
  const { answers, failures, percentile } = await load.end()
  console.log(
    `1,000 reloads in ${seconds.toFixed(0)} s beside ${answers.length} requests (p99 ${percentile(0.99).toFixed(0)} ms); ` +
      `memory after each hundred: ${memory.join(', ')} MB`,
  )
  expect(failures).toEqual([])
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  const seen = new Set(answers.map(granted))
  expect([...seen].sort()).toEqual([whole.blue, whole.red])
  // What waits to be collected swings by 30 MB: what stays shows where there is least of it, and in the
  // second half this is at least half of what all reloads have left behind. Up to 1.1 it is by chance; 80 kB
  // that a reload keeps make it more than 1.25.
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
  expect(Math.min(...memory.slice(5)) / mean(memory.slice(0, 5))).toBeLessThan(1.25)
}, 600_000)

const scopes = (): [string, string][] =>
  repositories.map((name) => ['scope', `repository:${name}:pull`])
const ask = (server: Dockwarden) =>
  getToken(
    server,
    scopes().map(([, scope]) => scope),
    alice,
  )

/** The repositories of the token, as it says. */
function granted(answer: Answer): string {
  const [, payload = ''] = String(answer.json()['token']).split('.')
  const { access } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    access: readonly { readonly name: string }[]
  }
  return access.map(({ name }) => name).join(' ')
}

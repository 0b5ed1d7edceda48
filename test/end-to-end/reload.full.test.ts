/** A21: a broken configuration changes nothing, and says where it is broken. */

import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { run } from '../support/process.ts'
import { ask, claimsOf, getToken } from './ask.ts'
import { type Load, startLoad } from './load.ts'

const hash = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' // "password"
const alice = { user: 'alice', password: 'password' }
const bob = { user: 'bob', password: 'password' }
const config = {
  rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['public/**'] }],
  authentication: [{ htpasswd: { file: 'htpasswd' } }],
}
const mended = { ...config, rules: [{ ...config.rules[0], on: ['opened/**'] }] }

let server: Dockwarden
let htpasswd: string
let good: string
beforeAll(async () => {
  server = await startDockwarden({ config, files: { htpasswd: `alice:${hash}\n` } })
  htpasswd = join(server.folder, 'htpasswd')
  good = readFileSync(server.configFile, 'utf8')
})
afterAll(() => server?.stop())
beforeEach(async () => {
  writeFileSync(htpasswd, `alice:${hash}\n`)
  await server.reload(good)
})

const command = (name: string) =>
  run(process.execPath, [program, name, '--config', server.configFile])
const check = () => command('check')
const readiness = async () => {
  const answer = await ask(`${server.url}/readyz`)
  return { status: answer.status, ...answer.json() } as {
    readonly status: number
    readonly ready: boolean
    readonly parts: Readonly<Record<string, { state: string; detail?: string }>>
  }
}
/** The repositories of `names` that anonymous may pull now. */
async function open(...names: string[]): Promise<readonly string[]> {
  const scopes = names.map((name) => `repository:${name}:pull`)
  const { access } = await claimsOf(await getToken(server, scopes), server)
  return access.map(({ name }) => name)
}

async function expectNoFailure(load: Load): Promise<void> {
  const { answers, failures } = await load.end()
  expect(failures).toEqual([])
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  expect(answers.length).toBeGreaterThan(20)
}

const tokenUrl = () => `${server.url}/token?service=registry&scope=repository:public/a:pull`

const directory =
  '{ preset: openldap, urls: ["ldaps://127.0.0.1"], base: "dc=x", bind: anonymous, tls: { ca_file: htpasswd } }'

const faults: readonly (readonly [string, () => string, RegExp])[] = [
  ['an unknown key', () => `${good}\nruls: []\n`, /dockwarden\.yml:\d+:\d+.*ruls.*rules/s],
  ['an unknown key inside', () => good.replace('may:', 'mya:'), /dockwarden\.yml:\d+:\d+.*mya/s],
  ['no YAML', () => `${good}\n  ]: [\n`, /dockwarden\.yml:\d+:\d+/],
  ['the same key twice', () => `${good}\nrules: []\n`, /dockwarden\.yml:\d+:\d+.*rules/s],
  [
    'what only a later version knows',
    () => good.replace('rules:', 'identity_tokens: []\nrules:'),
    /dockwarden\.yml:\d+:\d+.*identity_tokens/s,
  ],
  ['no map', () => '[]', /dockwarden\.yml/],
  [
    'a bad rule',
    () => good.replace('public/**', 'Public/**'),
    /dockwarden\.yml:\d+:\d+: rules.*Public/s,
  ],
  [
    'an htpasswd file that is not there',
    () => good.replace('file: htpasswd', 'file: missing'),
    /dockwarden\.yml:\d+ authentication\[0\]\.htpasswd\.file: .*missing does not exist/,
  ],
  [
    'a CA that is none',
    () => good.replace('authentication:', `authentication:\n  - ldap: ${directory}`),
    /dockwarden\.yml:\d+ authentication\[0\]\.ldap\.tls\.ca_file: .*does not hold the certificates/,
  ],
  [
    'a candidate of rules that is not there',
    () => `${good}\nrules_candidate: next.yml\n`,
    /next\.yml: cannot be read: there is no such file/,
  ],
  [
    'a rule test that fails',
    () => `${good}\nrule_tests: [{ who: anonymous, may: [push], on: public/a }]\n`,
    /dockwarden\.yml:\d+: rule_tests\[0\]: .*anonymous may not push to public\/a/,
  ],
]

describe('A21: a configuration that does not load', () => {
  test.each(faults)('%s: the old one answers, and the fault is told', async (_name, text, told) => {
    const line = await server.reload(text())
    expect(line).toMatchObject({ level: 'error', event: 'reload' })
    expect(line['reason']).toMatch(told)
    expect(await open('public/a', 'opened/a')).toEqual(['public/a'])
    const { status, ready, parts } = await readiness()
    expect([status, ready, parts['config']?.state]).toEqual([200, true, 'degraded'])
    expect(parts['config']?.detail).toMatch(told)

    const { code, stdout, stderr } = await command('reload')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(told)
  })

  test('a file that has vanished: the same, and nothing but its return is needed', async () => {
    rmSync(server.configFile)
    const { code, stderr } = await command('reload')
    expect(code).toBe(1)
    expect(stderr).toMatch(/dockwarden\.yml: cannot be read: there is no such file/)
    const isDegraded = async () => (await readiness()).parts['config']?.state === 'degraded'
    await server.process.waitUntil('tell', isDegraded)
    expect(await open('public/a', 'opened/a')).toEqual(['public/a'])
    writeFileSync(server.configFile, good)
    await server.process.waitUntil('reload', async () => !(await isDegraded()))
  })

  test('a file that it names and that was missing is taken when it appears', async () => {
    await server.reload(good.replace('file: htpasswd', 'file: later'))
    expect((await readiness()).parts['config']?.state).toBe('degraded')
    writeFileSync(join(server.folder, 'later'), `bob:${hash}\n`)
    const isBobIn = async () => (await getToken(server, [], bob)).status === 200
    await server.process.waitUntil('let bob in', isBobIn)
    expect((await readiness()).parts['config']).toEqual({ state: 'ok' })
  })

  test('is counted, and the metrics say that an older one is in force', async () => {
    const metrics = async () => (await ask(`${server.url}/metrics`)).text
    const count = async (result: string) =>
      Number(new RegExp(`reloads_total\\{result="${result}"\\} (\\d+)`).exec(await metrics())?.[1])
    const [done, refused] = [await count('done'), await count('refused')]
    expect(await metrics()).toMatch(/^dockwarden_config_up_to_date 1$/m)
    await server.reload(`${good}\nruls: 1\n`)
    expect(await metrics()).toMatch(/^dockwarden_config_up_to_date 0$/m)
    await server.reload(good)
    expect(await metrics()).toMatch(/^dockwarden_config_up_to_date 1$/m)
    expect([await count('done'), await count('refused')]).toEqual([done + 1, refused + 1])
    const time = /^dockwarden_config_loaded_timestamp_seconds ([\d.]+)$/m.exec(await metrics())?.[1]
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(10)
  })

  test('fails no request, is found by check, and its mending is in force at once', async () => {
    const load = startLoad(tokenUrl(), 50)
    for (let count = 0; count < 10; count += 1) {
      await server.reload(count % 2 === 0 ? `${good}\nruls: 1\n` : good)
    }
    await server.reload(`${good}\nruls: 1\n`)
    const { code, stdout, stderr } = await check()
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/dockwarden\.yml:\d+:1: ruls: no such key; .*rules/)

    expect(await server.reload(mended)).toMatchObject({ level: 'info', event: 'reload' })
    expect(await open('public/a', 'opened/a')).toEqual(['opened/a'])
    expect((await readiness()).parts['config']).toEqual({ state: 'ok' })
    expect((await check()).code).toBe(0)
    await expectNoFailure(load)
  })

  test('what needs a restart is refused, and nothing else of that file is taken', async () => {
    const line = await server.reload({ ...mended, keys: 'other-keys' })
    expect(line).toMatchObject({ level: 'error' })
    expect(line['reason']).toMatch(/keys/)
    expect(await open('public/a', 'opened/a')).toEqual(['public/a'])
  })

  test('a changed file is taken without a signal', async () => {
    await sleep(1_100)
    const file = `${server.configFile}.new`
    writeFileSync(file, good.replace('public/**', 'opened/**'))
    renameSync(file, server.configFile)
    await server.process.waitUntil('reload', async () => (await open('opened/a')).length === 1)
  })
})

describe('A21: an htpasswd file that does not load', () => {
  const signsIn = async (login: typeof alice) => (await getToken(server, [], login)).status === 200

  test('keeps the users of the old one, and is mended by writing it anew', async () => {
    const load = startLoad(tokenUrl(), 50)
    appendFileSync(htpasswd, `bob:${hash}\nnonsense without a colon\n`)
    await server.process.waitUntil('tell', async () => {
      const { parts } = await readiness()
      return parts['backend htpasswd']?.state === 'degraded'
    })
    const { parts, status } = await readiness()
    expect(status).toBe(200)
    expect(parts['backend htpasswd']?.detail).toMatch(/htpasswd:3/)
    expect(JSON.stringify(parts)).not.toContain(hash)
    expect(await signsIn(alice)).toBe(true)

    const { code, output } = await check()
    expect(code).not.toBe(0)
    expect(output).toMatch(/htpasswd:3/)
    expect(output).not.toContain(hash)

    writeFileSync(htpasswd, `alice:${hash}\nbob:${hash}\n`)
    await server.process.waitUntil('let bob in', () => signsIn(bob))
    expect((await readiness()).parts['backend htpasswd']).toEqual({ state: 'ok' })
    writeFileSync(htpasswd, `bob:${hash}\n`)
    await server.process.waitUntil('let alice go', async () => !(await signsIn(alice)))
    await expectNoFailure(load)
  })
})

test('A21: a start takes what a reload refuses where nothing but a rule of it has ended', async () => {
  const who = ['anyone']
  const ended = { name: 'ended', who, may: ['pull'], on: ['old/a'], when: { until: '2020-01-01' } }
  const endedTest = { who: 'anonymous', may: ['pull'], on: 'old/a' }
  const restarted = await startDockwarden({
    config: { ...config, rules: [...config.rules, ended], rule_tests: [endedTest] },
    files: { htpasswd: `alice:${hash}\n` },
  })
  try {
    const names = ['public/a', 'old/a'].map((name) => `repository:${name}:pull`)
    const { access } = await claimsOf(await getToken(restarted, names), restarted)
    expect(access.map(({ name }) => name)).toEqual(['public/a'])
    await restarted.process.waitForOutput(
      /"event":"rule_test".*dockwarden\.yml:\d+ rule_tests\[0\]/,
    )
    const line = await restarted.reload(`${readFileSync(restarted.configFile, 'utf8')}\n`)
    expect(line).toMatchObject({ level: 'error', event: 'reload' })
  } finally {
    await restarted.stop()
  }
})

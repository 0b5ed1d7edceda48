/** `dockwarden reload`: what it says, and its exit code. */

import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let server: Dockwarden
beforeAll(async () => {
  const rules = [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['public/**'] }]
  server = await startDockwarden({ config: { rules } })
})
afterAll(() => server?.stop())

const reload = (...args: readonly string[]) =>
  run(process.execPath, [program, 'reload', ...args], { cwd: server.folder })

test('waits for the result and tells it', async () => {
  expect(await reload()).toMatchObject({
    code: 0,
    stdout: `${server.configFile} is in force (services: registry; backends: accounts; rules: 1)\n`,
    stderr: '',
  })
  const { code, stdout } = await reload('--json')
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    {
      ok: true,
      config: server.configFile,
      services: ['registry'],
      backends: ['accounts'],
      rules: 1,
    },
  ])
})

test('a file that the server refuses: where and why, and that the old one stays', async () => {
  const good = readFileSync(server.configFile, 'utf8')
  appendFileSync(server.configFile, 'ruls: []\n')
  const line = good.split('\n').length
  const { code, stdout, stderr } = await reload()
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(
    new RegExp(`^/.*/dockwarden\\.yml:${line}:1: ruls: .*\n.* keeps its old configuration\n$`),
  )
  const json = await reload('--json')
  expect([json.code, JSON.parse(json.stdout)]).toEqual([
    1,
    { ok: false, reasons: [expect.stringMatching(`dockwarden.yml:${line}:1: ruls: `)] },
  ])
  writeFileSync(server.configFile, good)
  expect((await reload()).code).toBe(0)
})

test('A21: rules that fail their own tests do not come into force', async () => {
  const good = readFileSync(server.configFile, 'utf8')
  appendFileSync(server.configFile, 'rule_tests:\n  - { who: eve, may: push, on: prod/api }\n')
  const line = good.split('\n').length + 1
  const { code, stderr } = await reload()
  expect(code).toBe(1)
  expect(stderr).toContain(
    `dockwarden.yml:${line}: rule_tests[0]: the rules fail this test: eve may not push to prod/api: `,
  )
  writeFileSync(server.configFile, good)
  expect((await reload()).code).toBe(0)
})

test('A21: a file that is no YAML any more, or has vanished, is told with its place', async () => {
  const good = readFileSync(server.configFile, 'utf8')
  writeFileSync(server.configFile, `${good}\n  ]: [\n`)
  expect(await reload()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /dockwarden\.yml:\d+:\d+: .*\na server that runs keeps its old configuration\n$/,
    ),
  })
  const json = await reload('--json')
  expect([json.code, json.stderr, JSON.parse(json.stdout)]).toEqual([
    1,
    '',
    { ok: false, reasons: [expect.stringMatching(/dockwarden\.yml:\d+:\d+: /)] },
  ])
  rmSync(server.configFile)
  expect(await reload('--config', server.configFile)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/dockwarden\.yml: cannot be read: there is no such file/),
  })
  writeFileSync(server.configFile, good)
})

test('without a server it says so; where the database is misspelt, that', async () => {
  const folder = temporaryFolder('reload')
  const file = join(folder, 'dockwarden.yml')
  writeFileSync(file, 'database: sqlite:accounts/dockwarden.db\n')
  const socket = join(folder, 'accounts', 'dockwarden.sock')
  expect(await reload('--config', file)).toMatchObject({
    code: 1,
    stderr: `dockwarden: no server is running with this configuration: ${socket} is not there\n`,
  })
  const json = await reload('--config', file, '--json')
  expect([json.code, json.stderr, JSON.parse(json.stdout)]).toEqual([
    1,
    '',
    {
      ok: false,
      reasons: [`no server is running with this configuration: ${socket} is not there`],
    },
  ])
  writeFileSync(file, 'databse: sqlite:accounts/dockwarden.db\n')
  expect(await reload('--config', file)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/dockwarden\.yml:1:1: databse: .*database/),
  })
})

test('the socket is the one that the configuration names, and is gone with the server', async () => {
  await using named = await startDockwarden({
    config: { server: { control_socket: 'here.sock' } },
  })
  const socket = join(named.folder, 'here.sock')
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  expect((await reload('--config', named.configFile)).code).toBe(0)
  await named.stop()
  expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined()
})

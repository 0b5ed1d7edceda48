/** B32: what a first start makes is secret, and there is nothing that everybody knows. */

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { requirePart } from '../support/parts.ts'
import { type RunResult, run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { claimsOf, getToken } from './ask.ts'
import { expectRefusal } from './refusal.ts'

/** With no more than an address: backends and rules are the built-in ones. */
const start = (folder = temporaryFolder('first-start')) => startDockwarden({ folder })
const passwordOf = (server: Dockwarden) =>
  /^admin password: (\S+)$/m.exec(server.process.stdout)?.[1]
const permissions = (path: string) => (statSync(path).mode & 0o777).toString(8)

/** A start that is meant to fail. */
async function failToStart(folder: string, listen = `127.0.0.1:0`): Promise<RunResult> {
  const file = join(folder, 'dockwarden.yml')
  writeFileSync(file, `server: { listen: "${listen.replace(/:0$/, `:${await freePort()}`)}" }\n`)
  const result = await run(process.execPath, [program, 'serve', '--config', file], {
    cwd: folder,
    timeout: 60_000,
  })
  expect(result.code).toBe(1)
  expect(result.stderr).not.toMatch(/\n\s+at |node_modules/)
  return result
}

test('the first password is printed once, and signs in with curl', async () => {
  const folder = temporaryFolder('first-start')
  const server = await start(folder)
  const password = passwordOf(server) ?? ''
  expect(password.length).toBeGreaterThanOrEqual(16)
  const scope = 'repository:any/thing:pull,push,delete'
  const { stdout } = await run(requirePart('curl'), [
    ...['-s', '-S', '-f', '-u', `admin:${password}`, '--get', `${server.url}/token`],
    ...['-d', 'service=registry', '--data-urlencode', `scope=${scope}`],
  ])
  expect(JSON.parse(stdout)).toHaveProperty('token')
  const admin = { user: 'admin', password }
  const { access } = await claimsOf(
    await getToken(server, [scope, 'registry:catalog:*'], admin),
    server,
  )
  expect(access.map(({ type }) => type)).toEqual(['repository', 'registry'])
  expectRefusal(await getToken(server, []), 401)
  expect((await claimsOf(await getToken(server, [scope]), server)).access).toEqual([])
  await server.stop()

  await using second = await start(folder)
  expect(second.process.output).not.toMatch(/password/i)
  expect((await getToken(second, [], admin)).status).toBe(200)
})

test('B32: two installations have neither password nor key in common', async () => {
  const servers = await Promise.all([start(), start()])
  const [one, other] = servers.map((server) => ({
    password: passwordOf(server),
    key: readFileSync(join(server.folder, 'keys', 'ca.key'), 'utf8'),
    certificate: readFileSync(server.rootCertBundle, 'utf8'),
  }))
  for (const key of ['password', 'key', 'certificate'] as const)
    expect(one?.[key]).not.toBe(other?.[key])
  await Promise.all(servers.map((each) => each.stop()))
})

test('B32: nobody gets in with a name and a password that are usual elsewhere', async () => {
  await using server = await start()
  const names = ['admin', 'root', 'dockwarden']
  for (const user of names) {
    // No more than the throttle lets through: what it turns away would prove nothing.
    for (const password of new Set([user, 'password', 'changeme', ''])) {
      expectRefusal(await getToken(server, [], { user, password }), 401)
    }
  }
  // All of them are asked of what is stored.
  const database = new Database(join(server.folder, 'data', 'dockwarden.db'), { readonly: true })
  const accounts = database.prepare('select name, password_hash as hash from accounts').all()
  database.close()
  expect(accounts).toEqual([{ name: 'admin', hash: expect.stringMatching(/^\$2b\$/) }])
  const [{ hash }] = accounts as [{ hash: string }]
  for (const password of [...names, 'password', 'changeme', '']) {
    expect(bcrypt.compareSync(password, hash), password).toBe(false)
  }
})

test('B32: keys and database are for their owner alone', async () => {
  await using server = await start()
  const inFolder = (...parts: string[]) => permissions(join(server.folder, ...parts))
  expect(inFolder('keys')).toBe('700')
  expect(inFolder('keys', 'ca.key')).toBe('600')
  expect(inFolder('data', 'dockwarden.db')).toBe('600')
})

test('B32: a key that others may read is refused, with the path and what to do', async () => {
  const folder = temporaryFolder('first-start')
  await (await start(folder)).stop()
  const key = join(folder, 'keys', 'ca.key')
  chmodSync(key, 0o644)
  const { output } = await failToStart(folder)
  expect(output).toContain(key)
  expect(output).toMatch(/chmod 0?600/)
  chmodSync(key, 0o600)
  await using server = await start(folder)
  expect(passwordOf(server)).toBeUndefined()
})

test('where the port is taken, the first password is not lost', async () => {
  const folder = temporaryFolder('first-start')
  const port = await freePort()
  const blocker = createServer().listen(port, '127.0.0.1')
  const { output, stderr } = await failToStart(folder, `127.0.0.1:${port}`)
  blocker.close()
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain(`127.0.0.1:${port}`)
  const shown = /^admin password: (\S+)$/m.exec(output)?.[1]
  await using server = await start(folder)
  const password = shown ?? passwordOf(server) ?? ''
  expect((await getToken(server, [], { user: 'admin', password })).status).toBe(200)
})

test('a database that is none is refused, and left as it is', async () => {
  const folder = temporaryFolder('first-start')
  mkdirSync(join(folder, 'data'), { mode: 0o700 })
  const file = join(folder, 'data', 'dockwarden.db')
  const nonsense = 'this is no database '.repeat(1_000)
  writeFileSync(file, nonsense, { mode: 0o600 })
  const { stderr, stdout } = await failToStart(folder)
  expect(stderr).toContain(file)
  expect(stdout).not.toContain('password')
  expect(readFileSync(file, 'utf8')).toBe(nonsense)
})

test('without a configuration file, the built-in defaults are in force and sound', async () => {
  const folder = temporaryFolder('first-start')
  const { code, stdout } = await run(process.execPath, [program, 'check'], {
    cwd: folder,
    env: { DOCKWARDEN_CONFIG: undefined },
  })
  expect([code, stdout]).toEqual([0, expect.stringContaining('built-in defaults: ok')])
  expect(existsSync(join(folder, 'keys')), 'check makes nothing').toBe(false)
})

test.each([
  ['a configuration that is not there', ['serve', '--config', 'missing.yml'], 1, /missing\.yml/],
  ['a command that nobody knows', ['server'], 2, /server/],
  ['an option that nobody knows', ['serve', '--prot', '1'], 2, /--prot/],
])('%s: one clear complaint', async (_name, args, code, told) => {
  const folder = temporaryFolder('first-start')
  const result = await run(process.execPath, [program, ...args], { cwd: folder })
  expect(result.code).toBe(code)
  expect(result.stderr).toMatch(told)
  expect(result.stderr).not.toMatch(/\n\s+at /)
  expect(existsSync(join(folder, 'keys'))).toBe(false)
})

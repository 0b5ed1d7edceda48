/** What an operator does at the command line counts for the server's next request, and without a server too. */

import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { describeAsRoot, requirePart } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { processorTimeOfProcess } from '../support/processor-time.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { claimsOf, getToken } from './ask.ts'
import { expectRefusal } from './refusal.ts'

const rules = [{ who: ['group:dev'], may: ['pull', 'push'], on: ['dev/**'] }]
const scope = 'repository:dev/app:pull,push'

/** Adds an account with a password that is made for it. */
async function addUser(folder: string, name: string, ...args: string[]): Promise<string> {
  const made = await commandJson<{ password: string }>(folder, [
    ...['user', 'add', name, '--generate', ...args],
  ])
  return made.password
}

/** What a command says on standard output. @throws where it fails */
async function does(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, output } = await command(folder, args)
  if (code !== 0) throw new Error(`${args.join(' ')}:\n${output}`)
  return stdout
}

describe('A5: with a server that runs', () => {
  let server: Dockwarden
  let folder: string
  beforeAll(async () => {
    server = await startDockwarden({ config: { rules, authentication: ['accounts'] } })
    folder = server.folder
  })
  afterAll(() => server?.stop())

  const ask = (user: string, password: string) => getToken(server, [scope], { user, password })
  const rights = async (user: string, password: string) => {
    const { access } = await claimsOf(await ask(user, password), server)
    return access.flatMap(({ actions }) => actions)
  }

  test('a new account signs in at once', async () => {
    const password = await addUser(folder, 'anna')
    expect(await rights('anna', password)).toEqual([])
  })

  test('a disabled one is refused at once, though its password was right a moment ago', async () => {
    const password = await addUser(folder, 'berta')
    for (let count = 0; count < 3; count++) expect((await ask('berta', password)).status).toBe(200)
    await does(folder, 'user', 'disable', 'berta')
    expectRefusal(await ask('berta', password), 401)
    await does(folder, 'user', 'enable', 'berta')
    expect((await ask('berta', password)).status).toBe(200)
  })

  test('the old password is refused, and the new one accepted, at once', async () => {
    const old = await addUser(folder, 'cleo')
    expect((await ask('cleo', old)).status).toBe(200)
    const { password } = await commandJson<{ password: string }>(folder, [
      ...['user', 'password', 'cleo', '--generate'],
    ])
    expectRefusal(await ask('cleo', old), 401)
    expect((await ask('cleo', password)).status).toBe(200)
  })

  test('a group gives its rights with the next token, and takes them with the one after', async () => {
    const password = await addUser(folder, 'dora')
    expect(await rights('dora', password)).toEqual([])
    await does(folder, 'group', 'add', 'dev', 'dora')
    expect(await rights('dora', password)).toEqual(['pull', 'push'])
    await does(folder, 'user', 'groups', 'dora', '--remove', 'dev')
    expect(await rights('dora', password)).toEqual([])
  })

  test('who is made anew under an old name inherits nothing', async () => {
    const old = await addUser(folder, 'emil', '--group', 'dev')
    expect(await rights('emil', old)).toEqual(['pull', 'push'])
    await does(folder, 'user', 'remove', 'emil')
    expectRefusal(await ask('emil', old), 401)
    const password = await addUser(folder, 'emil')
    expectRefusal(await ask('emil', old), 401)
    expect(await rights('emil', password)).toEqual([])
  })

  test('users of an htpasswd file sign in with the passwords that they have', async () => {
    const lines = ['-B', '-m', '-s', '-2', '-5'].map(async (kind, index) => {
      const args = ['-nb', kind, `user-${index}`, 'correct horse']
      return (await run(requirePart('htpasswd'), args)).stdout.trim()
    })
    writeFileSync(join(folder, 'users'), `${(await Promise.all(lines)).join('\n')}\n`)
    await does(folder, 'import', 'htpasswd', 'users')
    for (let index = 0; index < 5; index++) {
      expect((await ask(`user-${index}`, 'correct horse')).status, `user-${index}`).toBe(200)
      expectRefusal(await ask(`user-${index}`, 'wrong horse'), 401)
    }
  })

  test('many commands at once are all done, while the server answers', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `many-${index}`)
    const passwords = await Promise.all(names.map((name) => addUser(folder, name, '-g', 'dev')))
    for (const [index, name] of names.entries()) {
      expect(await rights(name, passwords[index] ?? '')).toEqual(['pull', 'push'])
    }
  })
})

test('A8: a dearer hash that is imported while the server runs gives its user away to no clock', async () => {
  await using server = await startDockwarden({ config: { authentication: ['accounts'] } })
  const { folder } = server
  // Few enough for the limits of logins: an answer of theirs takes no time.
  const cost = async (userOf: (count: number) => string): Promise<number> => {
    const start = processorTimeOfProcess(server.process.pid)
    for (let count = 0; count < 4; count++) {
      const login = { user: userOf(count), password: `wrong horse ${count}` }
      expectRefusal(await getToken(server, [], login), 401)
    }
    return processorTimeOfProcess(server.process.pid) - start
  }
  await cost((count) => `nobody-${count}`)
  const made = await run(requirePart('htpasswd'), ['-nbB', '-C', '12', 'slow', 'correct horse'])
  writeFileSync(join(folder, 'users'), made.stdout)
  await does(folder, 'import', 'htpasswd', 'users')
  // Four times the work of the accounts that were there before: without word of it, a factor of 4.
  const unknown = await cost((count) => `stranger-${count}`)
  const known = await cost(() => 'slow')
  expect(Math.max(unknown, known) / Math.min(unknown, known)).toBeLessThan(2)
}, 240_000)

test('without a server: what was done before its first start is in force, and there is no automatic admin', async () => {
  const folder = temporaryFolder('before')
  const password = await addUser(folder, 'admin')
  await using server = await startDockwarden({ folder })
  expect(server.process.output).not.toContain('admin password')
  const { access } = await claimsOf(
    await getToken(server, ['repository:any:pull,push,delete'], { user: 'admin', password }),
    server,
  )
  expect(access).toHaveLength(1)
})

test('a reload that is the first to ask for accounts makes the first admin, and shows its password once', async () => {
  await using server = await startDockwarden({
    config: { authentication: [{ htpasswd: { file: 'htpasswd' } }] },
    files: { htpasswd: '' },
  })
  expect(server.process.output).not.toContain('admin password')
  const both = { authentication: [{ htpasswd: { file: 'htpasswd' } }, 'accounts'] }
  expect(await server.reload(both)).toMatchObject({ level: 'info' })
  const [, password = ''] = await server.process.waitForOutput(/^admin password: (\S+)$/m)
  expect((await getToken(server, [], { user: 'admin', password })).status).toBe(200)
  await server.reload({ ...both, issuer: 'another' })
  expect(server.process.stdout.split('admin password')).toHaveLength(2)
})

describeAsRoot('a command of another user of the machine', [], () => {
  const owner = 54_321

  /** Runs a command as somebody who is not root. */
  const as = (uid: number, folder: string, ...args: readonly string[]) => {
    const setpriv = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
    return run('/usr/bin/env', [...setpriv, process.execPath, program, ...args], { cwd: folder })
  }
  const ownersIn = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => [
      path,
      statSync(join(folder, path)).uid,
    ])

  test('root leaves nothing behind that the owner could not open', async () => {
    const folder = temporaryFolder('owner')
    chownSync(folder, owner, owner)
    expect(await does(folder, 'user', 'add', 'alice', '--generate')).toContain('alice is added')
    expect(ownersIn(folder)).toEqual([
      ['data', owner],
      ['data/dockwarden.db', owner],
    ])
    expect(await as(owner, folder, 'user', 'disable', 'alice')).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(await does(folder, 'user', 'enable', 'alice')).toContain('alice is enabled')
    for (const [path, uid] of ownersIn(folder)) expect(uid, String(path)).toBe(owner)
  })

  test('anybody else is told whose it is, in one line', async () => {
    const folder = temporaryFolder('stranger')
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'data'), { mode: 0o755 })
    await does(folder, 'user', 'add', 'alice', '--generate')
    const open = await as(owner, folder, 'user', 'list')
    expect([open.code, open.stdout]).toEqual([1, ''])
    expect(open.stderr).toMatch(
      /^dockwarden: \S+\/dockwarden\.db cannot be opened or written \(\w+\): .*, or run it as their owner, uid 0\n$/,
    )
    chmodSync(join(folder, 'data'), 0o700)
    const closed = await as(owner, folder, 'user', 'add', 'bob', '--generate')
    expect([closed.code, closed.stdout]).toEqual([1, ''])
    expect(closed.stderr).toMatch(
      /cannot be opened or written \(EACCES\).*, or run it as their owner\n$/,
    )
  })
})

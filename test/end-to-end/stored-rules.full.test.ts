/** What an operator rules at the command line counts for the server's next request, and without a server too. */

import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startModule } from '../storage/second-process.ts'
import { command, commandJson } from '../support/command.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { ask, claimsOf, getToken, type Login } from './ask.ts'
import { expectRefusal } from './refusal.ts'

const login = { user: 'alice', password: 'password' }
// No backend of accounts: rules are kept in the database all the same.
const config = {
  authentication: [{ htpasswd: { file: 'htpasswd' } }],
  groups: { dev: ['alice'] },
  rules: [{ name: 'all read', who: ['authenticated'], may: ['pull'], on: ['**'] }],
}
const files = { htpasswd: `alice:${hashSync('password', 4)}\n` }

const scope = 'repository:prod/app:pull,push,delete'

/** What alice, or whoever does not sign in, may of prod/app. */
async function rights(server: Dockwarden, as: Login | 'anonymous' = login) {
  const answer = await getToken(server, [scope], as === 'anonymous' ? undefined : as)
  const { access } = await claimsOf(answer, server)
  return access.flatMap(({ actions }) => actions)
}

/** The log comes a moment after the answer. */
async function isLogged(server: Dockwarden, field: string, text: string): Promise<void> {
  await server.process.waitUntil(`log ${text}`, async () =>
    server.log().some((line) => JSON.stringify(line[field])?.includes(text)),
  )
}

async function addRule(server: Dockwarden, ...args: readonly string[]): Promise<string> {
  const { id } = await commandJson<{ id: number }>(server.folder, ['rule', 'add', ...args])
  return `${id}`
}

async function does(server: Dockwarden, ...args: readonly string[]): Promise<void> {
  const { code, output } = await command(server.folder, args)
  if (code !== 0) throw new Error(`${args.join(' ')}:\n${output}`)
}

const push = ['--who', 'group:dev', '--may', 'push', '--on', 'prod/**'] as const

describe('A5: with a server that runs', () => {
  let server: Dockwarden
  beforeAll(async () => {
    server = await startDockwarden({ config, files })
  })
  afterAll(() => server?.stop())

  test('a rule gives its rights with the next token, and takes them with the one after', async () => {
    expect(await rights(server)).toEqual(['pull'])
    const id = await addRule(server, ...push, '--name', 'hotfix')
    expect(await rights(server)).toEqual(['pull', 'push'])
    await isLogged(server, 'rules', `hotfix (rule ${id})`)
    await does(server, 'rule', 'remove', id)
    expect(await rights(server)).toEqual(['pull'])
  })

  test('one that ends by itself is gone at its end, and nobody has done anything', async () => {
    await addRule(server, ...push, '--for', '3s')
    expect(await rights(server)).toEqual(['pull', 'push'])
    await server.process.waitUntil('lose the right', async () => {
      return (await rights(server)).join() === 'pull'
    })
  })

  test('what it denies, no rule of the file gives', async () => {
    const id = await addRule(server, '--who', 'anyone', '--may-not', 'pull', '--on', 'prod/**')
    expect(await rights(server)).toEqual([])
    await does(server, 'rule', 'remove', id)
    expect(await rights(server)).toEqual(['pull'])
  })

  test('what it gives to anonymous is told to whoever asks for nothing', async () => {
    const knock = () => getToken(server, [])
    expectRefusal(await knock(), 401)
    const id = await addRule(server, '--who', 'anonymous', '--may', 'pull', '--on', 'prod/*')
    expect((await knock()).status).toBe(200)
    expect(await rights(server, 'anonymous')).toEqual(['pull'])
    await does(server, 'rule', 'remove', id)
    expectRefusal(await knock(), 401)
  })

  test('it outlives a reload, with the groups of the new file', async () => {
    const id = await addRule(server, ...push)
    await server.reload({ ...config, groups: { dev: ['bob'] } })
    expect(await rights(server)).toEqual(['pull'])
    await server.reload(config)
    expect(await rights(server)).toEqual(['pull', 'push'])
    await does(server, 'rule', 'remove', id)
  })

  test('A1: one that cannot be read is 503 and a part that is down, never the rules of the file alone', async () => {
    const id = await addRule(server, ...push)
    const { token } = (await getToken(server, [scope], login)).json()
    const database = join(server.folder, 'data', 'dockwarden.db')
    const vandal = startModule(
      `import Sqlite from 'better-sqlite3'
       const sqlite = new Sqlite(path)
       sqlite.exec("update rules set who = '[\\"nobody\\"]' where id = ${id}")
       sqlite.exec('update change_counts set changes = changes + 1')
       console.log('done')`,
      database,
    )
    await vandal.waitForOutput(/done/)
    await vandal.stop()
    const answer = await getToken(server, [scope], login)
    expectRefusal(answer, 503)
    expect(answer.text).not.toContain('nobody')
    await isLogged(server, 'reason', `\`dockwarden rule remove ${id}\` removes it`)
    const refused = await ask(`${server.url}/registry-denial`, {
      headers: {
        authorization: `Bearer ${token}`,
        'x-original-method': 'DELETE',
        'x-original-uri': '/v2/prod/app/manifests/v1',
      },
    })
    expectRefusal(refused, 503)
    // Without a stack, as every line of a database that is down.
    await isLogged(server, 'requestId', String(refused.headers['x-request-id']))
    expect(server.log().filter(({ err }) => err !== undefined)).toEqual([])
    const ready = await ask(`${server.url}/readyz`)
    expect([ready.status, ready.json()]).toEqual([
      503,
      expect.objectContaining({
        parts: expect.objectContaining({
          rules: { state: 'down', detail: expect.stringContaining(`rule ${id} of the database`) },
        }),
      }),
    ])
    await does(server, 'rule', 'remove', id)
    expect(await rights(server)).toEqual(['pull'])
  })
})

test('A5: what was ruled while no server ran holds when one starts', async () => {
  const before = await startDockwarden({ config, files })
  await before.stop()
  await addRule(before, ...push)
  const { port, folder, configFile } = before
  await using server = await startDockwarden({ port, folder, configFile })
  expect(await rights(server)).toEqual(['pull', 'push'])
})

test('A1: where the database is taken away, nothing is granted, though its rules are known', async () => {
  await using server = await startDockwarden({ config, files })
  expect(await rights(server)).toEqual(['pull'])
  const database = join(server.folder, 'data', 'dockwarden.db')
  renameSync(database, `${database}.gone`)
  expectRefusal(await getToken(server, [scope], login), 503)
  expectRefusal(await getToken(server, [scope]), 503)
  renameSync(`${database}.gone`, database)
  expect(await rights(server)).toEqual(['pull'])
})

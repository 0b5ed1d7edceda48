import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import type { NewRule } from '../../src/admin/rule-register.ts'
import { authorize } from '../../src/authorization/authorize.ts'
import { compilePolicy } from '../../src/authorization/policy.ts'
import type { Rule } from '../../src/authorization/rule.ts'
import { parseScopes } from '../../src/protocol/scope.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { KyselyRuleRegister } from '../../src/storage/rule-register.ts'
import { KyselyRuleStore } from '../../src/storage/rule-store.ts'
import { LivePolicy } from '../../src/token/live-policy.ts'
import { atEnd } from '../support/at-end.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const hour = 3_600_000
const start = new Date('2026-02-03T04:05:06.000Z')
const later = (milliseconds: number) => new Date(start.getTime() + milliseconds)

const configured = compilePolicy(
  [
    {
      name: 'everybody reads',
      origin: 'dockwarden.yml:3',
      who: [{ kind: 'authenticated' }],
      may: ['pull'],
      mayNot: [],
      on: ['**'],
    },
  ],
  { dev: ['alice'] },
)

let path: string
let database: Database
let register: KyselyRuleRegister
let policies: LivePolicy
beforeEach(async () => {
  path = join(temporaryFolder('live-policy'), 'dockwarden.db')
  database = await open()
  policies = new LivePolicy({ configured, stored: new KyselyRuleStore(database, () => start) })
  // As another process would.
  register = new KyselyRuleRegister(await open())
})

async function open(): Promise<Database> {
  const opened = await openDatabase({ path, clock: () => start })
  atEnd(() => void opened.close())
  return opened
}

const dev: NewRule['rule'] = {
  who: [{ kind: 'group', name: 'dev' }],
  may: ['push'],
  mayNot: [],
  on: ['prod/**'],
}

async function add(rule: Partial<Rule>): Promise<number> {
  const whole = { name: undefined, rule: { ...dev, ...rule }, reason: undefined, createdAt: start }
  return (await register.add(whole, () => {}, later(-hour))).id
}

/** What alice may of prod/app, and by which rules. */
async function rights(time = start): Promise<readonly string[]> {
  const alice = { name: 'alice', kind: 'user' as const, groups: [] }
  const { scopes } = parseScopes(['repository:prod/app:pull,push'])
  const circumstances = { service: 'registry', address: '192.0.2.1', time }
  const policy = await policies.current()
  const { access, rules } = authorize(policy, alice, scopes, circumstances)
  return [...access.flatMap(({ actions }) => actions), ...rules.map(({ origin }) => origin)]
}

const ofFile = ['pull', 'dockwarden.yml:3']

test('without rules in the database, the policy of the configuration stands as it is', async () => {
  expect(await policies.current()).toBe(configured)
  await register.remove([await add({})], later(-hour))
  expect(await policies.current()).toBe(configured)
})

test('A5: a rule that another process adds counts for the next request, with the groups of the file, until it is removed', async () => {
  expect(await rights()).toEqual(ofFile)
  const id = await add({})
  expect(await rights()).toEqual(['pull', 'push', 'dockwarden.yml:3', `rule ${id}`])
  await register.remove([id], later(-hour))
  expect(await rights()).toEqual(ofFile)
})

test('A1: what the database denies, no rule of the file gives', async () => {
  const id = await add({ may: [], mayNot: ['pull'], who: [{ kind: 'anyone' }] })
  expect(await rights()).toEqual(['dockwarden.yml:3', `rule ${id}`])
})

test('A5: a rule speaks from its beginning to its end, to the millisecond, and nobody has to remove it', async () => {
  const id = await add({ when: { from: later(hour), until: later(2 * hour) } })
  const given = ['pull', 'push', 'dockwarden.yml:3', `rule ${id}`]
  expect(await rights(later(hour - 1))).toEqual(ofFile)
  expect(await rights(later(hour))).toEqual(given)
  expect(await rights(later(2 * hour - 1))).toEqual(given)
  expect(await rights(later(2 * hour))).toEqual(ofFile)
})

test('the requests of one moment compile once, and nothing is read while nothing changes', async () => {
  let reads = 0
  const store = new KyselyRuleStore(database, () => start)
  const stored = {
    changes: () => store.changes(),
    list: () => {
      reads += 1
      return store.list()
    },
  }
  policies = new LivePolicy({ configured, stored })
  await add({})
  const all = await Promise.all(Array.from({ length: 50 }, () => policies.current()))
  expect(new Set(all).size).toBe(1)
  expect(await policies.current()).toBe(all[0])
  expect(reads).toBe(1)
})

test('A1: while a rule cannot be read nothing is granted, not even by the file, and afterwards all is well', async () => {
  const id = await add({})
  const set = (resources: string) =>
    database.write(async (transaction) => {
      await sql`update rules set resources = ${resources}`.execute(transaction)
      await sql`update change_counts set changes = changes + 1`.execute(transaction)
    })
  await set('["A//"]')
  for (let count = 0; count < 3; count += 1) {
    await expect(rights()).rejects.toMatchObject({ code: 'unavailable' })
  }
  expect(await policies.status()).toEqual({
    ok: false,
    detail: expect.stringContaining(`rule ${id} of the database cannot be read (`),
  })
  await set('["prod/*"]')
  expect(await rights()).toContain('push')
  expect(await policies.status()).toEqual({ ok: true })
})

test('A1: a database that is gone gives nothing, though its rules were read a moment ago', async () => {
  await add({})
  expect(await rights()).toContain('push')
  rmSync(path)
  await expect(rights()).rejects.toMatchObject({ code: 'unavailable' })
})

import { join } from 'node:path'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import type { NewRule, RuleRecord } from '../../src/admin/rule-register.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { KyselyRuleRegister } from '../../src/storage/rule-register.ts'
import { KyselyRuleStore } from '../../src/storage/rule-store.ts'
import { KyselyThrottleStore } from '../../src/storage/throttle-store.ts'
import { atEnd } from '../support/at-end.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { holdWriteLock } from './second-process.ts'

const day = 24 * 3_600_000
const start = new Date('2026-02-03T04:05:06.789Z')
const later = (milliseconds: number) => new Date(start.getTime() + milliseconds)
const longAgo = later(-30 * day)

let time = start
let path: string
let database: Database
let register: KyselyRuleRegister
let store: KyselyRuleStore
beforeEach(async () => {
  time = start
  path = join(temporaryFolder('rules'), 'dockwarden.db')
  ;({ database, register, store } = await open())
})

/** Another opening is what another process is to SQLite. */
async function open() {
  const clock = () => time
  const opened = await openDatabase({ path, clock })
  atEnd(() => void opened.close())
  return {
    database: opened,
    register: new KyselyRuleRegister(opened),
    store: new KyselyRuleStore(opened, clock),
  }
}

const newRule = (rule: Partial<NewRule['rule']> = {}, more: Partial<NewRule> = {}): NewRule => ({
  name: undefined,
  rule: {
    who: [{ kind: 'group', name: 'dev' }],
    may: ['push'],
    mayNot: [],
    on: ['prod/**'],
    ...rule,
  },
  reason: undefined,
  createdAt: start,
  ...more,
})
const until = (end: Date): NewRule => newRule({ when: { until: end } })
const add = (rule: NewRule, to = register): Promise<RuleRecord> => to.add(rule, () => {}, longAgo)
const ids = (records: readonly RuleRecord[]) => records.map(({ id }) => id)

test('a rule comes back as it was given, with its number for its name and its origin', async () => {
  const full = newRule(
    {
      who: [
        ...(['anonymous', 'authenticated', 'anyone', 'every_group'] as const).map((kind) => ({
          kind,
        })),
        ...(['user', 'group', 'robot'] as const).map((kind) => ({ kind, name: `a "b", ${kind}` })),
      ],
      may: ['pull', 'push', 'delete'],
      mayNot: ['*'],
      on: ['{a,b}/**', `\${user}/*`, 'registry:catalog'],
      when: {
        network: ['10.0.0.0/8', '2001:db8::1'],
        service: ['one', 'two'],
        from: start,
        until: later(1),
      },
    },
    { name: 'freeze', reason: 'INC-12', createdAt: later(5) },
  )
  expect(await add(newRule())).toEqual({
    id: 1,
    rule: { ...newRule().rule, name: 'rule 1', origin: 'rule 1' },
    reason: undefined,
    createdAt: start,
  })
  const second = {
    id: 2,
    rule: { ...full.rule, name: 'freeze', origin: 'rule 2' },
    reason: 'INC-12',
    createdAt: later(5),
  }
  expect(await add(full)).toEqual(second)
  expect((await register.list())[1]).toEqual(second)
  expect(await store.list()).toEqual((await register.list()).map(({ rule }) => rule))
})

test('A5: no number is given twice, also not that of the last rule, also not by another process', async () => {
  const other = await open()
  expect((await add(newRule())).id).toBe(1)
  await register.remove([1], longAgo)
  const { id } = await add(newRule(), other.register)
  expect(id).toBeGreaterThan(1)
  await other.register.remove([id], longAgo)
  expect((await add(newRule())).id).toBeGreaterThan(id)
})

test('A5: every change of rules is noticed, whoever makes it, and no other write is one', async () => {
  const other = await open()
  let before = await store.changes()
  const throttle = new KyselyThrottleStore(database)
  const row = { kind: 'account', key: 'a', amount: 1, expiresAt: later(day) }
  const changes: readonly (readonly [name: string, isChange: boolean, () => Promise<unknown>])[] = [
    ['a rule added here', true, () => add(newRule())],
    ['nothing', false, async () => {}],
    ['a rule added elsewhere', true, () => add(newRule(), other.register)],
    ['a failed login written down', false, () => throttle.save([row], start)],
    ['a rule that is none removed', false, () => register.remove([1, 99], longAgo)],
    ['a rule removed elsewhere', true, () => other.register.remove([1], longAgo)],
    ['a rule removed here', true, () => register.remove([2], longAgo)],
  ]
  for (const [name, isChange, change] of changes) {
    await change()
    const after = await store.changes()
    expect(after !== before, name).toBe(isChange)
    expect(await store.changes(), name).toBe(after)
    before = after
  }
})

test('all of the rules are removed, or none', async () => {
  for (let count = 0; count < 3; count += 1) await add(newRule())
  expect(await register.remove([1, 99], longAgo)).toBe(false)
  expect(ids(await register.list())).toEqual([1, 2, 3])
  expect(await register.remove([3, 1, 3], longAgo)).toBe(true)
  expect(ids(await register.list())).toEqual([2])
})

test('what the check throws undoes everything, and it sees the others that have not ended', async () => {
  for (const rule of [until(later(-1)), until(start), until(later(1)), newRule()]) await add(rule)
  const seen: number[] = []
  const check = (others: readonly RuleRecord[]) => {
    seen.push(...ids(others))
    throw new TypeError('no')
  }
  const before = await store.changes()
  await expect(register.add(newRule(), check, start)).rejects.toThrow('no')
  expect(seen).toEqual([3, 4])
  expect(ids(await register.list())).toEqual([1, 2, 3, 4])
  expect(await store.changes()).toBe(before)
})

test('rules that ended long ago are deleted at the next write, and at no look', async () => {
  for (const end of [-31 * day, -30 * day, -29 * day, day]) await add(until(later(end)))
  await add(newRule())
  const first = await add(newRule())
  await register.list()
  await store.list()
  expect(ids(await register.list())).toEqual([2, 3, 4, 5, 6])
  await register.remove([first.id], later(-29 * day + 1))
  expect(ids(await register.list())).toEqual([4, 5])
})

test('a request reads what has ended for a day more, for a clock that is set back, and then no more', async () => {
  const { id } = await add(until(later(-day + 1)))
  await add(until(later(-day)))
  expect((await store.list()).map(({ origin }) => origin)).toEqual([`rule ${id}`])
})

test('B26: of rules that several processes add at once none is lost, and of those removed each by one', async () => {
  const others = await Promise.all([open(), open(), open()])
  const registers = [register, ...others.map((other) => other.register)]
  const added = await Promise.all(
    Array.from({ length: 40 }, (_, index) => add(newRule(), registers[index % 4])),
  )
  expect(new Set(ids(added)).size).toBe(40)
  expect(await store.list()).toHaveLength(40)
  const removed = await Promise.all(
    added.flatMap(({ id }) =>
      [register, others[0]?.register].map((by) => by?.remove([id], longAgo)),
    ),
  )
  expect(removed.filter((isRemoved) => isRemoved)).toHaveLength(40)
  expect(await store.list()).toEqual([])
})

test('while another process holds the database, no rule changes, but requests read them', async () => {
  const { id } = await add(newRule())
  const holder = await holdWriteLock(path)
  await expect(add(newRule())).rejects.toMatchObject({ code: 'unavailable' })
  await expect(register.remove([id], longAgo)).rejects.toMatchObject({ code: 'unavailable' })
  expect(await store.list()).toHaveLength(1)
  await holder.stop()
  expect(await register.remove([id], longAgo)).toBe(true)
})

describe('a row that this version cannot read', () => {
  test.each([
    ['no list', "who = 'group:dev'"],
    ['a list of something else', 'who = \'[["group:dev"]]\''],
    ['nobody', 'who = \'["grp:dev"]\''],
    ['no action', 'may = \'["psh"]\''],
    ['no action to deny', 'may_not = \'["Pull"]\''],
    ['no pattern', 'resources = \'["Prod//**"]\''],
    ['no network', 'networks = \'["10.0.0.0/99"]\''],
    ['no list of services', "services = '{}'"],
    ['no time to begin', "starts_at = 'soon'"],
    ['no time to end', "ends_at = 'zzz'"],
    ['a time of another form', "ends_at = '9999-12-31'"],
  ])(
    '%s: requests get none of the rules, and the operator is told which one to remove',
    async (_name, change) => {
      await add(newRule())
      const { id } = await add(newRule())
      await database.write((transaction) =>
        sql.raw(`update rules set ${change} where id = ${id}`).execute(transaction),
      )
      await expect(store.list()).rejects.toMatchObject({
        code: 'unavailable',
        message: 'Rights cannot be looked up now; try again later.',
        cause: { message: expect.stringContaining(`rule ${id} of the database cannot be read (`) },
      })
      expect(await register.list()).toMatchObject([
        { id: 1, rule: { origin: 'rule 1' } },
        { id, rule: expect.stringContaining(`\`dockwarden rule remove ${id}\` removes it`) },
      ])
      expect(await register.remove([id], longAgo)).toBe(true)
      expect(await store.list()).toHaveLength(1)
    },
  )
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { RuleAdministration } from '../../src/admin/rule-administration.ts'
import { endOf, type RuleRecord } from '../../src/admin/rule-register.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { WrittenRule } from '../../src/config/read-rule.ts'
import { AppError } from '../../src/errors.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { KyselyRuleRegister } from '../../src/storage/rule-register.ts'
import { atEnd } from '../support/at-end.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const hour = 3_600_000
const day = 24 * hour
const start = new Date('2026-02-03T04:05:06.000Z')
const later = (milliseconds: number) => new Date(start.getTime() + milliseconds)

let time = start
let path: string
let database: Database
let rules: RuleAdministration
beforeEach(async () => {
  time = start
  path = join(temporaryFolder('administration'), 'dockwarden.db')
  ;({ database, rules } = await open())
})

/** Another opening is what another process is to SQLite. */
async function open() {
  const clock = () => time
  const opened = await openDatabase({ path, clock })
  atEnd(() => void opened.close())
  const configured = [
    { name: 'of the file', origin: 'dockwarden.yml:3', who: [], may: [], mayNot: [], on: [] },
  ]
  const register = new KyselyRuleRegister(opened)
  const services = ['registry.example.com', 'other.example.com']
  return {
    database: opened,
    rules: new RuleAdministration({ register, clock, services, configured }),
  }
}

const push: WrittenRule = { who: ['group:dev'], may: ['push'], on: ['prod/**'] }
const ids = async (ended = false) => (await rules.list({ ended })).map(({ id }) => id)
const refusal = async (work: Promise<unknown>): Promise<AppError> => {
  const error = await work.then(
    () => new Error('it was done'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(AppError)
  return error as AppError
}

test('a rule is what its words say, with number, reason and time', async () => {
  const record = await rules.add({
    name: 'night shift',
    who: ['group:*', 'user:alice', 'anonymous'],
    may: ['pull', 'push'],
    may_not: ['delete'],
    on: [`teams/\${group}/**`, 'a-{b,c}'],
    when: {
      network: ['10.0.0.0/8'],
      service: ['other.example.com'],
      from: '2026-03-01',
      until: '2026-03-02T18:00+01:00',
    },
    reason: 'INC-12',
  })
  expect(record).toEqual({
    id: 1,
    rule: {
      name: 'night shift',
      origin: 'rule 1',
      who: [{ kind: 'every_group' }, { kind: 'user', name: 'alice' }, { kind: 'anonymous' }],
      may: ['pull', 'push'],
      mayNot: ['delete'],
      on: [`teams/\${group}/**`, 'a-{b,c}'],
      when: {
        network: ['10.0.0.0/8'],
        service: ['other.example.com'],
        from: new Date('2026-03-01T00:00:00.000Z'),
        until: new Date('2026-03-02T17:00:00.000Z'),
      },
    },
    reason: 'INC-12',
    createdAt: start,
  } satisfies RuleRecord)
  expect(await rules.list({ ended: false })).toEqual([record])
})

/** Words that hold and words that do not, for both of the ways in which a rule is written. */
const written: readonly WrittenRule[] = [
  push,
  { ...push, may: ['*'], on: ['registry:catalog'] },
  { ...push, who: ['authenticated'], on: [`\${user}/**`] },
  { ...push, who: [] },
  { ...push, who: ['dev'] },
  { ...push, who: ['user:'] },
  { ...push, who: ['user:*'] },
  { ...push, who: ['group:a:b', 'robot:ci', 'everyone'] },
  { ...push, who: ['user: alice'] },
  { ...push, may: ['psh', 'pull', 'Push'] },
  { ...push, may: [] },
  { who: push.who, on: push.on },
  { ...push, on: [] },
  { ...push, on: ['Prod/**'] },
  { ...push, on: ['a//b', '/a', 'a/', '../a', '', 'a/**b', '{a', '{a/b,c}', 'a b', '\u001b[2J'] },
  { ...push, on: ['repository:prod'] },
  { ...push, on: ['registry:catalog'] },
  { ...push, who: ['user:alice'], on: [`\${group}/**`, `\${robot}/**`] },
  { ...push, on: ['a'.repeat(256), '{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}'] },
  { ...push, when: { network: ['10.0.0.0/33', '::1%eth0', 'localhost', '::ffff:10.0.0.1'] } },
  { ...push, when: { service: ['registry.example.com', 'registry.exmple.com', '"'] } },
  { ...push, when: { from: '2027-02-30', until: 'tomorrow' } },
  { ...push, when: { from: '2027-02-03', until: '2027-02-03' } },
  { ...push, when: { until: '2027-02-03T10:00' } },
  { ...push, name: '' },
  { ...push, name: 'a\nb' },
  { ...push, name: 'a'.repeat(1_001) },
]

test.each(written.map((rule) => [JSON.stringify(rule).slice(0, 100), rule] as const))(
  'the words of the errors are those of the file: %s',
  async (_text, rule) => {
    const file = join(temporaryFolder('file'), 'dockwarden.yml')
    const services = [{ name: 'registry.example.com' }, { name: 'other.example.com' }]
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ services, authentication: ['accounts'], rules: [rule] }))
    const ofFile = await loadConfig({ file, env: {}, workingFolder: '/' }).then(
      () => [],
      (error: AppError) => error.message.split('\n'),
    )
    const told = ofFile.map((line) => line.replace(/^.*?: rules\[0\]\.?(?:: )?/, ''))
    const ofHere = await rules.add(rule).then(
      () => [],
      (error: AppError) => error.message.split('\n').slice(1),
    )
    expect(ofHere.toSorted()).toEqual(told.toSorted())
  },
)

test('the environment is not put into a rule, and a variable that is none is refused', async () => {
  const { message } = await refusal(
    rules.add({ ...push, on: [`\${HOME}/**`, `\${tenant}`, `\${`] }),
  )
  expect(message.split('\n')).toEqual([
    'the rule cannot be added:',
    expect.stringContaining(`on[0]: "\${HOME}/**": there is no variable \${HOME}`),
    expect.stringContaining(`on[1]: "\${tenant}": there is no variable \${tenant}`),
    expect.stringContaining(`on[2]: "\${" can never match`),
  ])
})

describe('how long a rule lives', () => {
  const end = async (rule: Partial<WrittenRule>) => endOf(await rules.add({ ...push, ...rule }))

  test('from now, or from its beginning, in whole seconds', async () => {
    expect(await end({ for: '2h' })).toEqual(later(2 * hour))
    expect(await end({ for: '7d' })).toEqual(later(7 * day))
    expect(await end({ for: '366d' })).toEqual(later(366 * day))
    expect(await end({ for: '90' })).toEqual(later(90_000))
    expect(await end({})).toBeUndefined()
    time = later(1)
    expect(await end({ for: '1s' })).toEqual(later(2_000))
    const opening = { from: '2026-03-01T20:00Z' }
    expect(await end({ for: '2h', when: opening })).toEqual(new Date('2026-03-01T22:00:00.000Z'))
  })

  test.each<[string, Partial<WrittenRule>, RegExp]>([
    ['no length', { for: 'soon' }, /^for: "soon" is no length of time; write 5m, .*7d/m],
    ['a month', { for: '1M' }, /^for: "1M" is no length of time/m],
    ['nothing', { for: '0s' }, /^for: 0s is out of range; write 1s to 366d/m],
    ['half a second', { for: '500ms' }, /^for: 500ms is out of range/m],
    ['too long', { for: '367d' }, /^for: 367d is out of range/m],
    ['two ends', { for: '2h', when: { until: '2027-01-01' } }, /^for: "until" says when it ends/m],
    ['an end that is past', { when: { until: '2026-02-03' } }, /would have ended at 2026-02-03T00/],
    [
      'a life that is over',
      { for: '2h', when: { from: '2026-02-01' } },
      /would have ended at 2026-02-01T02/,
    ],
    ['all faults at once', { for: '3x', who: ['dev'] }, /^who\[0\]: .*^for: "3x"/ms],
    ['a reason of two lines', { reason: 'a\nb' }, /^reason: holds a control character/m],
  ])('%s is refused', async (_name, rule, told) => {
    const error = await refusal(rules.add({ ...push, ...rule }))
    expect(error.code).toBe('invalid_request')
    expect(error.message).toMatch(told)
    expect(await ids(true)).toEqual([])
  })

  test('what has ended is not listed, unless it is asked for, and is forgotten after 30 days', async () => {
    await rules.add({ ...push, for: '2h' })
    await rules.add(push)
    time = later(2 * hour - 1)
    expect(await ids()).toEqual([1, 2])
    time = later(2 * hour)
    expect([await ids(), await ids(true)]).toEqual([[2], [1, 2]])
    time = later(2 * hour + 30 * day)
    await rules.add(push)
    expect(await ids(true)).toEqual([1, 2, 3])
    time = later(2 * hour + 30 * day + 1)
    await rules.remove([3])
    expect(await ids(true)).toEqual([2])
  })
})

describe('a name', () => {
  test('that another rule has is refused, be it here or in the file, and free once that has ended', async () => {
    await rules.add({ ...push, name: 'freeze', for: '2h' })
    for (const [name, told] of [
      ['freeze', 'another rule is named "freeze" (rule 1); give this one a name of its own'],
      ['of the file', 'another rule is named "of the file" (dockwarden.yml:3); give'],
    ] as const) {
      const error = await refusal(rules.add({ ...push, name }))
      expect([error.code, error.message]).toEqual(['conflict', expect.stringContaining(told)])
    }
    time = later(2 * hour)
    expect(await rules.add({ ...push, name: 'freeze' })).toMatchObject({ rule: { name: 'freeze' } })
  })

  test('B26: that several give at once is taken by one of them', async () => {
    const all = await Promise.all([open(), open(), open()])
    const made = await Promise.allSettled(
      all.map((each) => each.rules.add({ ...push, name: 'freeze' })),
    )
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await ids()).toHaveLength(1)
  })
})

test('all of the rules are removed, or none, and what they were is told', async () => {
  for (let count = 0; count < 3; count += 1) await rules.add({ ...push, reason: `${count}` })
  const error = await refusal(rules.remove([1, 99]))
  expect(error).toMatchObject({ code: 'not_found', message: 'there is no rule 99 in the database' })
  expect(await ids()).toEqual([1, 2, 3])
  const removed = await rules.remove([3, 1, 3])
  expect(removed.map(({ id, reason }) => [id, reason])).toEqual([
    [3, '2'],
    [1, '0'],
  ])
  expect(await ids()).toEqual([2])
})

test('there is room for a thousand rules, and those that have ended take none of it', async () => {
  await rules.add({ ...push, for: '2h' })
  await database.write(async (transaction) => {
    const { id: _, ...row } = await transaction
      .selectFrom('rules')
      .selectAll()
      .executeTakeFirstOrThrow()
    for (let id = 2; id <= 1_000; id += 1) {
      await transaction
        .insertInto('rules')
        .values({ ...row, id })
        .execute()
    }
    await transaction.updateTable('change_counts').set({ changes: 1_000 }).execute()
  })
  expect(await refusal(rules.add(push))).toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('there are 1000 rules here already'),
  })
  time = later(2 * hour)
  expect(await rules.add(push)).toMatchObject({ id: 1_001 })
})

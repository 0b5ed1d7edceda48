import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A folder with a configuration; the database is made by the first rule. */
function site(config = 'groups: { dev: [alice] }\n'): string {
  const folder = temporaryFolder('rule')
  writeFileSync(join(folder, 'dockwarden.yml'), config)
  return folder
}

const push = ['rule', 'add', '--who', 'group:dev', '--may', 'push', '--on', 'prod/**']

describe('the life of a rule', () => {
  let folder: string
  beforeAll(() => {
    folder = site()
  })
  const run = (...args: readonly string[]) => command(folder, args)

  test('the first one makes the database, is read aloud, and says how long it has to be remembered', async () => {
    const { code, stdout, stderr } = await run(...push, '--reason', 'INC-12')
    expect([code, stdout]).toEqual([
      0,
      'rule 1 is added: group:dev may push on prod/**\nit has no end: `dockwarden rule remove 1` removes it\n',
    ])
    expect(stderr).toBe(
      `made a new database: ${folder}/data/dockwarden.db (once it has an account, the server makes no admin by itself)\n`,
    )
  })

  test('all of its words are those of the file, and lists are options that come again', async () => {
    const { code, stdout } = await run(
      ...['rule', 'add', '--who', 'group:dev', '--who', 'user:alice', '--name', 'night shift'],
      ...['--may', 'pull,push', '--may', 'delete', '--may-not', 'push', '--on', 'prod/{api,web}'],
      ...['--on', 'lib/**', '--network', '10.0.0.0/8', '--network', '::1', '--service', 'registry'],
      ...['--from', '2090-01-31', '--until', '2090-05-01T12:30+02:00', '--reason', 'INC-13'],
    )
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^rule 2 is added: night shift: group:dev, user:alice may pull, push, delete, may not push on prod\/\{api,web\}, lib\/\*\*; from the network 10\.0\.0\.0\/8 or ::1; for the service registry; not before 2090-01-31; until 2090-05-01T10:30:00Z\nit ends by itself, in \d{5}d \d+h\n$/,
      ),
    ])
  })

  test('one that ends by itself says when', async () => {
    expect((await run(...push, '--for', '2h')).stdout).toMatch(
      /^rule 3 is added: group:dev may push on prod\/\*\*; until 2\S+Z\nit ends by itself, in 2h\n$/,
    )
  })

  test('all are listed in columns, where they come from first', async () => {
    await run(...push, '--for', '1s')
    await sleep(2_100)
    const list = async (...args: readonly string[]) =>
      (await run('rule', 'list', ...args)).stdout
        .replaceAll(/2\S+Z/g, 'TIME')
        .replaceAll(/\d+d \d+h/g, 'LONG')
        .replaceAll(/ +/g, ' ')
        .split('\n')
    const rows = [
      'ORIGIN RULE ENDS REASON',
      'rule 1 group:dev may push on prod/** never INC-12',
      expect.stringMatching(/^rule 2 night shift: group:dev, .*; until TIME in LONG INC-13$/),
      expect.stringMatching(/^rule 3 group:dev may push on prod\/\*\*; until TIME in 1h 59m -$/),
    ]
    expect(await list()).toEqual([...rows, ''])
    const ended = expect.stringMatching(/^rule 4 group:dev .* \d+s ago -$/)
    expect(await list('--ended')).toEqual([...rows, ended, ''])
  })

  test('removed, with what they were, and no number is given again', async () => {
    expect(await run('rule', 'remove', '3', '1')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^rule 3 is removed: group:dev may .*\nrule 1 is removed: group:dev may push on prod\/\*\*\n$/,
      ),
    })
    expect((await run('rule', 'remove', '2', '4')).code).toBe(0)
    expect((await run('rule', 'list')).stdout).toBe('there are no rules in the database\n')
    expect((await run(...push)).stdout).toMatch(/^rule 7 is added: /)
  })
})

test('--json: stable keys, ISO times', async () => {
  const folder = site()
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const rule = {
    id: 1,
    origin: 'rule 1',
    name: 'rule 1',
    who: ['group:dev', 'group:*', 'anonymous'],
    may: ['push'],
    may_not: [],
    on: ['prod/**'],
    when: { network: ['10.0.0.0/8'], until: time },
    reason: 'INC-12',
    created_at: time,
    ended: false,
  }
  const json = (...args: readonly string[]) => commandJson<unknown>(folder, args)
  const more = ['--who', 'group:*', '--who', 'anonymous', '--network', '10.0.0.0/8', '--for', '2h']
  expect(await json(...push, ...more, '--reason', 'INC-12')).toEqual(rule)
  const plain = await json('rule', 'add', '--who', 'anyone', '--may-not', 'pull', '--on', '**')
  expect(plain).toMatchObject({ may: [], may_not: ['pull'], when: null, reason: null })
  expect(await json('rule', 'list')).toEqual([rule, plain])
  expect(await json('rule', 'remove', '1')).toEqual([rule])
})

describe('exit codes', () => {
  let folder: string
  beforeAll(async () => {
    folder = site()
    await command(folder, [...push, '--name', 'freeze'])
  })
  const on = ['--on', 'prod/**']
  test.each([
    [
      1,
      ['rule', 'add', '--who', 'dev', '--may', 'psh', ...on],
      /^who\[0\]: .*\nmay\[0\]: "psh" is no/m,
    ],
    [
      1,
      ['rule', 'add', '--who', 'user:a', ...on],
      /^gives and denies nothing; add may: or may_not:/m,
    ],
    [1, [...push, '--service', 'x'], /^when\.service\[0\]: no service is named "x"/m],
    [1, [...push, '--for', '3x'], /^for: "3x" is no length of time/m],
    [1, [...push, '--until', '2020-01-01'], /would have ended at 2020-01-01T/],
    [1, [...push, '--until', '2090-01-01', '--for', '2h'], /^for: .* leave one of them out/m],
    [1, [...push, '--name', 'freeze'], /another rule is named "freeze" \(rule 1\)/],
    [1, ['rule', 'remove', '1', '7'], /there is no rule 7 in the database/],
    [1, ['rule', 'list', '--config', 'none.yml'], /none\.yml/],
    [2, ['rule'], /Usage: dockwarden rule/],
    [2, ['rule', 'add', '--who', 'user:a', '--may', 'pull'], /'--on <pattern>' not specified/],
    [2, ['rule', 'add', '--may', 'pull', ...on], /'--who <principal>' not specified/],
    [2, ['rule', 'remove'], /missing required argument/],
    [2, ['rule', 'remove', 'rule', '1'], /named by its number/],
    [2, ['rule', 'remove', '1e3'], /named by its number/],
    [2, ['rule', 'remove', '0'], /named by its number/],
  ])('%d: %j', async (expected, args, told) => {
    const { code, stdout, stderr } = await command(folder, args)
    expect([code, stdout]).toEqual([expected, ''])
    expect(stderr).toMatch(told)
    expect(stderr).not.toMatch(/\n\s+at /)
  })
  test('none of them has changed anything', async () => {
    expect(await commandJson(folder, ['rule', 'list'])).toMatchObject([{ id: 1 }])
  })
})

test('a hostile text does not reach the terminal as it is', async () => {
  const folder = site()
  // The screen wiped, red, from right to left, a line of its own.
  const text = '\u001b[2J\u009b31ma\u202eb\rc\nd\u200b'
  const hidden = 'a\u202eb\u200b'
  for (const args of [
    [...push, '--name', text],
    [...push, '--reason', text],
    ['rule', 'add', '--who', `user:${text}`, '--may', text, '--on', text],
    ['rule', 'remove', text],
    [...push, '--name', hidden, '--reason', hidden],
    ['rule', 'list'],
    ['rule', 'list', '--json'],
  ]) {
    const { output } = await command(folder, args)
    expect(output.replaceAll('\n', ''), JSON.stringify(args)).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  }
})

test('where there is no database, only what makes rules makes one', async () => {
  const folder = site()
  for (const args of [
    ['rule', 'list'],
    ['rule', 'remove', '1'],
  ]) {
    const { code, stderr } = await command(folder, args)
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/dockwarden\.db is not there.* is this the right configuration file/),
    ])
  }
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

describe('what somebody may not have meant is made, with a warning', () => {
  const file = 'groups: { dev: [alice] }\nrules: [{ who: anyone, may_not: delete, on: "**" }]\n'
  const users = 'authentication: [accounts, { htpasswd: { file: users } }]\n'
  const add = async (config: string, args: readonly string[]) => {
    const folder = site(config)
    writeFileSync(join(folder, 'users'), 'dora:x\n')
    const result = await command(folder, ['rule', 'add', ...args, '--on', 'a/**'])
    expect([result.code, result.stdout]).toEqual([0, expect.stringMatching(/^rule 1 is added: /)])
    return result.stderr
  }

  test.each([
    [
      'everybody pushes',
      ['--who', 'anyone', '--may', 'push'],
      'lets everybody push without a login',
    ],
    ['a group of another name', ['--who', 'group:dve', '--may', 'pull'], 'group:dve is nobody'],
    ['no such account', ['--who', 'user:alcie', '--may', 'pull'], 'user:alcie is nobody'],
    [
      'what the file denies',
      ['--who', 'group:dev', '--may', 'delete'],
      'all that it gives is denied by the rule of dockwarden.yml:2',
    ],
  ])('%s', async (_name, args, told) => {
    expect(await add(`${file}authentication: [accounts]\n`, args)).toContain(
      `\nWARNING: rule 1: ${told}`,
    )
    expect(await add(file + users, args)).toContain(`\nWARNING: rule 1: ${told}`)
  })

  test.each([
    ['a group of the file', ['--who', 'group:dev', '--may', 'pull']],
    ['a user of an htpasswd file', ['--who', 'user:dora', '--may', 'pull']],
    ['what everybody is denied', ['--who', 'anyone', '--may-not', 'pull']],
  ])('%s: none', async (_name, args) => {
    expect(await add(file + users, args)).not.toContain('WARNING')
  })

  test('an account and a group that there are: none', async () => {
    const folder = site(file)
    await command(folder, ['user', 'add', 'bob', '--group', 'ops', '--generate'])
    const who = ['--who', 'user:bob', '--who', 'group:ops']
    const added = await command(folder, ['rule', 'add', ...who, '--may', 'pull', '--on', 'a/**'])
    expect([added.code, added.stderr]).toEqual([0, ''])
  })
})

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const secret = 'correct horse battery'

/** A folder with a database that has these accounts. */
async function site(...names: readonly string[]): Promise<string> {
  const folder = temporaryFolder('user')
  for (const name of names) await command(folder, ['user', 'add', name, '--generate'])
  return folder
}

describe('the life of an account', () => {
  let folder: string
  beforeAll(async () => {
    folder = await site()
  })
  const run = (...args: readonly string[]) => command(folder, args)

  test('the first one makes the database, says where, and what follows from it', async () => {
    const { code, stdout, stderr } = await command(
      folder,
      ['user', 'add', 'alice', '--group', 'dev', '-g', 'ops', '--password-stdin'],
      { input: `${secret}\n` },
    )
    expect([code, stdout]).toEqual([0, 'alice is added, in dev, ops\n'])
    expect(stderr).toBe(
      `made a new database: ${folder}/data/dockwarden.db (once it has an account, the server makes no admin by itself)\n`,
    )
  })

  test('a password that was made is printed once, to standard output', async () => {
    const { code, stdout, stderr } = await run('user', 'add', 'bob', '--generate')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^bob is added, in no group\npassword: [a-z2-9]{26}\n\(shown this once, and stored only as a hash\)\n$/,
    )
  })

  test('one is shown, and all are listed in columns', async () => {
    expect((await run('user', 'show', 'alice')).stdout).toMatch(
      /^name {6}alice\nid {8}[0-9a-f-]{36}\nstate {5}enabled\ngroups {4}dev, ops\npassword {2}bcrypt, of 2\S+Z\ncreated {3}2\S+Z\n$/,
    )
    expect((await run('user', 'list')).stdout.replaceAll(/\d{4}-\d\d-\d\d/g, 'DAY')).toBe(
      [
        'NAME   STATE    GROUPS    PASSWORD            CREATED',
        'alice  enabled  dev, ops  bcrypt, DAY  DAY',
        'bob    enabled  -         bcrypt, DAY  DAY',
        '',
      ].join('\n'),
    )
  })

  test('disabled and enabled, and what that means for tokens', async () => {
    const { code, stdout } = await run('user', 'disable', 'bob')
    expect([code, stdout]).toEqual([
      0,
      'bob is disabled: refused from the next request on; a token that was issued before is good for up to 300 s\n',
    ])
    expect((await run('user', 'show', 'bob')).stdout).toContain('disabled')
    expect((await run('user', 'password', 'bob', '--generate')).stdout).toContain(
      'bob has a new password; it is disabled, and stays so\n',
    )
    expect((await run('user', 'enable', 'bob')).stdout).toBe('bob is enabled\n')
  })

  test('groups are read, added, removed and set', async () => {
    const groups = async (...args: readonly string[]) =>
      (await run('user', 'groups', 'bob', ...args)).stdout
    expect(await groups('--add', 'dev', '--add', 'qa')).toBe('bob is in dev, qa\n')
    expect(await groups('--remove', 'dev', '--add', 'ops')).toBe('bob is in ops, qa\n')
    expect(await groups()).toBe('bob is in ops, qa\n')
    expect(await groups('--set', 'a, b')).toBe('bob is in a, b\n')
    expect(await groups('--set', '')).toBe('bob is in no group\n')
  })

  test('removed, with what it was', async () => {
    const { code, stdout } = await run('user', 'remove', 'alice')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^alice is removed \(it was in dev, ops\): refused from the next /),
    ])
    expect((await run('group', 'list')).stdout).toBe('no account is in a group\n')
    expect((await run('user', 'remove', 'bob')).code).toBe(0)
    expect((await run('user', 'list')).stdout).toBe('there are no accounts\n')
  })
})

test('groups, seen from the group', async () => {
  const folder = await site('alice', 'bob')
  const group = (...args: readonly string[]) => command(folder, ['group', ...args])
  expect((await group('add', 'dev', 'bob', 'alice', 'bob')).stdout).toBe('dev: alice, bob\n')
  expect((await group('add', 'ops', 'bob')).stdout).toBe('ops: bob\n')
  expect((await group('list')).stdout).toBe('GROUP  MEMBERS\ndev    alice, bob\nops    bob\n')
  expect((await group('remove', 'dev', 'alice')).stdout).toBe('dev: bob\n')
  expect((await group('show', 'dev')).stdout).toBe('dev: bob\n')
  expect((await group('remove', 'ops', 'bob')).stdout).toBe(
    'ops has no members any more, and is gone\n',
  )
  expect(await group('show', 'ops')).toMatchObject({
    code: 1,
    stderr: 'dockwarden: no account is in a group "ops"; a group exists while it has a member\n',
  })
  expect(await group('add', 'qa', 'alice', 'nobody')).toMatchObject({
    code: 1,
    stderr: 'dockwarden: there is no account "nobody"\n',
  })
  expect((await group('list')).stdout).not.toContain('qa')
})

test('--json: stable keys, ISO times, and never a hash', async () => {
  const folder = await site()
  const account = {
    name: 'alice',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    disabled: false,
    groups: ['dev'],
    password_kind: 'bcrypt',
    password_weak: false,
    password_changed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  }
  const json = (...args: readonly string[]) => commandJson<unknown>(folder, args)
  expect(await json('user', 'add', 'alice', '-g', 'dev', '--generate')).toEqual({
    ...account,
    password: expect.stringMatching(/^[a-z2-9]{26}$/),
  })
  expect(await json('user', 'list')).toEqual([account])
  expect(await json('user', 'show', 'alice')).toEqual(account)
  expect(await json('user', 'disable', 'alice')).toEqual({ ...account, disabled: true })
  expect(await json('user', 'enable', 'alice')).toEqual(account)
  expect(await json('user', 'groups', 'alice', '--add', 'qa')).toEqual({
    ...account,
    groups: ['dev', 'qa'],
  })
  expect(await json('group', 'list')).toEqual([
    { name: 'dev', members: ['alice'] },
    { name: 'qa', members: ['alice'] },
  ])
  expect(await json('group', 'show', 'qa')).toEqual({ name: 'qa', members: ['alice'] })
  expect(await json('group', 'add', 'ops', 'alice')).toEqual({ name: 'ops', members: ['alice'] })
  expect(await json('group', 'remove', 'qa', 'alice')).toEqual({ name: 'qa', members: [] })
  const again = await json('user', 'password', 'alice', '--generate')
  expect(again).toMatchObject({ password: expect.stringMatching(/^[a-z2-9]{26}$/) })
  expect(await json('user', 'remove', 'alice')).toMatchObject({ name: 'alice' })
  expect(await json('user', 'list')).toEqual([])
})

describe('a password as an argument is refused, with the reason and without showing it', () => {
  const folder = temporaryFolder('argument')
  test.each([
    ['--password and the next word', ['--password', 'Geheim-4711']],
    ['--password=', ['--password=Geheim-4711']],
    ['-p and the next word', ['-p', 'Geheim-4711']],
    ['-p and no space', ['-pGeheim-4711']],
    ['beside another option', ['--generate', '--password=Geheim-4711']],
  ])('%s', async (_name, args) => {
    const { code, stdout, stderr } = await command(folder, ['user', 'add', 'alice', ...args])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/never taken as an argument.*--password-stdin.*--generate/)
    expect(stderr).not.toContain('Geheim')
    expect(existsSync(join(folder, 'data'))).toBe(false)
  })

  test.each([
    ['an option that nobody knows', ['--pasword=Geheim-4711']],
    ['one of several lines', ["--pasword=Geheim-4711\n'Geheim'"]],
    ['one letter that nobody knows', ['-PGeheim-4711']],
    ['a word too many', ['Geheim-4711']],
  ])('%s is not shown either', async (_name, args) => {
    const { code, output } = await command(folder, ['user', 'add', 'alice', ...args])
    expect(code).toBe(2)
    expect(output).not.toContain('Geheim')
  })
})

describe('where a password comes from', () => {
  const folder = temporaryFolder('source')
  const add = (name: string, args: readonly string[], input?: string | Uint8Array) =>
    command(folder, ['user', 'add', name, ...args], input === undefined ? {} : { input })
  const file = (name: string, content: string | Uint8Array, mode = 0o600) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    chmodSync(path, mode)
    return path
  }

  test('standard input and a file: one line, whose end is left out', async () => {
    const inputs = [secret, `${secret}\n`, `\ufeff${secret}\r\n`]
    for (const [index, input] of inputs.entries()) {
      expect((await add(`stdin-${index}`, ['--password-stdin'], input)).code).toBe(0)
      const path = file(`password-${index}`, input, 0o640)
      expect((await add(`file-${index}`, ['--password-file', path])).code).toBe(0)
    }
    expect(await commandJson<unknown[]>(folder, ['user', 'list'])).toHaveLength(2 * inputs.length)
  })

  test.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /fewer than 8/],
    ['an empty line', '\n', /fewer than 8/],
    ['two lines', `${secret}\n${secret}\n`, /more than one line/],
    ['an empty line behind it', `${secret}\n\n`, /more than one line/],
    ['Latin-1', Buffer.from('p\u00e4sswort-lang', 'latin1'), /not UTF-8/],
    ['a NUL', `${secret}\0`, /control characters/],
    [
      'A9: 73 bytes',
      `${'correct horse '.repeat(6).slice(0, 73)}\n`,
      /has 73 bytes; bcrypt reads 72/,
    ],
    ['a megabyte', 'x'.repeat(1_000_000), /more than any password/],
  ])('%s is refused', async (_name, input, told) => {
    const { code, stdout, stderr } = await add('refused', ['--password-stdin'], input)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(told)
    expect(stderr).not.toContain(secret)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('a file that everybody may read is refused, with what to do', async () => {
    for (const mode of [0o644, 0o604, 0o602]) {
      const path = file('open', secret, mode)
      const { code, stderr } = await add('refused', ['--password-file', path])
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(
          `${path} is open to every user of this machine (mode ${mode.toString(8)})`,
        ),
      ])
      expect(stderr).not.toContain(secret)
    }
  })

  test('a file that is none is told in one line', async () => {
    mkdirSync(join(folder, 'folder'), { mode: 0o755 })
    for (const [path, told] of [
      ['none', /ENOENT/],
      ['folder', /EISDIR/],
      ['/dev/zero', /./],
    ] as const) {
      const { code, stderr } = await add('refused', ['--password-file', path])
      expect([code, stderr.trim().split('\n').length], path).toEqual([1, 1])
      expect(stderr).toMatch(told)
      expect(stderr).not.toMatch(/unexpected failure/)
    }
  })

  test.each([
    [['--password-stdin', '--generate']],
    [['--password-stdin', '--password-file', 'x']],
    [['--generate', '--password-file', 'x']],
    [['--password-file']],
    [[]],
  ])('%j: the command line is wrong', async (args) => {
    const { code, stdout, stderr } = await add('refused', args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('--password-')
  })
})

describe('exit codes', () => {
  let folder: string
  beforeAll(async () => {
    folder = await site('alice')
  })
  test.each([
    [1, ['user', 'add', 'alice', '--generate'], /there is an account "alice" already/],
    [1, ['user', 'add', 'Alice', '--generate'], /"Alice" is no account name/],
    [1, ['user', 'add', 'bob', '--generate', '-g', 'a b'], /"a b" is no group name/],
    [1, ['user', 'show', 'nobody'], /there is no account "nobody"/],
    [1, ['user', 'disable', 'nobody'], /there is no account/],
    [1, ['user', 'remove', 'nobody'], /there is no account/],
    [1, ['user', 'password', 'nobody', '--generate'], /there is no account/],
    [
      1,
      ['user', 'groups', 'alice', '--remove', 'dev'],
      /alice is not in the group "dev"; it is in none/,
    ],
    [1, ['group', 'remove', 'dev', 'alice'], /alice is not in the group "dev"/],
    [1, ['user', 'list', '--config', 'none.yml'], /none\.yml/],
    [1, ['import', 'htpasswd', 'none'], /none does not exist/],
    [2, ['user'], /Usage: dockwarden user/],
    [2, ['user', 'ad', 'alice'], /unknown command 'ad'/],
    [2, ['user', 'add'], /missing required argument/],
    [2, ['user', 'groups', 'alice', '--set', 'a', '--add', 'b'], /leave out --add/],
    [2, ['group', 'add', 'dev'], /missing required argument/],
    [2, ['import'], /Usage: dockwarden import/],
  ])('%d: %j', async (expected, args, told) => {
    const { code, stdout, stderr } = await command(folder, args)
    expect([code, stdout]).toEqual([expected, ''])
    expect(stderr).toMatch(told)
    expect(stderr).not.toMatch(/\n\s+at /)
  })
})

test('a hostile name does not reach the terminal as it is', async () => {
  const folder = await site('alice')
  // The screen wiped, the title set, red, from right to left, to the start of the line, a line of its own.
  const name = '\u001b[2J\u001b]0;owned\u0007\u009b31ma\u202eb\rc\nd\u200b'
  for (const args of [
    ['user', 'show', name],
    ['user', 'add', name, '--generate'],
    ['user', 'groups', 'alice', '--remove', name],
    ['user', 'list', name],
    ['group', 'show', name],
    ['user', name],
    [name],
  ]) {
    const { code, output } = await command(folder, args)
    expect(code, JSON.stringify(args)).not.toBe(0)
    expect(output.replaceAll('\n', ''), JSON.stringify(args)).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  }
})

test('where there is no database, only what makes accounts makes one', async () => {
  const folder = temporaryFolder('empty')
  for (const args of [
    ['user', 'list'],
    ['user', 'password', 'alice', '--generate'],
    ['group', 'add', 'dev', 'alice'],
  ]) {
    const { code, stderr } = await command(folder, args)
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/dockwarden\.db is not there.* is this the right configuration file/),
    ])
  }
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

test('a group may be called as what every object has', async () => {
  const folder = await site('alice')
  await command(folder, ['group', 'add', 'constructor', 'alice'])
  const { code, stderr } = await command(folder, ['group', 'remove', 'constructor', 'alice'])
  expect([code, stderr]).toEqual([0, ''])
})

test('who is taken out of a group here, but is in it by the configuration, is told of', async () => {
  const folder = await site('alice')
  writeFileSync(join(folder, 'dockwarden.yml'), 'groups: { dev: [alice, bob] }\n')
  await command(folder, ['group', 'add', 'dev', 'alice'])
  for (const args of [
    ['group', 'remove', 'dev', 'alice'],
    ['user', 'groups', 'alice', '--set', 'ops'],
  ]) {
    const { code, stderr } = await command(folder, args)
    expect([code, stderr]).toEqual([
      0,
      `WARNING: "groups" in ${folder}/dockwarden.yml still puts alice into dev\n`,
    ])
    await command(folder, ['group', 'add', 'dev', 'alice'])
  }
})

test('accounts that no backend asks for are made, with a warning', async () => {
  const folder = await site()
  writeFileSync(join(folder, 'htpasswd'), '')
  writeFileSync(
    join(folder, 'dockwarden.yml'),
    'authentication: [{ htpasswd: { file: htpasswd } }]\n',
  )
  const { code, stderr } = await command(folder, ['user', 'add', 'alice', '--generate'])
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/WARNING: nobody signs in with an account: .*add "- accounts"/),
  ])
})

test('A7: what a command prints and stores holds a password only where it was made', async () => {
  const folder = await site()
  const { output } = await command(folder, ['user', 'add', 'alice', '--password-stdin'], {
    input: secret,
  })
  const { password = '' } = await commandJson<{ password?: string }>(folder, [
    ...['user', 'password', 'alice', '--generate'],
  ])
  const listed = await command(folder, ['user', 'list', '--json'])
  const shown = await command(folder, ['user', 'show', 'alice'])
  expect(`${output}${listed.output}${shown.output}`).not.toMatch(
    new RegExp(`${secret}|${password}|\\$2`),
  )
  const stored = readFileSync(join(folder, 'data', 'dockwarden.db'))
  for (const text of [secret, password]) expect(stored.includes(text)).toBe(false)
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: rules write their variables so

/** `dockwarden access`: the same rules, seen from a person and from a repository. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { beforeAll, expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder('access')

beforeAll(async () => {
  writeFileSync(join(folder, 'users'), `nora:${hashSync('x', 4)}\n`)
  writeFileSync(
    join(folder, 'dockwarden.yml'),
    `authentication:
  - htpasswd: { file: users }
  - accounts
groups: { admins: [nora] }
rules:
  - { name: everybody reads the public images, who: [anyone], may: [pull], on: ["public/**"] }
  - { name: each team owns its namespace, who: ["group:*"], may: [push], on: ["teams/\${group}/**"] }
  - { name: people own theirs, who: [authenticated], may: ["*"], on: ["\${user}/**"] }
  - { name: ci pushes the api, who: ["robot:ci"], may: [push], on: [prod/api] }
  - { name: admins may everything, who: ["group:admins"], may: ["*"], on: ["**", registry:catalog] }
  - { name: nothing is deleted, who: [anyone], may_not: [delete], on: ["prod/**"] }
  - { name: ops push from the office, who: ["group:ops"], may: [push], on: ["prod/**"], when: { network: 10.20.0.0/16 } }
  - { name: long ago, who: [authenticated], may: [push], on: [prod/api], when: { until: 2020-01-01 } }
`,
  )
  const args = ['user', 'add', 'dana', '--group', 'ops', '--group', 'dev', '--password-stdin']
  await command(folder, args, { input: 'a long one 4711' })
  const other = ['user', 'add', 'erin', '--group', 'admins', '--password-stdin']
  await command(folder, other, { input: 'a long one 4711' })
  await command(folder, ['user', 'disable', 'erin'])
  const grant = ['--who', 'user:dana', '--may', 'pull', '--on', 'prod/api', '--for', '30d']
  await command(folder, ['rule', 'add', ...grant, '--name', 'INC-12'])
})

const access = (...args: readonly string[]) => command(folder, ['access', ...args])

test('of a person: what each rule gives, with the names that stand for variables, and what is denied', async () => {
  const { code, stdout } = await access('--who', 'dana')
  expect(code).toBe(0)
  expect(stdout.replace(/until .*/, 'until TIME')).toBe(`dana is in: dev (accounts), ops (accounts)
MAY         ON                             BY
pull        public/**                      rule "everybody reads the public images" (dockwarden.yml:6)
pull, push  teams/dev/** and teams/ops/**  rule "each team owns its namespace" (dockwarden.yml:7)
everything  dana/**                        rule "people own theirs" (dockwarden.yml:8)
pull, push  prod/**                        rule "ops push from the office" (dockwarden.yml:12); from the network 10.20.0.0/16
pull        prod/api                       rule "INC-12" (rule 1); until TIME

MAY NOT  ON       BY
delete   prod/**  rule "nothing is deleted" (dockwarden.yml:11)
`)
})

test.each<[args: string, rules: readonly string[]]>([
  ['anonymous', ['public/**', 'prod/**']],
  ['authenticated', ['public/**', '${user}/**', 'prod/**']],
  ['group:qa', ['public/**', 'teams/qa/**', '${user}/**', 'prod/**']],
  ['robot:ci', ['public/**', 'prod/api', 'prod/**']],
  ['nora', ['public/**', 'teams/admins/**', 'nora/**', '**', 'registry:catalog', 'prod/**']],
  [
    'dana --from 192.0.2.1',
    ['public/**', 'teams/dev/**', 'teams/ops/**', 'dana/**', 'prod/**', 'prod/api'],
  ],
  [
    'dana --at 2019-01-01',
    [
      ...[
        'public/**',
        'teams/dev/**',
        'teams/ops/**',
        'dana/**',
        'prod/**',
        'prod/**',
        'prod/api',
        'prod/api',
      ],
    ],
  ],
  [
    'dana --at 2099-01-01',
    ['public/**', 'teams/dev/**', 'teams/ops/**', 'dana/**', 'prod/**', 'prod/**'],
  ],
])('what is said of %s', async (args, patterns) => {
  const report = await commandJson<{ rules: readonly { on: readonly string[] }[] }>(folder, [
    ...['access', '--who'],
    ...args.split(' '),
  ])
  expect(report.rules.flatMap(({ on }) => on)).toEqual(patterns)
})

test('of a repository: who may do what, by which rule, and which rules wait for something', async () => {
  const { code, stdout } = await access('--on', 'prod/api', '--at', '2026-11-21')
  expect(code).toBe(0)
  expect(stdout).toBe(`prod/api, for the service registry, no address given (--from), at 2026-11-21
WHO                            MAY         BY
anonymous                      nothing
whoever is signed in           nothing
group admins                   pull, push  rule "admins may everything" (dockwarden.yml:10); rule "nothing is deleted" (dockwarden.yml:11) denies delete
user dana                      pull        rule "INC-12" (rule 1)
user erin (disabled) and nora  pull, push  rule "admins may everything" (dockwarden.yml:10); rule "nothing is deleted" (dockwarden.yml:11) denies delete
user prod                      pull, push  rule "people own theirs" (dockwarden.yml:8); rule "nothing is deleted" (dockwarden.yml:11) denies delete
robot ci                       pull, push  rule "ci pushes the api" (dockwarden.yml:9)

Not now:
  rule "ops push from the office" (dockwarden.yml:12): group:ops may push on prod/**; from the network 10.20.0.0/16 (no address of the client is given)
  rule "long ago" (dockwarden.yml:13): authenticated may push on prod/api; until 2020-01-01 (that is over: it is 2026-11-21)
`)
})

test('of a repository of people whom nobody has named: what any group gives, and what waits', async () => {
  const rules = `rules:
  - { name: any team builds tools, who: ["group:*"], may: [push], on: ["tools/**"] }
  - { name: people own a part, who: ["group:*"], may: [push], on: ["tools/\${group}/\${user}"], when: { from: 2099-01-01 } }
`
  writeFileSync(join(folder, 'tools.yml'), `database: sqlite:tools.db\n${rules}`)
  const { stdout } = await access('--config', 'tools.yml', '--on', 'tools/dev/alice')
  expect(stdout).toContain(`
whoever is in a group  pull, push  rule "any team builds tools" (tools.yml:3)
`)
  expect(stdout).toContain('\nNot now:\n  rule "people own a part" (tools.yml:4): ')
})

interface Line {
  readonly kind: string
  readonly name: string | null
  readonly may: readonly string[]
}

test.each<[args: string, lines: Readonly<Record<string, string>>]>([
  [
    'prod/api --from 10.20.1.1',
    { 'group ops': 'pull,push', 'user dana': 'pull,push', anonymous: '' },
  ],
  // No rule says so, but for the variable.
  [
    'teams/qa/app',
    { 'group qa': 'pull,push', 'group dev': '', 'user dana': '', 'user nora': 'pull,push,delete' },
  ],
  [
    'public/x',
    { anonymous: 'pull', authenticated: 'pull', 'user dana': 'pull', 'robot ci': 'pull' },
  ],
  ['registry:catalog', { anonymous: '', 'group admins': '*', 'user nora': '*', 'user dana': '' }],
])('who may do what on %s', async (args, lines) => {
  const report = await commandJson<{ access: readonly Line[] }>(folder, [
    ...['access', '--on'],
    ...args.split(' '),
  ])
  const found = report.access.map(({ kind, name, may }) => [
    name === null ? kind : `${kind} ${name}`,
    may.join(),
  ])
  expect(Object.fromEntries(found)).toMatchObject(lines)
})

test.each<[args: string, code: number, words: string]>([
  ['', 2, 'name somebody by --who, with any --group, or a repository by --on'],
  ['--who dana --on prod/api', 2, 'cannot be used with'],
  ['--on prod/api --group dev', 2, 'name somebody by --who'],
  ['--on prod/*', 1, '"prod/*" is a pattern'],
  ['--who anonymous --group dev', 1, 'anonymous is in no group'],
])('a command line that cannot be answered: %s', async (args, expected, words) => {
  const { code, stdout, stderr } = await access(...args.split(' ').filter((word) => word !== ''))
  expect([code, stdout]).toEqual([expected, ''])
  expect(stderr).toContain(words)
})

test('a file whose users cannot be listed is named, and the rest is there', async () => {
  const other = temporaryFolder('unreadable')
  const text = `authentication: [{ htpasswd: { file: gone } }]
rules: [{ who: [authenticated], may: [pull], on: ["**"] }]
`
  writeFileSync(join(other, 'dockwarden.yml'), text)
  const { code, stdout, stderr } = await command(other, ['access', '--on', 'a'])
  expect(code).toBe(0)
  expect(stderr).toBe(`${join(other, 'gone')} cannot be read, so its users are not in the list\n`)
  expect(stdout).toMatch(/^whoever is signed in +pull /m)
})

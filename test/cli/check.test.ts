/** `dockwarden check`: all that is wrong at once, for a person, a program and GitHub. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { command } from '../support/command.ts'
import { program } from '../support/dockwarden.ts'
import { run } from '../support/process.ts'
import { runMetered } from '../support/processor-time.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function site(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder('check')
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const good = `
authentication: [accounts]
rules:
  - { name: own, who: authenticated, may: "*", on: "\${user}/**" }
rule_tests:
  - { who: alice, may: push, may_not: [], on: alice/app }
`.replace(', may_not: []', '')

/** Of each kind one: a file that is missing, a test that fails, a rule that gives nothing, one that is to come. */
const faulty = `
authentication:
  - htpasswd: { file: users }
  - htpasswd:
      name: old
      file: missing
rules:
  - { name: early, who: authenticated, may: pull, on: a, when: { from: 2999-01-01 } }
  - { name: dead, who: authenticated, may: push, on: b }
  - { name: stop, who: anyone, may_not: push, on: "**" }
  - { name: dead too, who: authenticated, may: push, on: b, when: { until: 2001-01-01 } }
rule_tests:
  - { who: alice, may: push, on: b }
`

describe('exit code', () => {
  test.each<[string, string, string[], number]>([
    ['0: nothing is wrong', good, [], 0],
    ['0: with warnings', 'rules: [{ who: anyone, may: pull, on: "**" }]\n', [], 0],
    [
      '1: with warnings that count',
      'rules: [{ who: anyone, may: pull, on: "**" }]\n',
      ['--strict'],
      1,
    ],
    [
      '0: with a notice, also where warnings count',
      'rules: [{ who: anyone, may: pull, on: a, when: { from: 2999-01-01 } }]\n',
      ['--strict'],
      0,
    ],
    [
      '1: with a test that will fail one day, where warnings count',
      'rules: [{ who: anyone, may: pull, on: a, when: { until: 2999-01-01 } }]\nrule_tests: [{ who: eve, may: pull, on: a }]\n',
      ['--strict'],
      1,
    ],
    ['1: with an error', 'ruls: []\n', [], 1],
    ['2: with a format that is none', good, ['--format', 'xml'], 2],
    ['2: with an option that is none', good, ['--stict'], 2],
  ])('%s', async (_, text, args, code) => {
    const folder = site({ 'dockwarden.yml': text })
    expect((await command(folder, ['check', ...args])).code).toBe(code)
  })
})

test('nothing wrong is one line', async () => {
  const folder = site({ 'dockwarden.yml': good })
  const { stdout, stderr } = await command(folder, ['check'])
  expect([stdout, stderr]).toEqual([
    `${folder}/dockwarden.yml: ok (services: registry; backends: accounts; rules: 1; rule tests: 1)\n`,
    '',
  ])
})

test('all that is wrong is told in one go, each with its line', async () => {
  const folder = site({ 'dockwarden.yml': faulty, users: 'alice\n' })
  const { code, stdout, stderr } = await command(folder, ['check'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr.trimEnd().split('\n')).toEqual([
    `${folder}/users:1: there is no colon; a line is USER:HASH`,
    expect.stringMatching(
      `^${folder}/dockwarden.yml:6: authentication\\[1\\].htpasswd.file: ${folder}/missing does not exist; `,
    ),
    `${folder}/dockwarden.yml:13: rule_tests[0]: the rules fail this test: alice may not push to b: rule "stop" (dockwarden.yml:10) denies it, though rule "dead" (dockwarden.yml:9) would give it`,
    `${folder}/dockwarden.yml:8: notice (not_yet): rules[0]: does not speak before 2999-01-01`,
    `${folder}/dockwarden.yml:11: warning (expired): rules[3]: has not spoken since 2001-01-01; remove it`,
  ])
})

test('--format json is a list, also of the faults of the YAML, and empty where nothing is wrong', async () => {
  const json = async (text: string) => {
    const folder = site({ 'dockwarden.yml': text, users: '' })
    const { stdout, stderr } = await command(folder, ['check', '--format', 'json'])
    expect(stderr).toBe('')
    expect((await command(folder, ['check', '--json'])).stdout).toBe(stdout)
    return { file: join(folder, 'dockwarden.yml'), findings: JSON.parse(stdout) }
  }
  expect((await json(good)).findings).toEqual([])
  const { file, findings } = await json(faulty)
  expect(findings.slice(-1)).toEqual([
    {
      severity: 'warning',
      file,
      line: 11,
      column: null,
      key: 'rules[3]',
      id: 'expired',
      message: expect.any(String),
    },
  ])
  const broken = await json('server:\n  lisen: 1\nissuer: "a\n')
  expect(broken.findings).toEqual([
    {
      severity: 'error',
      file: broken.file,
      line: 3,
      column: 9,
      key: '',
      id: null,
      message: 'this quote is not closed; add the closing "',
    },
  ])
})

test('--format github marks the lines, as seen from the folder where it runs', async () => {
  const folder = site({ 'deploy/a,b.yml': faulty, 'deploy/users': 'alice\n' })
  const args = ['check', '--format', 'github', '--config', 'deploy/a,b.yml']
  const { code, stdout, stderr } = await command(folder, args)
  expect([code, stderr]).toEqual([1, ''])
  expect(stdout.split('\n').map((line) => line.slice(0, 70))).toEqual([
    '::error file=deploy/users,line=1,title=dockwarden::there is no colon; '.slice(0, 70),
    '::error file=deploy/a%2Cb.yml,line=6,title=dockwarden::authentication[1].'.slice(0, 70),
    '::error file=deploy/a%2Cb.yml,line=13,title=dockwarden::rule_tests[0]: the'.slice(0, 70),
    '::notice file=deploy/a%2Cb.yml,line=8,title=dockwarden not_yet::rules[0]: '.slice(0, 70),
    '::warning file=deploy/a%2Cb.yml,line=11,title=dockwarden expired::rules[3]'.slice(0, 70),
    '',
  ])
})

test('what stands in the file can neither end an annotation nor begin another', async () => {
  const text = `"a\\n::error::b%0A\\u001b[31m": 1\n`
  const folder = site({ 'dockwarden.yml': text })
  const { stdout } = await command(folder, ['check', '--format', 'github'])
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringMatching(
      /^::error file=dockwarden\.yml,line=1,col=1,title=dockwarden::a\\n::error::b%250A\\u001b\[31m: no such key/,
    ),
  ])
})

test('a comment on the rule, or above it, silences a warning by its name', async () => {
  const folder = site({
    'dockwarden.yml': `
rules:
  # lint: allow opens_to_anonymous
  - { who: anyone, may: pull, on: "**" }
  - { who: anonymous, may: push, on: a } # lint: allow redundant, opens_to_anonymous
  - { who: anonymous, may: push, on: b } # lint: allow expired
`,
  })
  const { stderr } = await command(folder, ['check'])
  expect(stderr).toMatch(
    /^.*:6: warning \(opens_to_anonymous\): rules\[2\]: lets everybody push .*\n$/,
  )
})

test('also in a file that can be read only once, as a pipe', async () => {
  const text = `rules:
  - { who: anyone, may: pull, on: "**" } # lint: allow opens_to_anonymous
`
  const line = 'printf %s "$2" | "$0" "$1" check --strict -c /dev/stdin'
  const { code, stderr } = await run('sh', ['-c', line, process.execPath, program, text])
  expect([code, stderr]).toEqual([0, ''])
})

const silenced: Readonly<Record<string, string>> = {
  'among other comments': `
rules:
  # lint: allow opens_to_anonymous
  # This mirror is public.
  - { who: anyone, may: pull, on: "**" }
`,
  'above a dash by itself': `
rules:
  # lint: allow opens_to_anonymous
  -
    # This mirror is public.
    who: anyone
    may: pull
    on: "**"
`,
  'behind the dash': `
rules:
  - # lint: allow opens_to_anonymous
    who: anyone
    may: pull
    on: "**"
`,
}
test.each(Object.entries(silenced))('such a comment counts %s', async (_, text) => {
  expect(await command(site({ 'dockwarden.yml': text }), ['check', '--strict'])).toMatchObject({
    code: 0,
    stderr: '',
  })
})

test('but not at another rule', async () => {
  const rule = '  - { who: anyone, may: pull, on: "**" }\n'
  const text = `rules:\n  # lint: allow opens_to_anonymous\n  - { who: "user:a", may: push, on: a }\n${rule}`
  const { stderr } = await command(site({ 'dockwarden.yml': text }), ['check'])
  expect(stderr).toMatch(/:4: warning \(opens_to_anonymous\)/)
})

describe('who is nobody is told where that is certain', () => {
  const hash = '$2y$10$abcdefghijklmnopqrstuuPhcXcYzpsYmaXyFr9dq8ZJ5Wzxk2PuW'
  const directory = 'preset: openldap, urls: ldaps://a, base: dc=a, bind: anonymous'
  const rules = `
groups: { dev: [alice] }
rules:
  - { who: [user:alice, user:Bob, group:dev, group:Ops, group:ops], may: pull, on: a }
`
  test.each<[string, string, string[]]>([
    [
      'users of htpasswd files',
      '[{ htpasswd: { file: users } }]',
      ['user:Bob', 'group:Ops', 'group:ops'],
    ],
    ['directories alone', `[{ ldap: { ${directory} } }]`, ['user:Bob', 'group:Ops']],
    [
      'a directory whose groups are listed',
      `[{ ldap: { ${directory}, groups: { map: [{ dn: cn=a, group: Ops }] } } }]`,
      ['user:Bob', 'group:ops'],
    ],
    [
      'a directory and a file',
      `[{ htpasswd: { file: users } }, { ldap: { ${directory} } }]`,
      ['group:Ops'],
    ],
    ['accounts, which may be any', '[accounts]', []],
  ])('%s', async (_, authentication, nobody) => {
    const folder = site({
      'dockwarden.yml': `authentication: ${authentication}\n${rules}`,
      users: `alice:${hash}\n`,
    })
    const { code, stderr } = await command(folder, ['check'])
    expect(code).toBe(0)
    expect(
      stderr.split('\n').flatMap((line) => / rules\[0\]: (\S+) is nobody/.exec(line)?.[1] ?? []),
    ).toEqual(nobody)
  })
})

test('the rules of a candidate are looked at as well', async () => {
  const folder = site({
    'dockwarden.yml': 'rules_candidate: next.yml\n',
    'next.yml': 'rules:\n  - { who: anyone, may: push, on: a }\n',
  })
  expect((await command(folder, ['check'])).stderr).toContain(
    `${folder}/next.yml:2: warning (opens_to_anonymous): rules[0]: `,
  )
})

test('a hundred faults are told, and that there are more', async () => {
  const text = Array.from({ length: 1_000 }, (_, index) => `k${index}: x`).join('\n')
  const folder = site({ 'dockwarden.yml': text })
  const { stderr } = await command(folder, ['check'])
  const lines = stderr.trimEnd().split('\n')
  expect(lines).toHaveLength(101)
  expect(lines.at(-1)).toBe(`${folder}/dockwarden.yml: there are more faults; mend these first`)
})

test('nothing starts with rules that fail their tests', async () => {
  const folder = site({
    'dockwarden.yml': faulty.replace(/ {2}- htpasswd:\n.*\n.*missing\n/, ''),
    users: '',
  })
  expect(await command(folder, ['serve'])).toMatchObject({
    code: 1,
    stderr: `dockwarden: ${folder}/dockwarden.yml:10: rule_tests[0]: the rules fail this test: alice may not push to b: rule "stop" (dockwarden.yml:7) denies it, though rule "dead" (dockwarden.yml:6) would give it\n`,
  })
})

describe('a file that cannot be used is told with the line that names it', () => {
  const directory = 'preset: openldap, urls: ldaps://a, base: dc=a'
  const ldap = (keys: string) => `authentication:\n  - ldap: { ${directory}, ${keys} }\n`
  const secret = ldap('bind: { dn: cn=a, password_file: used }')
  test.each<[string, string, string | undefined, string, string]>([
    [
      'no htpasswd file',
      'authentication: [{ htpasswd: { file: used } }]\n',
      undefined,
      'dockwarden.yml:1: authentication[0].htpasswd.file: ',
      'make one with: htpasswd',
    ],
    [
      'a folder for an htpasswd file',
      'authentication:\n  - htpasswd:\n      file: .\n',
      undefined,
      'dockwarden.yml:3: authentication[0].htpasswd.file: ',
      'name the file in it',
    ],
    [
      'no password file',
      secret,
      undefined,
      'dockwarden.yml:2: authentication[0].ldap.bind.password_file: ',
      'put it there, or correct the path',
    ],
    [
      'a password file for everybody',
      secret,
      'secret',
      'dockwarden.yml:2: authentication[0].ldap.bind.password_file: ',
      'chmod o=',
    ],
    [
      'no certificate of a CA',
      ldap('bind: anonymous, tls: { ca_file: used }'),
      undefined,
      'dockwarden.yml:2: authentication[0].ldap.tls.ca_file: ',
      'put it there, or correct the path',
    ],
    [
      'no PEM',
      ldap('bind: anonymous, tls: { ca_file: used }'),
      'secret',
      'dockwarden.yml:2: authentication[0].ldap.tls.ca_file: ',
      'in PEM form',
    ],
    [
      'no candidate',
      'rules_candidate: used\n',
      undefined,
      'used: cannot be read: ',
      'there is no such file',
    ],
    [
      'a faulty candidate',
      'rules_candidate: used\n',
      'rules: [{ who: anyone, may: pul, on: a }]\n',
      'used:1:29: rules[0].may: ',
      'did you mean "pull"?',
    ],
  ])('C13: %s', async (_, text, used, start, fix) => {
    const folder = site({ 'dockwarden.yml': text, ...(used === undefined ? {} : { used }) })
    const { code, stderr } = await command(folder, ['check'])
    const [line = '', ...more] = stderr.trimEnd().split('\n')
    expect([code, more]).toEqual([1, []])
    expect(line.slice(folder.length + 1)).toContain(fix)
    expect(line.startsWith(`${folder}/${start}`)).toBe(true)
    expect(line).not.toContain('secret')
  })
})

test('C13: ten megabytes, a billion laughs and ten thousand faults take a process hardly longer than nothing', async () => {
  const laughs = [...'bcdefghij'].map((name, index) => {
    const before = `*${'abcdefghij'[index]}`
    return `${name}: &${name} [${Array(9).fill(before).join(', ')}]`
  })
  const time = async (text: string, code: number) => {
    const folder = site({ 'dockwarden.yml': text })
    const checked = await runMetered([program, 'check'], {
      cwd: folder,
      env: { DOCKWARDEN_CONFIG: undefined },
    })
    expect(checked.code).toBe(code)
    return checked.processorTime
  }
  const nothing = await time(good, 0)
  for (const text of [
    `keys: ${'a'.repeat(10_000_000)}\n`,
    ['a: &a [ha, ha, ha]', ...laughs].join('\n'),
    Array.from({ length: 10_000 }, (_, index) => `k${index}: x`).join('\n'),
    `rules:\n${'  - { who: nobody, may: pul, on: A }\n'.repeat(3_333)}`,
  ]) {
    // On an idle machine it is a tenth of that.
    expect(await time(text, 1)).toBeLessThan(nothing * 3 + 3_000)
  }
})

/** `dockwarden explain`: typical refusals, each with the words that name the fix. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/program.ts'
import { serviceAccount, suffix } from '../support/directory-entries.ts'
import type { RunResult } from '../support/process.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder('explain')
let slapd: Slapd

/** The command line in this process: its answers are what is tested here, and there are many. */
async function command(args: readonly string[], input = ''): Promise<RunResult> {
  const out: string[] = []
  const err: string[] = []
  const code = await run(args, {
    env: {},
    workingFolder: folder,
    print: (text) => out.push(text),
    announce: (text) => out.push(text),
    complain: (text) => err.push(text),
    ask: () => {},
    input: Readable.from([Buffer.from(input)]),
    onSignal: () => () => {},
    exitNow: () => {},
  })
  const [stdout, stderr] = [out.join('\n'), err.join('\n')]
  return { code, stdout, stderr, output: `${stdout}\n${stderr}` }
}

const configuration = (urls: string, caFile: string) => `
services: [{ name: registry }, { name: mirror }]
authentication:
  - htpasswd: { file: users }
  - accounts
  - ldap:
      name: corp
      preset: openldap
      urls: ${urls}
      base: ${suffix}
      bind: { dn: "${serviceAccount.dn}", password_file: secret }
      tls: { ca_file: ${caFile} }
groups: { dev: [frank] }
rules:
  - { name: each team owns its namespace, who: ["group:*"], may: [push], on: ["teams/\${group}/**"] }
  - { name: people own their namespace, who: [authenticated], may: ["*"], on: ["\${user}/**"] }
  - { name: everybody reads the public images, who: [anyone], may: [pull], on: ["public/**"] }
  - { name: whoever is signed in reads the handbook, who: [authenticated], may: [pull], on: [handbook] }
  - { name: ops push the web, who: ["group:ops"], may: [push], on: ["web/*"] }
  - { name: ops push the library, who: ["group:ops"], may: [push], on: ["library/**"] }
  - { name: ops read the archive, who: ["group:ops"], may: [pull], on: ["archive/**"] }
  - { name: ops push releases, who: ["group:ops"], may: [push], on: ["releases/**"] }
  - { name: the release freeze, who: [anyone], may_not: [push], on: ["releases/**"] }
  - { name: ops push the vault, who: ["group:ops"], may: [push], on: ["vault/**"] }
  - { name: the vault is closed to dana, who: ["user:dana"], may_not: [pull], on: ["vault/**"] }
  - { name: the portal project, who: ["group:ops"], may: [push], on: ["portal/**"], when: { until: 2026-07-01 } }
  - { name: the next launch, who: ["group:ops"], may: [push], on: ["launch/**"], when: { from: 2027-01-01 } }
  - { name: the office pushes the shop, who: ["group:ops"], may: [push], on: ["shop/**"], when: { network: [10.20.0.0/16] } }
  - { name: the mirror is read, who: [authenticated], may: [pull], on: ["cache/**"], when: { service: mirror } }
  - { name: ci pushes the api, who: ["robot:ci"], may: [push], on: [prod/api] }
  - { name: dana pushes the worker, who: ["user:dana"], may: [push], on: [prod/worker] }
  - { name: developers push tools, who: ["group:developers"], may: [push], on: ["tools/**"] }
  - { name: admins own the base images, who: ["group:admins"], may: ["*"], on: ["base/**"] }
  - { name: auditors list the catalog, who: ["group:auditors"], may: ["*"], on: [registry:catalog] }
`

beforeAll(async () => {
  slapd = await startSlapd()
  const hash = hashSync('x', 4)
  writeFileSync(join(folder, 'users'), `nora:${hash}\nMona:${hash}\nteam/bot:${hash}\n`)
  writeFileSync(join(folder, 'secret'), serviceAccount.password, { mode: 0o600 })
  writeFileSync(join(folder, 'dockwarden.yml'), configuration(slapd.ldapsUrl, slapd.caFile))
  const add = async (name: string, ...groups: readonly string[]) => {
    const args = groups.flatMap((group) => ['--group', group])
    const made = await command(
      ['user', 'add', name, ...args, '--password-stdin'],
      'a long one 4711',
    )
    expect(made.stderr).not.toMatch(/^dockwarden/m)
  }
  await add('dana', 'ops')
  await add('frank', 'Developers')
  await add('erin', 'ops')
  await command(['user', 'disable', 'erin'])
  const grant = ['--who', 'user:nora', '--may', 'push', '--on', 'hot/fix', '--for', '2h']
  expect((await command(['rule', 'add', ...grant, '--name', 'INC-12'])).code).toBe(0)
})
afterAll(async () => {
  await slapd?.stop()
})

/** What is wrong, what is asked, and the words that the answer has for it. */
const refusals: readonly (readonly [what: string, args: string, words: string])[] = [
  [
    'the wrong group',
    'dana push teams/dev/app',
    'rule "each team owns its namespace" (dockwarden.yml:15) gives push to members of group dev; dana is in: ops',
  ],
  [
    'no group at all',
    'nora push teams/dev/app',
    'rule "each team owns its namespace" (dockwarden.yml:15) gives push to members of group dev; nora is in no group',
  ],
  [
    'the action is lacking',
    'dana push archive/2024',
    'rule "ops read the archive" (dockwarden.yml:21) gives only pull; add push to its "may"',
  ],
  [
    'push does not include delete',
    'dana delete web/site',
    'rule "ops push the web" (dockwarden.yml:19) gives only push; delete is a right of its own: add it to its "may"',
  ],
  [
    '"*" does not cross "/"',
    'dana push web/site/theme',
    'rule "ops push the web" (dockwarden.yml:19) gives push on "web/*"; "*" is one segment of a name and never crosses "/": "web/**" would fit',
  ],
  [
    '"a/**" is not "a"',
    'dana push library',
    'rule "ops push the library" (dockwarden.yml:20) gives push on "library/**"; that is what lies below library and not library itself: name "library" beside it',
  ],
  [
    'a typing error in the path',
    'dana push libary/nginx',
    'rule "ops push the library" (dockwarden.yml:20) gives push on "library/**"; the name has "libary" there instead of "library": is one of them a typing error?',
  ],
  [
    'the host of the registry in the name',
    'dana push registry.example.com/library/nginx',
    'rule "ops push the library" (dockwarden.yml:20) gives push on "library/**"; without "registry.example.com/" before it, the name would fit',
  ],
  [
    'a deny wins',
    'dana push releases/v2',
    'Why: rule "the release freeze" (dockwarden.yml:23) denies push to dana as anyone, on "releases/**".\nWithout that, rule "ops push releases" (dockwarden.yml:22) would give it.',
  ],
  [
    'a deny of pull takes push',
    'dana push vault/keys',
    'Why: rule "the vault is closed to dana" (dockwarden.yml:25) denies pull to dana as user:dana, on "vault/**".\nWhoever may not pull may not push.',
  ],
  [
    'a rule has ended',
    'dana push portal/web',
    'rule "the portal project" (dockwarden.yml:26) gives push only until 2026-07-01; that is over: it is 2026-11-21T12:00:00Z',
  ],
  [
    'a rule has not begun',
    'dana push launch/web',
    'rule "the next launch" (dockwarden.yml:27) gives push not before 2027-01-01; it is 2026-11-21T12:00:00Z',
  ],
  [
    'the wrong network',
    'dana push shop/web --from 192.0.2.7',
    'rule "the office pushes the shop" (dockwarden.yml:28) gives push only from the network 10.20.0.0/16; the client is at 192.0.2.7',
  ],
  [
    'no address',
    'dana push shop/web',
    'rule "the office pushes the shop" (dockwarden.yml:28) gives push only from the network 10.20.0.0/16; no address of the client is given',
  ],
  [
    'the wrong service',
    'dana pull cache/nginx',
    'rule "the mirror is read" (dockwarden.yml:29) gives pull only for the service mirror; the token is for registry',
  ],
  [
    'nobody is signed in',
    'anonymous pull handbook',
    'rule "whoever is signed in reads the handbook" (dockwarden.yml:18) gives pull to whoever is signed in; nobody is signed in: log in',
  ],
  [
    'a user is not the robot of that name',
    'ci push prod/api',
    'rule "ci pushes the api" (dockwarden.yml:30) gives push to robot ci; the user ci asks, and the robot ci is another one',
  ],
  [
    'a robot is not the user of that name',
    'robot:dana push prod/worker',
    'rule "dana pushes the worker" (dockwarden.yml:31) gives push to user dana; the robot dana asks, and the user dana is another one',
  ],
  [
    'the namespace of another name',
    'dana push frank/app',
    `rule "people own their namespace" (dockwarden.yml:16) gives push on "\${user}/**"; "\${user}" is "dana" there, and the name has "frank" in its place`,
  ],
  [
    'a name with capitals',
    'Mona push mona/app',
    `"\${user}" is "Mona" there, to the letter: no repository has capitals, so only names in lower case fit`,
  ],
  [
    'a name with a slash',
    'team/bot push team/bot/app',
    `"\${user}" is "team/bot" there, and what holds "/" fits nothing`,
  ],
  [
    'a group in another spelling',
    'frank push tools/lint',
    'rule "developers push tools" (dockwarden.yml:32) gives push to members of group developers; frank is in: Developers and dev; "Developers" and "developers" are two groups: capitals count',
  ],
  [
    'a doubtful group',
    'bob push base/debian',
    'rule "admins own the base images" (dockwarden.yml:33) gives push to members of group admins; bob is in "admins", but several groups of the directory bear that name, so it gives nothing until each has one of its own',
  ],
  [
    'the catalog',
    'dana * registry:catalog',
    'rule "auditors list the catalog" (dockwarden.yml:34) gives the list of repositories to members of group auditors; dana is in: ops',
  ],
  [
    'a repository that no rule speaks of',
    'nora pull old',
    'Why: no rule gives it, and none comes near.',
  ],
  [
    'a rule of the database has ended',
    'nora push hot/fix --at 2099-01-01',
    'rule "INC-12" (rule 1) gives push only until 20',
  ],
  [
    'a disabled account',
    'erin push web/site',
    'No: erin cannot sign in: the account is disabled; `dockwarden user enable erin` lets it in again.\nBy the rules alone, erin may push to web/site.',
  ],
  [
    'a name that nobody has',
    'dama push web/site',
    'No: dama cannot sign in: no backend knows the name dama (one knows dana).',
  ],
  [
    'only a part of what was asked',
    'dana * web/site',
    'Only in part: dana may pull and push on web/site, and may not delete from web/site.',
  ],
]

describe('a refusal names what would mend it', () => {
  test.each(refusals)('%s: %s', async (_, args, words) => {
    const asked = args.includes('--at') ? args : `${args} --at 2026-11-21T12:00Z`
    const { code, stdout, stderr } = await command(['explain', ...asked.split(' ')])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^(?:No|Only in part): /)
    expect(stdout).toContain(words)
  })
})

/** Fixed, so that no answer depends on the day. */
const at = ['--at', '2026-11-21T12:00Z']

const explainJson = async (...args: readonly string[]) => {
  const { code, stdout, output } = await command(['explain', ...args, ...at, '--json'])
  if (code !== 0) throw new Error(output)
  return JSON.parse(stdout) as Record<string, unknown>
}

test('the whole answer can be read aloud', async () => {
  const { stdout } = await command(['explain', 'dana', 'push', 'releases/v2', ...at])
  expect(stdout).toBe(`No: dana may not push to releases/v2.
Why: rule "the release freeze" (dockwarden.yml:23) denies push to dana as anyone, on "releases/**".
Without that, rule "ops push releases" (dockwarden.yml:22) would give it.
Other rules that speak of it:
  rule "ops push releases" (dockwarden.yml:22) gives push to dana as group:ops, on "releases/**"
dana is in:
  ops  accounts
Asked: repository:releases/v2:push for the service registry, no address given (--from), at 2026-11-21T12:00:00Z. Granted: nothing.`)
})

test('a "yes" has the rule, also one of the database', async () => {
  const { stdout } = await command(['explain', 'nora', 'pull', 'hot/fix'])
  expect(stdout).toContain('Yes: nora may pull from hot/fix.')
  expect(stdout).toContain(
    'Why: rule "INC-12" (rule 1) gives push to nora as user:nora, on "hot/fix"; until 20',
  )
})

test('as JSON', async () => {
  expect(await explainJson('frank', 'push', 'teams/dev/app', '--from', '192.0.2.7')).toEqual({
    allowed: true,
    answer: 'frank may push to teams/dev/app',
    reason: 'rule "each team owns its namespace" (dockwarden.yml:15) gives it',
    who: {
      kind: 'user',
      name: 'frank',
      backend: 'accounts',
      groups: [
        { name: 'Developers', origin: 'accounts' },
        { name: 'dev', origin: 'groups of dockwarden.yml' },
      ],
      doubtful_groups: [],
      obstacle: null,
      notes: [],
    },
    asked: {
      actions: ['push'],
      on: 'teams/dev/app',
      service: 'registry',
      from: '192.0.2.7',
      at: '2026-11-21T12:00:00.000Z',
    },
    granted: ['push'],
    actions: [
      {
        action: 'push',
        granted: true,
        given_by: [{ name: 'each team owns its namespace', origin: 'dockwarden.yml:15' }],
        denied_by: [],
        nearest: [],
      },
    ],
    matched: [
      {
        name: 'each team owns its namespace',
        origin: 'dockwarden.yml:15',
        decisive: true,
        because: ['group:*'],
        on: [`teams/\${group}/**`],
        gives: ['push'],
        denies: [],
        unmet: [],
      },
    ],
  })
  expect(await explainJson('nora', 'push', 'teams/dev/app')).toMatchObject({
    allowed: false,
    actions: [
      {
        nearest: [
          {
            origin: 'dockwarden.yml:15',
            missing: [
              { part: 'who', says: 'to members of group dev', words: 'nora is in no group' },
            ],
          },
        ],
      },
    ],
  })
})

test('--group is a "what if"', async () => {
  const answer = await explainJson(
    'nora',
    'push',
    'teams/dev/app',
    '--group',
    'ops',
    '--group',
    'dev',
  )
  expect(answer).toMatchObject({
    allowed: true,
    who: {
      groups: [
        { name: 'ops', origin: '--group' },
        { name: 'dev', origin: '--group' },
      ],
    },
  })
})

test('--help shows no empty list as what an option has', async () => {
  const { stdout } = await command(['explain', '--help'])
  expect(stdout).toContain('as if they were in this group too; may be repeated\n')
})

test('the exit code is 0 for a "no" too, unless it is asked for', async () => {
  const refused = ['explain', 'nora', 'push', 'teams/dev/app']
  expect((await command(refused)).code).toBe(0)
  expect((await command([...refused, '--exit-code'])).code).toBe(1)
  expect((await command([...refused, '--group', 'dev', '--exit-code'])).code).toBe(0)
  // A script must not take a mistake for a "no".
  expect((await command(['explain', 'nora', 'puhs', 'teams/dev/app', '--exit-code'])).code).toBe(2)
  // The rules give it, and nobody can sign in.
  expect((await command(['explain', 'erin', 'push', 'web/site', '--exit-code'])).code).toBe(1)
})

test('a backend whose file is gone is what the answer does not know', async () => {
  const file = join(folder, 'gone.yml')
  writeFileSync(file, 'authentication: [{ htpasswd: { file: gone } }]\n')
  const { stdout } = await command(['explain', 'alice', 'pull', 'web/site', '--config', file])
  expect(stdout).toContain(
    `But htpasswd cannot tell who alice is: ${join(folder, 'gone')} does not`,
  )
})

describe('somebody of a directory', () => {
  test('by any spelling, with the groups that a login would find and where each is from', async () => {
    expect(await explainJson('ALICE', 'push', 'tools/lint')).toMatchObject({
      answer: 'alice may push to tools/lint',
      who: {
        name: 'alice',
        backend: 'corp',
        groups: expect.arrayContaining([
          {
            name: 'developers',
            origin: `member of cn=developers,ou=groups,${suffix}`,
          },
        ]),
      },
    })
  })

  test('who may not be seen, or while it is down: what is not known is told', async () => {
    const file = join(folder, 'direct.yml')
    const text = configuration(slapd.ldapsUrl, slapd.caFile)
    writeFileSync(
      file,
      text.replace(/bind: \{.*\}/, `bind: { user_template: "uid={user},ou=people,${suffix}" }`),
    )
    const args = ['explain', 'alice', 'push', 'tools/lint', '--config']
    expect((await command([...args, file])).stdout).toContain(
      'But corp shows nobody without their password, because people bind to it as themselves; if alice is there, give each group by --group.',
    )
    writeFileSync(file, text.replace(slapd.ldapsUrl, 'ldaps://127.0.0.1:1'))
    const { code, stdout } = await command([...args, file])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^But corp cannot tell who alice is: .*ldaps:\/\/127.0.0.1:1/m)
    expect(stdout).toContain('; if alice is there, give each group by --group.')
  })
})

const mistakes: readonly (readonly [args: string, code: number, words: string])[] = [
  [
    'dana puhs web/site',
    1,
    '"puhs" is no action; write pull, push, delete, or \'*\' for all of them',
  ],
  ['dana pull,puhs web/site', 1, '"puhs" is no action'],
  [
    'dana push Web/Site',
    1,
    '"Web/Site" can be no repository: registries take no capitals; write web/site',
  ],
  ['dana push web/*', 1, '"web/*" is a pattern: ask about one repository by its whole name'],
  [`dana push web/\${user}`, 1, 'is a pattern'],
  [
    'dana push web/site:v1',
    1,
    '"web/site:v1" is an image: a repository\'s name has neither tag nor digest; write web/site',
  ],
  ['dana push web/site@sha256:00', 1, 'write web/site'],
  ['dana push web//site', 1, 'is no name that a registry takes for a repository'],
  [`dana push ${'a'.repeat(256)}`, 1, 'is no name that a registry takes for a repository'],
  ['dana pull registry:catalog', 1, "registry:catalog knows one action: write '*'"],
  [
    'group:dev push web/site',
    1,
    'group:dev is many; ask about one of them, as in: alice --group dev',
  ],
  ['group:* push web/site', 1, 'group:* is many; ask about one of them, as in: alice --group dev'],
  ['anyone push web/site', 1, 'anyone is many; ask about one of them, as in: alice'],
  ['authenticated push web/site', 1, 'authenticated is many; ask about one of them, as in: alice'],
  ['* push web/site', 1, '"*" is nobody; write a user\'s name, robot:NAME or anonymous'],
  ['anonymous pull web/site --group ops', 1, 'anonymous is in no group; leave --group out'],
  ['dana push web/site --from office', 1, '--from: "office" is no IP address; write 192.0.2.7'],
  ['dana push web/site --at 2026-13-01', 1, '--at: "2026-13-01" is no date and no time'],
  ['dana push web/site --at 2026-11-21T12:00', 1, '--at: "2026-11-21T12:00" says no zone'],
  [
    'dana push web/site --service prod',
    1,
    'no tokens are issued for prod; "services" names registry, mirror',
  ],
  ['dana push', 2, 'say who, what and where: dockwarden explain alice push prod/api'],
  ['dana --request 1', 2, '--request says who asked for what: leave the other words out'],
  ['--request ../reload', 1, '"../reload" is no id of a request'],
  ['--request 1', 1, 'no server is running with this configuration'],
]

test.each(mistakes)('what cannot be answered is refused: %s', async (args, expected, words) => {
  const { code, stdout, stderr } = await command(['explain', ...args.split(' ')])
  expect([code, stdout]).toEqual([expected, ''])
  expect(stderr).toContain(words)
})

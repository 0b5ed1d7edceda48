import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { authorize } from '../../../src/authorization/authorize.ts'
import { catalog } from '../../../src/authorization/policy.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { readYaml } from '../../../src/config/yaml-document.ts'
import { isAnnounced } from '../../../src/import/docker-auth/change.ts'
import {
  differencesOf,
  heldBefore,
  heldNow,
  requestOf,
} from '../../../src/import/docker-auth/held-actions.ts'
import {
  type DockerAuthImport,
  importDockerAuth,
  translateConfig,
} from '../../../src/import/docker-auth/import-docker-auth.ts'
import { isRepositoryName } from '../../../src/protocol/access.ts'
import { parseScopes } from '../../../src/protocol/scope.ts'
import { processorTime } from '../../support/processor-time.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { actionsOf, fixtureNames, fixturePath, recordOf } from './recorded-answers.ts'

const services = ['registry', 'registry-a', 'registry-b']

const fixtures = new Map<string, DockerAuthImport>()

function importFixture(name: string): DockerAuthImport {
  const known = fixtures.get(name) ?? importDockerAuth(...fixture(name))
  fixtures.set(name, known)
  return known
}

function fixture(name: string): Parameters<typeof importDockerAuth> {
  const text = readFileSync(fixturePath(name), 'utf8')
  return [text, { file: name, services, htpasswd: 'htpasswd' }]
}

/** As a registry has it, in our words; undefined for what no registry has. */
function resourceOf(recorded: string): string | undefined {
  if (recorded === catalog) return catalog
  const name = recorded.replace(/^repository:/, '')
  if (name === recorded || !isRepositoryName(name)) return undefined
  return parseScopes([`${recorded}:pull`]).scopes.length === 1 ? name : undefined
}

const imported = fixtureNames.filter((name) => !('refused' in recordOf(name)))

for (const name of imported) {
  test(`${name}: wherever docker_auth itself answered otherwise, that is announced, and Dockwarden never gives more`, () => {
    const record = recordOf(name)
    if ('refused' in record) throw new Error('refused')
    const { policy, surroundings, changes, carriedOver } = translateConfig(...fixture(name))
    const wrong: string[] = []
    let cells = 0
    for (const { account, address, service, answers } of record.asked) {
      const isCarried = account === '' || carriedOver.users.includes(account)
      const labels = surroundings.labels.get(account) ?? new Map()
      const asker = account === '' ? null : { name: account, kind: 'user' as const, groups: [] }
      for (const [index, recorded] of record.resources.entries()) {
        const resource = resourceOf(recorded)
        if (resource === undefined) continue
        cells += 1
        const before = heldBefore({ actions: actionsOf(answers.charAt(index)) }, resource)
        const asked = { person: { account, labels, asker }, name: resource, address, service }
        // Who is not carried over cannot sign in here.
        const now = isCarried ? heldNow(policy, asked).actions : new Set<string>()
        for (const { direction, actions } of differencesOf(before, now)) {
          const [type = '', ...rest] = recorded.split(':')
          const request = { account, labels, type, name: rest.join(':'), service, address }
          const decided = surroundings.evaluator.answer(request).entry?.number
          const isTold = isCarried
            ? isAnnounced(direction, decided, changes)
            : changes.some((change) => change.user === account && change.kind === 'less')
          if (!isTold)
            wrong.push(
              `${direction} ${actions}: ${account} on ${recorded} from ${address}, rule ${decided}`,
            )
        }
      }
    }
    expect(wrong.slice(0, 10)).toEqual([])
    expect(cells).toBeGreaterThan(100)
  })

  test(`${name}: what is written is a good configuration`, async () => {
    const folder = temporaryFolder('import')
    const { config, htpasswd } = importFixture(name)
    writeFileSync(join(folder, 'htpasswd'), htpasswd.join('\n'))
    writeFileSync(join(folder, 'dockwarden.yml'), config)
    const loaded = await loadConfig({ file: undefined, env: {}, workingFolder: folder })
    expect(loaded.authentication[0]?.kind).toBe(htpasswd.length > 0 ? 'htpasswd' : 'accounts')
  })

  test(`${name}: the proof finds nothing that is not announced`, () => {
    const { differences, cells } = importFixture(name).proof
    expect(differences.filter((difference) => !difference.isAnnounced)).toEqual([])
    expect(cells).toBeGreaterThan(50)
  })
}

test('the proof finds a rule that gives too much', () => {
  const text =
    'users: { alice: { password: x } }\nacl: [{ match: { account: alice, name: "a/*" }, actions: [pull] }]'
  const { policy, surroundings } = translateConfig(text, {
    file: 'f',
    services: [],
    htpasswd: undefined,
  })
  const asked = {
    person: {
      account: 'alice',
      labels: new Map(),
      asker: { name: 'alice', kind: 'user' as const, groups: [] },
    },
    ...{ name: 'a/x', address: '192.0.2.1', service: 'registry' },
  }
  const now = heldNow(policy, asked).actions
  expect(differencesOf(heldBefore({ actions: [] }, 'a/x'), now)).toEqual([
    { direction: 'more', actions: ['pull'] },
  ])
  expect(isAnnounced('more', 1, [{ kind: 'less', rule: 1, message: '' }])).toBe(false)
  expect(surroundings.services).toEqual(['registry'])
})

test('the reference configuration of docker_auth is carried over but for what nobody can say here', () => {
  const { changes, carriedOver, proof } = importFixture('reference.yml')
  expect(carriedOver).toEqual({
    users: ['admin', 'test'],
    rules: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    directory: true,
  })
  const less = changes.filter(({ kind }) => kind === 'less')
  expect(less.map(({ rule, message }) => rule ?? message.split(' ')[0])).toEqual([
    ...['google_auth', 'github_auth', 'mongo_auth', 'ext_auth', 'acl_mongo'],
    ...[1, 2, 3],
  ])
  // The one user who is kept from everything else loses what the network gave.
  expect(new Set(proof.differences.map(({ example }) => example.who))).toEqual(new Set(['test']))
})

test.each([
  [`\${account}@corp.example.com`, 'CORP\\{user}', /people bind as CORP\\\{user\} .* NetBIOS name/],
  [`CORP\\\${account}`, 'CORP\\{user}', undefined],
  [`cn=\${account},dc=a`, 'cn={user},dc=a', undefined],
  [`\${account}@@x`, undefined, /ldap_auth is not carried over, because its bind_dn/],
])(
  'where people bind as %s, nobody of an Active Directory gets a second name',
  async (dn, template, note) => {
    const ldap = {
      ...{ addr: 'd:636', base: 'dc=a', filter: `(sAMAccountName=\${account})` },
      ...{ bind_dn: dn, initial_bind_as_user: true },
    }
    const text = `ldap_auth: ${JSON.stringify(ldap)}\nacl: []\n`
    const { config, changes } = importDockerAuth(text, { file: 'f', services, htpasswd: undefined })
    const file = join(temporaryFolder('import'), 'dockwarden.yml')
    writeFileSync(file, config)
    const { authentication } = await loadConfig({ file, env: {}, workingFolder: '/' })
    const templates = authentication.flatMap((entry) =>
      entry.kind === 'ldap' && entry.bind.kind === 'direct' ? [entry.bind.template] : [],
    )
    expect(templates).toEqual(template === undefined ? [] : [template])
    const said = changes.map(({ message }) => message).join('\n')
    if (note === undefined) expect(said).not.toContain('bind')
    else expect(said).toMatch(note)
  },
)

/** What the rules become for somebody who was not there when they were carried over. */
function laterMore(rules: readonly object[]): readonly string[] {
  const users = { alice: { password: 'x', labels: { team: ['red'] } }, bob: { password: 'x' } }
  const text = `users: ${JSON.stringify(users)}\nacl: ${JSON.stringify(rules)}`
  const { policy, surroundings, changes } = translateConfig(text, {
    file: 'f',
    services: [],
    htpasswd: 'h',
  })
  const more = ['amy', 'zed'].flatMap((account) => {
    const person = {
      account,
      labels: new Map(),
      asker: { name: account, kind: 'user' as const, groups: [] },
    }
    const asked = { person, name: 'x/a', address: '192.0.2.1', service: 'registry' }
    const was = surroundings.evaluator.answer(requestOf(asked))
    if (was.kind === 'unknown') throw new Error('unknown')
    const found = differencesOf(heldBefore(was, 'x/a'), heldNow(policy, asked).actions)
    return found.filter(({ direction }) => direction === 'more').map(() => account)
  })
  return more.length > 0 && !changes.some(({ kind }) => kind === 'later') ? more : []
}

const everybodyPulls = { match: { account: '/.+/' }, actions: ['pull'] }
const forLater: readonly (readonly [string, readonly object[]])[] = [
  [
    'a rule for a pattern of names that keeps them from something',
    [{ match: { account: 'a*' }, actions: [] }, everybodyPulls],
  ],
  [
    'a rule for everybody that keeps all but one from something',
    [
      { match: { account: 'bob' }, actions: ['*'] },
      { match: { name: 'x/*' }, actions: [] },
      everybodyPulls,
    ],
  ],
  [
    'a rule for a group that keeps them from something',
    [
      { match: { labels: { team: 'red' } }, actions: [] },
      { match: { name: '*/a', account: '?*' }, actions: [] },
      everybodyPulls,
    ],
  ],
]
for (const [what, rules] of forLater) {
  test(`${what}: who is added later gets no more, or that is told`, () => {
    expect(laterMore(rules)).toEqual([])
  })
}

test('names that an htpasswd file would read as something else stay out of it', () => {
  const users = Object.fromEntries(
    ['#a', '$b', '{SHA}c', 'd:e', ' f', 'g*', 'ok'].map((name) => [
      name,
      { password: `$2y$10$${'a'.repeat(53)}` },
    ]),
  )
  const { htpasswd } = importDockerAuth(`users: ${JSON.stringify(users)}\nacl: []`, {
    file: 'f',
    services: [],
    htpasswd: 'h',
  })
  expect(htpasswd.map((line) => line.split(':')[0])).toEqual(['ok'])
})

for (const label of ['__proto__', '<<', 'x'.repeat(300)]) {
  test(`a label that can be no group, ${label.slice(0, 9)}, keeps the rule and gives no more`, async () => {
    const text = `users: { alice: { password: x, labels: { team: ['${label}'] } } }
acl:
  - { match: { labels: { team: '${label}' }, name: a }, actions: [pull] }
  - { match: { name: '\${labels:team}/*' }, actions: [pull] }
`
    const options = { file: 'f', services: [], htpasswd: 'h' }
    const { config, proof } = importDockerAuth(text, options)
    const { policy } = translateConfig(text, options)
    expect(readYaml(config, {}).faults).toEqual([])
    expect(proof.differences).toEqual([])
    const alice = { name: 'alice', kind: 'user', groups: [] } as const
    const scope = { type: 'repository', name: 'label-1/x', actions: ['pull'] }
    const circumstances = { service: 'registry', address: '', time: new Date() }
    expect(authorize(policy, alice, [scope], circumstances).access).toEqual([])
  })
}

const wide = (rules: number) =>
  `users: { alice: { password: x }, "": {} }\nacl:\n${Array.from(
    { length: rules },
    (_, index) =>
      `  - { match: { account: alice, name: "*${index}*/a*" }, actions: [${index % 2 ? 'pull' : ''}] }\n`,
  ).join('')}  - { match: {}, actions: [pull] }\n`

test('many rules that all meet are translated in bounded time', () => {
  const start = processorTime()
  const { proof } = importDockerAuth(wide(120), { file: 'f', services: [], htpasswd: undefined })
  expect(proof.differences.filter(({ direction }) => direction === 'more')).toEqual([])
  expect(processorTime() - start).toBeLessThan(20_000)
})

test('so are labels of a thousand values', () => {
  const values = Array.from({ length: 1_000 }, (_, index) => `g${index}`).join(', ')
  const rules = Array.from(
    { length: 20 },
    (_, index) => `  - { match: { name: '\${labels:team}/a${index}*' }, actions: [pull] }\n`,
  )
  const text = `users: { alice: { password: x, labels: { team: [${values}] } } }\nacl:\n${rules.join('')}`
  const start = processorTime()
  const { proof } = importDockerAuth(text, { file: 'f', services: [], htpasswd: undefined })
  expect(proof.differences).toEqual([])
  expect(processorTime() - start).toBeLessThan(20_000)
})

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a bomb of aliases', `users: { alice: {} }\n${bomb()}acl: *z\n`, /stand for too much|must be/],
  ['an alias of nothing', 'users: *x\nacl: []\n', /no anchor &x/],
  ['an alias within itself', 'users: &x { alice: *x }\nacl: []\n', /&x holds itself/],
  ['a merge of itself', 'users: &x { <<: *x }\nacl: []\n', /&x holds itself/],
  ['a list of itself', 'ldap_auth: &x { a: { b: [*x], c: *x } }\nacl: []\n', /&x holds itself/],
  [
    'a match that is null',
    'users: { alice: {} }\nacl: [{ match: , actions: [pull] }]\n',
    /rule 1 has no match/,
  ],
  ['a rule that is no map', 'users: { alice: {} }\nacl: [pull]\n', /must be a map/],
  [
    'actions that are a text',
    'users: { alice: {} }\nacl: [{ match: {}, actions: pull }]\n',
    /actions must be a list/,
  ],
  [
    'an address that is none',
    'users: { alice: {} }\nacl: [{ match: { ip: 10.0.0.300 }, actions: [] }]\n',
    /no address/,
  ],
  [
    'more rules than anybody has',
    `users: {}\nacl: [${'{ match: {}, actions: [] }, '.repeat(1_001)}]\n`,
    /more than 1000 rules/,
  ],
  ['two documents', 'users: {}\n---\nacl: []\n', /second document/],
]

function bomb(): string {
  const names = [...'abcdefghiz']
  const line = (name: string, index: number) =>
    `${name}: &${name} [${index === 0 ? 'x' : Array(10).fill(`*${names[index - 1]}`)}]\n`
  return names.map(line).join('')
}

for (const [what, text, message] of refused) {
  test(`${what} is refused with its line, soon`, () => {
    const start = processorTime()
    expect(() => importDockerAuth(text, { file: 'f', services: [], htpasswd: undefined })).toThrow(
      message,
    )
    expect(() => importDockerAuth(text, { file: 'f', services: [], htpasswd: undefined })).toThrow(
      /^f:\d+:\d+/,
    )
    expect(processorTime() - start).toBeLessThan(2_000)
  })
}

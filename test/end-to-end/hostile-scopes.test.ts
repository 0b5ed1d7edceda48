// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a variable of a rule, as a client may try it
/** A2: whatever stands in a scope, the answer is no failure and grants no more than the rules do. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Asker,
  allowedActions,
  isRepository,
  type Policy,
  writtenOut,
} from '../authorization/oracle.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { fc } from '../support/fast-check.ts'
import { type Answer, ask, basic, claimsOf, formType, type TokenAccess } from './ask.ts'

const policy: Policy = {
  groups: { dev: ['alice'], ops: ['root'] },
  rules: [
    { name: 'public', who: ['anyone'], may: ['pull'], on: ['public/**'] },
    { name: 'own', who: ['user:alice'], may: ['push'], on: ['a*', '{x,y}/?'] },
    { name: 'their own', who: ['authenticated'], may: ['push'], on: ['${user}/**'] },
    { name: 'of a team', who: ['group:*'], may: ['pull'], on: ['teams/${group}/**'] },
    { name: 'all', who: ['user:root'], may: ['*'], on: ['**'] },
    { name: 'catalog', who: ['user:root'], may: ['*'], on: ['registry:catalog'] },
    { name: 'not', who: ['anyone'], may_not: ['delete'], on: ['**/keep'] },
  ],
}
const subjects = [null, 'alice', 'root'] as const
type User = (typeof subjects)[number]

let server: Dockwarden
beforeAll(async () => {
  const hash = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' // "password"
  server = await startDockwarden({
    config: { ...policy, authentication: [{ htpasswd: { file: 'htpasswd' } }] },
    files: { htpasswd: `alice:${hash}\nroot:${hash}\n` },
  })
})
afterAll(() => server?.stop())

/** The raw value of one `scope` parameter, escaped but for what makes it one parameter. */
function request(user: User, values: readonly string[], method: 'GET' | 'POST'): Promise<Answer> {
  const scopes = values.map((value) => `&scope=${encodeURIComponent(wellFormed(value))}`).join('')
  if (method === 'GET' || user === null) {
    const headers = user === null ? {} : { authorization: basic(user, 'password') }
    return ask(`${server.url}/token?service=registry${scopes}`, { headers })
  }
  return ask(`${server.url}/token`, {
    method: 'POST',
    headers: { 'content-type': formType },
    body: `grant_type=password&client_id=c&service=registry&username=${user}&password=password${scopes}`,
  })
}

/** Everything that a grant must never be, whatever was asked. */
function expectNoMoreThanAsked(
  user: User,
  values: readonly string[],
  access: readonly TokenAccess[],
) {
  const asker: Asker | null = user === null ? null : { name: user, kind: 'user', groups: [] }
  const circumstances = { service: 'registry', address: '127.0.0.1', time: new Date() }
  const asked = values.flatMap((value) => wellFormed(value).split(' '))
  for (const { type, name, actions, ...rest } of access) {
    expect(rest).toEqual({})
    const wanted = asked
      .filter((text) =>
        text.replace(/^([a-z0-9]+)\([a-z0-9]+\):/, '$1:').startsWith(`${type}:${name}:`),
      )
      .flatMap((text) => text.slice(text.lastIndexOf(':') + 1).split(','))
    expect(wanted, `${type}:${name} was not asked for in ${JSON.stringify(values)}`).not.toEqual([])
    expect(type === 'repository' ? isRepository(name) : name === 'catalog', name).toBe(true)
    expect(actions.length).toBeGreaterThan(0)
    const allowed = allowedActions(
      policy,
      { asker, resource: { type, name }, circumstances },
      wanted,
    )
    expect(allowed, JSON.stringify(values)).toEqual(
      expect.arrayContaining([...writtenOut(type, actions)]),
    )
  }
}

async function check(user: User, values: readonly string[], method: 'GET' | 'POST') {
  const answer = await request(user, values, method)
  // 400 is what the limits on number and length answer, 413 and 431 those on the whole request.
  expect([200, 400, 413, 431], `${answer.status} for ${JSON.stringify(values)}`).toContain(
    answer.status,
  )
  if (answer.status !== 200) return []
  const { access } = await claimsOf(answer, server)
  expectNoMoreThanAsked(user, values, access)
  return access
}

const longName = (length: number) => `a/${'b'.repeat(length - 2)}`

const nothing = [
  // Not in the grammar.
  '',
  ' ',
  ':',
  '::',
  ':::',
  'repository',
  'repository:',
  'repository::',
  'repository::pull',
  'repository:alice/app',
  'alice/app:pull',
  ':alice/app:pull',
  'repository:alice/app:pull,PUSH',
  'repository:alice/app:pull;push',
  'repository:alice/app:pull,push\n',
  'repository:alice/app\n:pull',
  'repository:alice/app\u0000:pull',
  'repository:alice/app:pull\u0000',
  '\u0000repository:alice/app:pull',
  '\u{feff}repository:alice/app:pull',
  'repository:alice/app\u00a0:pull',
  'repository:alice/äpp:pull',
  'repository:аlice/app:pull', // a Cyrillic a
  'repository:alice/app\u202e:pull',
  'repository:alice/%61pp:pull',
  'repository:alice%2fapp:pull',
  'repository:alice/a\ud800pp:pull',
  'REPOSITORY:alice/app:pull',
  'Repository:alice/app:pull',
  'repository :alice/app:pull',
  'repository(:alice/app:pull',
  'repository():alice/app:pull',
  'repository(plugin:alice/app:pull',
  'repository(plugin)x:alice/app:pull',
  'repository(Plugin):alice/app:pull',
  'repository(a)(b):alice/app:pull',
  'REPO!repository:alice/app:pull',
  'repository,registry:alice/app:pull',
  // No repository.
  'repository:Alice/app:pull',
  'repository:ALICE/APP:pull',
  'repository:alice/App:pull',
  'repository:alice/../root:pull',
  'repository:../alice/app:pull',
  'repository:alice/./app:pull',
  'repository:alice//app:pull',
  'repository:/alice/app:pull',
  'repository:alice/app/:pull',
  'repository:alice\\app:pull',
  'repository:alice/app@sha256:pull',
  'repository:alice/app?x=y:pull',
  'repository:alice/app#x:pull',
  'repository:alice/-app:pull',
  'repository:alice/app-:pull',
  'repository:alice/a..b:pull',
  'repository:alice/a___b:pull',
  'repository:alice/a._b:pull',
  'repository:_alice/app:pull',
  'repository:HOST:5000/alice:pull',
  'repository:host:/alice:pull',
  'repository:host:x/alice:pull',
  'repository:a:1:2/b:pull',
  'repository:alice:5000:pull',
  `repository:${longName(256)}:pull`,
  `repository:${longName(4000)}:pull`,
  // A pattern is asked of nobody but a rule.
  'repository:*:pull',
  'repository:**:pull',
  'repository:alice/*:pull',
  'repository:alice/**:*',
  'repository:{alice,root}/app:pull',
  'repository:alic?/app:pull',
  'repository:.*:pull',
  'repository:^alice/.*$:pull',
  // Neither a type nor an action that anybody has.
  'chart:alice/app:pull',
  'user:alice:pull',
  'registry:catalog:pull',
  'registry:catalog:',
  'registry:catalog:list,pull',
  'registry:*:*',
  'registry:alice/app:*',
  'registry(x):alice:*',
  'repository:alice/app:',
  'repository:alice/app:,',
  'repository:alice/app:,,,',
  'repository:alice/app:admin',
  'repository:alice/app:**',
  'repository:alice/app:*pull',
  'repository:alice/app:pull*',
  'repository:alice/app: pull',
  'repository:alice/app:pul',
  'repository:alice/app:__proto__',
  'repository:alice/app:constructor',
  'repository:__proto__:pull',
  '__proto__:x:pull',
  'constructor:constructor:constructor',
  '{"type":"repository","name":"alice/app","actions":["pull"]}',
  "repository:alice/app' OR '1'='1:pull",
  '${user}:alice/app:pull',
  'repository:${user}/app:pull',
  'repository:$user/app:pull',
  'repository:teams/${group}/app:pull',
  'repository:teams/*/app:pull',
  'repository:teams/group:dev/app:pull',
] as const

test.each(subjects)(
  'A2: what no registry would ask for is granted to nobody, asked by %s',
  async (user) => {
    for (const scope of nothing) {
      for (const method of ['GET', 'POST'] as const) {
        expect(await check(user, [scope], method), `${method} ${JSON.stringify(scope)}`).toEqual([])
        // Beside a good scope it must take nothing away and add nothing.
        const beside = await check(user, ['repository:public/x:pull', scope], method)
        expect(beside, `${method} ${JSON.stringify(scope)}`).toEqual([
          { type: 'repository', name: 'public/x', actions: ['pull'] },
        ])
      }
    }
  },
)

test.each<[string, User, readonly string[], readonly TokenAccess[]]>([
  [
    'a name with a port',
    'root',
    ['repository:host:5000/a/b:pull'],
    [repository('host:5000/a/b', 'pull')],
  ],
  [
    'a class is ignored',
    'alice',
    ['repository(plugin):alice/x:pull'],
    [repository('alice/x', 'pull')],
  ],
  [
    'a class and none are one resource',
    'alice',
    ['repository(plugin):alice/x:pull', 'repository:alice/x:push'],
    [repository('alice/x', 'pull', 'push')],
  ],
  [
    'the same resource twice in one value',
    'alice',
    ['repository:alice/x:pull repository:alice/x:pull,push'],
    [repository('alice/x', 'pull', 'push')],
  ],
  [
    'the order of crane',
    'alice',
    ['repository:alice/x:push,pull'],
    [repository('alice/x', 'push', 'pull')],
  ],
  ['push alone', 'alice', ['repository:alice/x:push'], [repository('alice/x', 'push')]],
  [
    'an action that nobody has, beside one',
    'alice',
    ['repository:alice/x:pull,admin'],
    [repository('alice/x', 'pull')],
  ],
  [
    '* where only a part is held',
    'alice',
    ['repository:alice/x:*'],
    [repository('alice/x', 'pull', 'push')],
  ],
  [
    '* where a deny takes one',
    'root',
    ['repository:x/keep:*'],
    [repository('x/keep', 'pull', 'push')],
  ],
  [
    'a mount',
    'alice',
    ['repository:alice/x:pull,push', 'repository:secret/y:pull'],
    [repository('alice/x', 'pull', 'push')],
  ],
  [
    'the longest name',
    'root',
    [`repository:${longName(255)}:pull`],
    [repository(longName(255), 'pull')],
  ],
  [
    'the catalog',
    'root',
    ['registry:catalog:*'],
    [{ type: 'registry', name: 'catalog', actions: ['*'] }],
  ],
  ['the catalog, for others', 'alice', ['registry:catalog:*'], []],
  ['their own', 'alice', ['repository:alice/x:*'], [repository('alice/x', 'pull', 'push')]],
  ["somebody else's", 'alice', ['repository:root/x:pull', 'repository:alicex/x:pull'], []],
  [
    "their team's, beside another's",
    'alice',
    ['repository:teams/dev/x:push,pull repository:teams/ops/x:pull repository:teams/dev:pull'],
    [repository('teams/dev/x', 'pull')],
  ],
  [
    'the challenge that a hostile ?from= makes',
    'alice',
    ['repository:foo/bar:pull,push repository:evil:pull repository:secret:pull'],
    [],
  ],
])('A2: %s', async (_name, user, values, expected) => {
  for (const method of ['GET', 'POST'] as const) {
    const access = await check(user, values, method)
    expect(access.map(sorted)).toEqual(expected.map(sorted))
  }
})

test('A2: * is signed on a repository only for who holds every action', async () => {
  const [all] = await check('root', ['repository:any/thing:*'], 'GET')
  expect(writtenOut('repository', all?.actions ?? [])).toEqual(['delete', 'pull', 'push'])
  for (const scope of ['repository:x/keep:*', 'repository:x/keep:pull,push,delete,*']) {
    const [most] = await check('root', [scope], 'GET')
    expect(most?.actions).not.toContain('*')
  }
})

const piece = fc.constantFrom(
  ...[
    'repository',
    'registry',
    'catalog',
    'alice',
    'public',
    'teams',
    'dev',
    'keep',
    'x',
    'pull',
    'push',
    'delete',
  ],
  ...[
    ':',
    '/',
    ',',
    '*',
    '**',
    ' ',
    '.',
    '..',
    '-',
    '_',
    '(',
    ')',
    'A',
    '?',
    '{',
    '}',
    '${user}',
    '${group}',
    '\n',
    '\u0000',
  ],
  ...['%2f', '%', '+', '&', '=', '"', '\\', 'é', '\u{1f433}'],
)
const scopeLike = fc
  .tuple(
    fc.constantFrom('repository', 'registry', 'repository(plugin)', 'Repository', ''),
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
    fc.constantFrom('pull', 'push,pull', '*', 'delete', '', 'pull,*'),
  )
  .map((parts) => parts.join(':'))
const anyScope = fc.oneof(
  scopeLike,
  fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
)

test('A2: random scopes fail nowhere and are never granted beyond the rules', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...subjects),
      fc.constantFrom('GET' as const, 'POST' as const),
      fc.array(anyScope, { minLength: 1, maxLength: 12 }),
      async (user, method, values) => void (await check(user, values, method)),
    ),
    { numRuns: 1_000 },
  )
})

function repository(name: string, ...actions: string[]): TokenAccess {
  return { type: 'repository', name, actions }
}

function sorted({ actions, ...resource }: TokenAccess): TokenAccess {
  return { ...resource, actions: [...writtenOut(resource.type, actions)] }
}

/** As UTF-8 carries it: half of a surrogate pair becomes U+FFFD. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

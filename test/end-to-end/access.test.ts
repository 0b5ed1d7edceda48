// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule
/** A1: every answer of the running server equals an oracle that shares no code with it. */

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Asker,
  allowedActions,
  anonymousMayAnything,
  type Circumstances,
  type Policy,
  type Resource,
  writtenOut,
} from '../authorization/oracle.ts'
import {
  askedArbitrary,
  circumstancesNear,
  policyArbitrary,
  resourceNear,
  services,
  users,
} from '../authorization/policy-arbitrary.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { fc, seed } from '../support/fast-check.ts'
import { type Answer, claimsOf, getToken, type Login, postToken } from './ask.ts'

const policyCount = 20
/** Of each asker under each policy. */
const requestsOfEach = 4
/** Below the limit of 32 scopes in one request. */
const scopesInOneRequest = 30
/** Each clause of the rules' description once, so that no seed can miss one. */
const everyClause: Policy = {
  groups: { dev: ['alice', 'bob'], ops: ['bob'], empty: [] },
  rules: [
    { name: 'push includes pull', who: ['user:alice'], may: ['push'], on: ['a/**'] },
    { name: 'a deny of pull takes push', who: ['user:alice'], may_not: ['pull'], on: ['a/b'] },
    { name: 'a deny of push takes only that', who: ['user:alice'], may_not: ['push'], on: ['a/a'] },
    {
      name: 'all of it',
      who: ['group:dev', 'user:carol'],
      may: ['*'],
      on: ['{app,web}/*', 'dev/**'],
    },
    { name: 'none of it', who: ['group:ops'], may_not: ['*'], on: ['**/app-1'] },
    { name: 'anonymous alone', who: ['anonymous'], may: ['pull'], on: ['x', '?'] },
    { name: 'signed in alone', who: ['authenticated'], may: ['delete'], on: ['x/x/*/x'] },
    { name: 'both', who: ['anyone'], may: ['pull'], on: ['**/x/**', 'ab*'] },
    { name: 'nobody', who: ['group:empty'], may: ['*'], on: ['**'] },
    { name: 'catalog', who: ['group:dev'], may: ['*'], on: ['registry:catalog'] },
    { name: 'their own', who: ['authenticated'], may: ['push'], on: ['${user}/**', 'x-${user}'] },
    { name: 'of each team', who: ['group:*'], may: ['pull'], on: ['teams/${group}/*'] },
    { name: 'of one team', who: ['group:ops'], may: ['delete'], on: ['{a,web}/${group}-?'] },
    { name: 'not of a team', who: ['group:*'], may_not: ['delete'], on: ['**/${group}-1'] },
    { name: 'a robot', who: ['robot:alice'], may: ['*'], on: ['**', '${robot}/**'] },
    {
      name: 'from a network',
      who: ['anyone'],
      may: ['pull'],
      on: ['near/**'],
      when: { network: ['10.20.0.0/16', '2001:db8::/32'], service: ['mirror'] },
    },
    {
      name: 'not from one',
      who: ['anyone'],
      may_not: ['pull'],
      on: ['**'],
      when: { network: ['203.0.113.128/25'] },
    },
    { name: 'past', who: ['anyone'], may: ['*'], on: ['**'], when: { until: '2020-02-29' } },
    { name: 'future', who: ['anyone'], may_not: ['*'], on: ['**'], when: { from: '2095-01-01' } },
    {
      name: 'now',
      who: ['group:dev'],
      may: ['delete'],
      on: ['now/*'],
      when: { from: '2001-02-03', until: '2095-12-31T23:59:59.999Z' },
    },
    { name: 'no catalog', who: ['user:bob'], may_not: ['*'], on: ['registry:catalog'] },
  ],
}
const policies = [everyClause, ...fc.sample(policyArbitrary, { seed, numRuns: policyCount - 1 })]
const askers: readonly (Asker | null)[] = [
  null,
  ...users.map((name) => ({ name, kind: 'user' as const, groups: [] })),
]
const passwordOf = (user: string) => `the password of ${user}`
const loginOf = (user: string): Login => ({ user, password: passwordOf(user) })
const sha1 = (text: string) => createHash('sha1').update(text).digest('base64')

let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: configOf({ groups: {}, rules: [] }),
    // A quick hash: what is looked at here is what the rules make of the subject.
    files: { htpasswd: users.map((user) => `${user}:{SHA}${sha1(passwordOf(user))}\n`).join('') },
  })
})
afterAll(() => server?.stop())

function configOf({ groups, rules }: Policy): Record<string, unknown> {
  return {
    groups,
    rules,
    services: services.map((name) => ({ name })),
    server: { trusted_proxies: ['127.0.0.1'] },
    authentication: [{ htpasswd: { file: 'htpasswd' } }],
  }
}

async function enforce(policy: Policy): Promise<void> {
  const line = await server.reload(configOf(policy))
  expect(line, JSON.stringify(line)).toMatchObject({ level: 'info', rules: policy.rules.length })
}

/** What one request asks: some resources, each with some actions. */
interface Request {
  readonly circumstances: Circumstances
  readonly scopes: readonly { readonly resource: Resource; readonly actions: readonly string[] }[]
}

function requestsOf(policyIndex: number, askerIndex: number): readonly Request[] {
  const policy = policies[policyIndex] ?? everyClause
  const scope = fc.record({
    resource: resourceNear(policy, askers[askerIndex] ?? null),
    actions: askedArbitrary,
  })
  const request = fc.record({
    // The rules' periods end long before or after any run of this test.
    circumstances: circumstancesNear(policy).map((near) => ({ ...near, time: new Date() })),
    scopes: fc.uniqueArray(scope, {
      minLength: scopesInOneRequest,
      maxLength: scopesInOneRequest,
      selector: ({ resource }) => resourceText(resource),
    }),
  })
  return fc.sample(request, {
    seed: seed + policyIndex * 100 + askerIndex,
    numRuns: requestsOfEach,
  })
}

const resourceText = ({ type, name }: Resource) => `${type}:${name}`
const scopesOf = ({ scopes }: Request) =>
  scopes.map(({ resource, actions }) => `${resourceText(resource)}:${actions.join(',')}`)

function expectedAccess(policy: Policy, asker: Asker | null, { circumstances, scopes }: Request) {
  return Object.fromEntries(
    scopes
      .map(({ resource, actions }) => [
        resourceText(resource),
        allowedActions(policy, { asker, resource, circumstances }, actions).join(),
      ])
      .filter(([, actions]) => actions !== ''),
  )
}

async function grantedAccess(answer: Answer, asker: Asker | null, service: string) {
  const claims = await claimsOf(answer, server, service)
  expect(claims.sub).toBe(asker?.name ?? '')
  const entries = claims.access.map(
    (access) => [resourceText(access), writtenOut(access.type, access.actions).join()] as const,
  )
  expect(new Set(entries.map(([resource]) => resource)).size, 'each resource once').toBe(
    entries.length,
  )
  return Object.fromEntries(entries)
}

test('A1: nobody gets what the rules do not give, nor less', { timeout: 120_000 }, async () => {
  const cells = new Set<string>()
  const granted = new Set<string>()
  for (const [policyIndex, policy] of policies.entries()) {
    await enforce(policy)
    // `docker login` asks no scope: it must not succeed without a password where nobody could use it.
    const { status } = await getToken(server, [])
    const here = { service: 'registry', address: '127.0.0.1', time: new Date() }
    expect(status, JSON.stringify(policy)).toBe(anonymousMayAnything(policy, here) ? 200 : 401)
    for (const [askerIndex, asker] of askers.entries()) {
      await Promise.all(
        requestsOf(policyIndex, askerIndex).map(async (request, index) => {
          const { service, address: from } = request.circumstances
          const login = asker === null ? null : { ...loginOf(asker.name), from }
          const answer =
            login !== null && index % 3 === 0
              ? await postToken(server, scopesOf(request), login, service)
              : await getToken(server, scopesOf(request), login, service, from)
          const expected = expectedAccess(policy, asker, request)
          const why = `seed ${seed}, policy ${policyIndex}, ${asker?.name ?? 'anonymous'}, ${service} from ${from}: ${JSON.stringify(policy)}`
          expect(await grantedAccess(answer, asker, service), why).toEqual(expected)
          for (const { resource, actions } of request.scopes) {
            const cell = [policyIndex, askerIndex, service, from, resourceText(resource), actions]
            cells.add(cell.join(' '))
            if (resourceText(resource) in expected) granted.add(cell.join(' '))
          }
        }),
      )
    }
  }
  console.log(`A1: ${cells.size} cells, ${granted.size} of them granted`)
  expect(cells.size).toBeGreaterThanOrEqual(20_000)
  // A world where nearly nothing, or nearly everything, is allowed would prove little.
  expect(granted.size / cells.size).toBeGreaterThan(0.05)
  expect(granted.size / cells.size).toBeLessThan(0.95)
})

test('A1: wrong credentials are 401 for every cell, also where anonymous would be granted', async () => {
  const everything: Policy = {
    groups: {},
    rules: [
      { name: 'all', who: ['anyone'], may: ['*'], on: ['**'] },
      { name: 'catalog', who: ['anyone'], may: ['*'], on: ['registry:catalog'] },
    ],
  }
  const wrong: readonly Login[] = [
    { user: 'alice', password: 'wrong' },
    { user: 'alice', password: '' },
    { user: 'alice', password: `${passwordOf('alice')} ` },
    { user: 'ALICE', password: passwordOf('alice') },
    { user: 'alice ', password: passwordOf('alice') },
    { user: '', password: passwordOf('alice') },
    { user: 'nobody', password: passwordOf('alice') },
    { user: 'anonymous', password: '' },
    { user: '', password: '' },
  ]
  for (const policy of [everything, ...policies.slice(0, 2)]) {
    await enforce(policy)
    for (const login of wrong) {
      for (const scopes of [[], ...requestsOf(0, 0).slice(0, 2).map(scopesOf)]) {
        for (const answer of [
          await getToken(server, scopes, login),
          await postToken(server, scopes, login),
        ]) {
          expect(answer.status, `${login.user} asks for ${scopes.length} scopes`).toBe(401)
          expect(answer.text).not.toMatch(/"(access_)?token"/)
        }
      }
    }
  }
})

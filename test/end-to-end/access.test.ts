/** A1: every answer of the running server equals an oracle that shares no code with it. */

import { createHash, randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { type Answer, claimsOf, getToken, type Login, postToken } from './ask.ts'
import {
  allowedActions,
  anonymousMayAnything,
  type Policy,
  type Resource,
  writtenOut,
} from './oracle.ts'
import { policyArbitrary, resources, users } from './policy-arbitrary.ts'

const seed = Number(process.env['DOCKWARDEN_TEST_SEED'] ?? randomInt(2 ** 31))
console.log(`A1: DOCKWARDEN_TEST_SEED=${seed}`)

const policyCount = 14
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
    { name: 'no catalog', who: ['user:bob'], may_not: ['*'], on: ['registry:catalog'] },
  ],
}
const policies = [everyClause, ...fc.sample(policyArbitrary, { seed, numRuns: policyCount - 1 })]
const subjects: readonly (string | null)[] = [null, ...users]
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
  return { groups, rules, authentication: [{ htpasswd: { file: 'htpasswd' } }] }
}

async function enforce(policy: Policy): Promise<void> {
  const line = await server.reload(configOf(policy))
  expect(line, JSON.stringify(line)).toMatchObject({ level: 'info', rules: policy.rules.length })
}

/** What one request asks: some resources, each with some actions. */
type Question = readonly { readonly resource: Resource; readonly actions: readonly string[] }[]

const askedActions = fc.oneof(
  fc.constant(['pull', 'push', 'delete']),
  fc.shuffledSubarray(['pull', 'push', 'delete'], { minLength: 1 }),
  fc.constant(['*']),
)

function questionsOf(policyIndex: number, subjectIndex: number): readonly Question[] {
  const random = { seed: seed + policyIndex * 100 + subjectIndex, numRuns: 1 }
  const shuffled = fc.shuffledSubarray([...resources], { minLength: resources.length })
  const [order = []] = fc.sample(shuffled, random)
  const actions = fc.sample(askedActions, { ...random, numRuns: order.length })
  const all = order.map((resource) => ({ resource, actions: everyActionOf(resource) }))
  const some = order.map((resource, index) => ({ resource, actions: actions[index] ?? [] }))
  return [...slices(all), ...slices(some)]
}

const everyActionOf = ({ type }: Resource) =>
  type === 'registry' ? ['*'] : ['pull', 'push', 'delete']

function slices<T>(values: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(values.length / scopesInOneRequest)
  return Array.from({ length: count }, (_, index) =>
    values.slice(index * scopesInOneRequest, (index + 1) * scopesInOneRequest),
  )
}

const scopesOf = (question: Question) =>
  question.map(({ resource: { type, name }, actions }) => `${type}:${name}:${actions.join(',')}`)

function expectedAccess(policy: Policy, user: string | null, question: Question) {
  return Object.fromEntries(
    question
      .map(({ resource, actions }) => [
        `${resource.type}:${resource.name}`,
        allowedActions(policy, user, resource, actions).join(),
      ])
      .filter(([, actions]) => actions !== ''),
  )
}

async function grantedAccess(answer: Answer, user: string | null) {
  const claims = await claimsOf(answer, server)
  expect(claims.sub).toBe(user ?? '')
  const entries = claims.access.map(
    ({ type, name, actions }) => [`${type}:${name}`, writtenOut(type, actions).join()] as const,
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
    expect(status, JSON.stringify(policy)).toBe(anonymousMayAnything(policy) ? 200 : 401)
    for (const [subjectIndex, user] of subjects.entries()) {
      const questions = questionsOf(policyIndex, subjectIndex)
      await Promise.all(
        questions.map(async (question, index) => {
          const scopes = scopesOf(question)
          const answer =
            user !== null && index % 3 === 0
              ? await postToken(server, scopes, loginOf(user))
              : await getToken(server, scopes, user === null ? null : loginOf(user))
          const expected = expectedAccess(policy, user, question)
          const why = `seed ${seed}, policy ${policyIndex}, ${user ?? 'anonymous'}: ${JSON.stringify(policy)}`
          expect(await grantedAccess(answer, user), why).toEqual(expected)
          for (const { resource, actions } of question) {
            for (const action of actions) {
              const cell = [policyIndex, user, resource.type, resource.name, action].join(' ')
              cells.add(cell)
              if (allowedActions(policy, user, resource, [action]).length > 0) granted.add(cell)
            }
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
      for (const scopes of [[], ...questionsOf(0, 0).slice(0, 2).map(scopesOf)]) {
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

/** `rules_candidate`: what rules would do is told, and never done. */

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { allowedActions, type Policy, type Resource } from '../authorization/oracle.ts'
import {
  policyArbitrary,
  resourceNear,
  services,
  users,
} from '../authorization/policy-arbitrary.ts'
import { command } from '../support/command.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { fc, seed } from '../support/fast-check.ts'
import { claimsOf, getToken } from './ask.ts'

const hash = `{SHA}${createHash('sha1').update('password').digest('base64')}`
const reads = { name: 'all read', who: ['anyone'], may: ['pull'], on: ['**'] }
const pushes = { name: 'alice pushes', who: ['user:alice'], may: ['push'], on: ['app'] }
const inForce: Policy = { groups: {}, rules: [reads] }

let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: configOf(inForce),
    files: { htpasswd: users.map((user) => `${user}:${hash}\n`).join('') },
  })
})
afterAll(() => server?.stop())

function configOf({ groups, rules }: Policy, more: object = {}) {
  const authentication = [{ htpasswd: { file: 'htpasswd' } }]
  return { groups, rules, services: services.map((name) => ({ name })), authentication, ...more }
}

async function enforce(policy: Policy, candidate?: Policy): Promise<void> {
  const text = stringify(candidate ?? {}, { aliasDuplicateObjects: false })
  writeFileSync(join(server.folder, 'candidate.yml'), text)
  const more = candidate === undefined ? {} : { rules_candidate: 'candidate.yml' }
  const line = await server.reload(configOf(policy, more))
  expect(line, JSON.stringify(line)).toMatchObject({ level: 'info' })
}

const scopeOf = ({ type, name }: Resource) => `${type}:${name}:*`
/** What a token grants of everything on these resources. */
async function accessOf(user: string | null, resources: readonly Resource[]): Promise<string> {
  const login = user === null ? null : { user, password: 'password' }
  const answer = await getToken(server, resources.map(scopeOf), login)
  // The sign of a client that nobody has signed in at.
  if (answer.status === 401) return 'nothing'
  return JSON.stringify((await claimsOf(answer, server)).access)
}
const repository = (name: string): Resource => ({ type: 'repository', name })
const differences = () =>
  server.log().filter(({ event, requestId }) => event === 'candidate' && requestId !== undefined)

test('a decision that would differ is told with its request, what would differ, and by which rules', async () => {
  await enforce(inForce, {
    groups: { staff: ['alice'] },
    rules: [
      { ...reads, who: ['anonymous'] },
      pushes,
      { ...pushes, name: 'staff', who: ['group:staff'] },
    ],
  })
  const before = differences().length
  await accessOf(null, [repository('app')])
  expect(await accessOf('alice', [repository('app'), repository('other')])).toBe(
    JSON.stringify(['app', 'other'].map((name) => ({ ...repository(name), actions: ['pull'] }))),
  )
  const token = () =>
    server.log().findLast(({ event, subject }) => event === 'token' && subject === 'alice')
  const isTold = async () => differences().length > before && token() !== undefined
  await server.process.waitUntil('tell', isTold)
  expect(differences().slice(before)).toEqual([
    expect.objectContaining({
      level: 'info',
      requestId: token()?.['requestId'],
      subject: 'alice',
      service: 'registry',
      asked: ['repository:app:*', 'repository:other:*'],
      gives: ['repository:app:push'],
      takes: ['repository:other:pull'],
      rules: ['alice pushes (candidate.yml:12)', 'staff (candidate.yml:19)'],
    }),
  ])
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  for (const effect of ['gives', 'takes']) {
    expect(metrics).toContain(`dockwarden_candidate_differences_total{effect="${effect}"} 1\n`)
  }
})

test('rules of the database stand beside both, so they are no difference', async () => {
  await enforce(inForce, inForce)
  const before = differences().length
  // It stays, so it is about a name that the random rules below are never asked about.
  const args = '--who user:bob --may delete --on of/database --for 1h --reason test'.split(' ')
  const { code, output } = await command(server.folder, ['rule', 'add', ...args])
  expect(code, output).toBe(0)
  expect(await accessOf('bob', [repository('of/database')])).toContain('delete')
  await enforce(inForce)
  expect(differences().slice(before)).toEqual([])
})

test('a candidate file that does not hold is refused with its place, and the old rules stay', async () => {
  await enforce(inForce, inForce)
  for (const [text, fault] of [
    ['rules: [{ who: [anyone], may: [pull], on: [App] }]\n', /candidate\.yml:1:.*rules\[0\]\.on/],
    ['rule_tests: []\nrules: []\n', /candidate\.yml:1:1: rule_tests/],
  ] as const) {
    writeFileSync(join(server.folder, 'candidate.yml'), text)
    const config = configOf({ groups: {}, rules: [] }, { rules_candidate: 'candidate.yml' })
    const line = await server.reload(config)
    expect(line).toMatchObject({ level: 'error', reason: expect.stringMatching(fault) })
    expect(await accessOf(null, [repository('app')])).toContain('pull')
  }
})

test('A1: whatever the candidate rules are, every answer is what it is without them', {
  timeout: 240_000,
}, async () => {
  const pairs = fc.sample(fc.tuple(policyArbitrary, policyArbitrary), { seed, numRuns: 5 })
  const first = differences().length
  let different = 0
  for (const [index, [policy, candidate]] of pairs.entries()) {
    const asked = [null, ...users].map((user, position) => {
      const asker = user === null ? null : { name: user, kind: 'user' as const, groups: [] }
      const near = fc.oneof(resourceNear(policy, asker), resourceNear(candidate, asker))
      const resources = fc.uniqueArray(near, { minLength: 20, maxLength: 20, selector: scopeOf })
      const [sample = []] = fc.sample(resources, {
        seed: seed + 100 * index + position,
        numRuns: 1,
      })
      return { user, asker, resources: sample }
    })
    const answers = () => Promise.all(asked.map(({ user, resources }) => accessOf(user, resources)))
    await enforce(policy)
    const alone = await answers()
    await enforce(policy, candidate)
    const beside = await answers()
    expect(beside).toEqual(alone)

    // And each that would differ has its line.
    const circumstances = { service: 'registry', address: '127.0.0.1', time: new Date() }
    const expected = asked.filter(({ asker, resources }, position) => {
      const given = (of: Policy) =>
        JSON.stringify(
          resources.map((resource) =>
            allowedActions(of, { asker, resource, circumstances }, ['*']),
          ),
        )
      return beside[position] !== 'nothing' && given(policy) !== given(candidate)
    })
    different += expected.length
    await server.process.waitUntil('tell', async () => differences().length >= first + different)
  }
  expect(differences().length - first).toBe(different)
  expect(different).toBeGreaterThan(5)
})

test('the end of the server tells on how many it was tried', async () => {
  await enforce(inForce, inForce)
  await server.stop()
  const total = server.log().findLast(({ event }) => event === 'candidate')
  expect(total).toMatchObject({ decisions: expect.any(Number), gives: expect.any(Number) })
  expect(Number(total?.['decisions'])).toBeGreaterThan(Number(total?.['takes']))
})

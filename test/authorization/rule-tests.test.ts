/** Tests of the rules, as the file writes them: those that hold are silent, the others say why. */

import { describe, expect, test } from 'vitest'
import { endingRuleTests, failingRuleTests } from '../../src/authorization/rule-tests.ts'
import { loadText } from '../config/config-text.ts'

const rules = `
services: [{ name: registry }, { name: mirror }]
groups: { dev: [alice] }
rules:
  - { name: public, who: anyone, may: pull, on: "public/**" }
  - { name: own, who: authenticated, may: "*", on: "\${user}/**" }
  - { name: teams, who: "group:*", may: push, on: "teams/\${group}/**" }
  - { name: robots, who: "robot:ci", may: push, on: prod/api, when: { network: 10.20.0.0/16, until: 2027-01-01 } }
  - { name: mirror, who: authenticated, may: pull, on: "hub/**", when: { service: mirror } }
  - { who: anyone, may_not: [push, delete], on: "**/releases/**" }
  - { name: no secrets, who: "group:guests", may_not: pull, on: "**/secret" }
  - { name: list, who: "group:auditors", may: "*", on: registry:catalog }
rule_tests:
`
const now = new Date('2026-06-01T00:00:00Z')

async function failures(line: string): Promise<readonly string[]> {
  const failing = failingRuleTests(await loadText(`${rules}  - { ${line} }\n`), now)
  return failing.map(({ test: { origin }, message }) => `${origin} ${message}`)
}

describe('a test that the rules keep is silent', () => {
  test.each([
    'who: anonymous, may: pull, may_not: [push, delete], on: public/a',
    'who: alice, may: "*", on: alice/app',
    'who: bob, may_not: "*", on: alice/app',
    'who: alice, may: [pull, push], may_not: delete, on: teams/dev/app',
    'who: bob, groups: [ops], may: push, on: teams/ops/app',
    'who: bob, groups: [ops], may_not: "*", on: teams/dev/app',
    'who: robot:dev, may_not: "*", on: robot/app',
    'who: robot:ci, may: push, on: prod/api, from: 10.20.1.1',
    'who: ci, may_not: push, on: prod/api, from: 10.20.1.1',
    'who: robot:ci, may_not: push, on: prod/api',
    'who: robot:ci, may: push, on: prod/api, from: 10.20.1.1, at: 2026-12-31T23:59:59Z',
    'who: robot:ci, may_not: push, on: prod/api, from: 10.20.1.1, at: 2027-01-01',
    'who: alice, may: pull, on: hub/a, service: mirror',
    'who: alice, may_not: pull, on: hub/a',
    'who: alice, may: pull, may_not: [push, delete], on: alice/releases/app',
    'who: guest, groups: [guests], may: delete, may_not: [pull, push], on: guest/secret',
    'who: eve, groups: [auditors], may: "*", on: registry:catalog',
    'who: eve, may_not: "*", on: registry:catalog',
  ])('%s', async (line) => {
    expect(await failures(line)).toEqual([])
  })
})

describe('one that they break says what they do, and by which rule', () => {
  test.each([
    [
      'who: alice, may: push, on: teams/ops/app',
      'alice may not push to teams/ops/app: no rule gives it; rule "teams" (dockwarden.yml:7) gives push to members of group ops; alice is in: dev',
    ],
    [
      'who: bob, groups: [ops, dev], may_not: pull, on: teams/ops/app',
      'bob may pull from teams/ops/app: rule "teams" (dockwarden.yml:7) gives it',
    ],
    [
      'who: anonymous, may_not: "*", on: public/a',
      'anonymous may pull from public/a: rule "public" (dockwarden.yml:5) gives it',
    ],
    [
      'who: alice, may: push, on: alice/releases/app',
      'alice may not push to alice/releases/app: the rule of dockwarden.yml:10 denies it, though rule "own" (dockwarden.yml:6) would give it',
    ],
    [
      'who: guest, groups: [guests], may: [pull, push], on: guest/secret',
      'guest may not pull or push on guest/secret: pull: rule "no secrets" (dockwarden.yml:11) denies it, though rule "own" (dockwarden.yml:6) would give it. push: rule "no secrets" (dockwarden.yml:11) denies pull, and who may not pull may not push, though rule "own" (dockwarden.yml:6) would give it',
    ],
    [
      'who: alice, may: push, may_not: pull, on: public/a',
      'alice may not push to public/a: no rule gives it; rule "public" (dockwarden.yml:5) gives only pull; add push to its "may"; alice may pull from public/a: rule "public" (dockwarden.yml:5) gives it',
    ],
    [
      'who: robot:ci, may: push, on: prod/api, from: 10.21.0.1, at: 2026-12-31',
      'robot ci may not push to prod/api: no rule gives it; rule "robots" (dockwarden.yml:8) gives push only from the network 10.20.0.0/16; the client is at 10.21.0.1',
    ],
    [
      'who: alice, may: "*", on: registry:catalog',
      'alice may not list the repositories: no rule gives it; rule "list" (dockwarden.yml:12) gives the list of repositories to members of group auditors; alice is in: dev',
    ],
  ])('%s', async (line, message) => {
    expect(await failures(line)).toEqual([`dockwarden.yml:14 ${message}`])
  })
})

test('every failing test is told, in the order of the file', async () => {
  const config = await loadText(
    `${rules}  - { who: a, may: pull, on: x }\n  - { who: a, may: pull, on: a/x }\n  - { who: b, may: pull, on: x }\n`,
  )
  expect(failingRuleTests(config, now).map(({ test: { origin } }) => origin)).toEqual([
    'dockwarden.yml:14',
    'dockwarden.yml:16',
  ])
})

test.each([
  ['who: robot:ci, may: push, on: prod/api, from: 10.20.1.1', '2027-01-01T00:00:00.000Z'],
  ['who: robot:ci, may: push, on: prod/api, from: 10.20.1.1, at: 2026-12-31', undefined],
  ['who: robot:ci, may_not: delete, on: prod/api, from: 10.20.1.1', undefined],
  ['who: robot:ci, may: delete, on: prod/api, from: 10.20.1.1', undefined],
])('that the same rules fail %s from %s on is foreseen', async (line, end) => {
  const ending = endingRuleTests(await loadText(`${rules}  - { ${line} }\n`), now)
  expect(ending.map((each) => each.end.toISOString())).toEqual(end === undefined ? [] : [end])
})

describe('that a rule has ended, and nothing else, is the reason of a failure', () => {
  const after = new Date('2027-06-01T00:00:00Z')
  test.each<[line: string, ended: boolean[]]>([
    ['who: robot:ci, may: push, on: prod/api, from: 10.20.1.1', [true]],
    ['who: robot:ci, may: push, on: prod/api, from: 10.20.1.1, at: 2027-06-01', [false]],
    ['who: robot:ci, may: push, on: prod/api', [false]],
    ['who: robot:ci, may: push, may_not: pull, on: prod/api, from: 10.20.1.1', [true]],
    ['who: bob, may: push, on: prod/api', [false]],
    // A start would open what a test forbids.
    ['who: alice, may: push, may_not: delete, on: alice/app', [false]],
  ])('%s', async (line, ended) => {
    const failing = failingRuleTests(await loadText(`${rules}  - { ${line} }\n`), after)
    expect(failing.map(({ hasEnded }) => hasEnded)).toEqual(ended)
  })
})

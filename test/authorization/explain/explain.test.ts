/** Explanations: that they say what the decision does, and how near a rule comes to giving it. */

import { describe, expect, test } from 'vitest'
import { type Asker, authorize } from '../../../src/authorization/authorize.ts'
import { explain } from '../../../src/authorization/explain/explain.ts'
import { answerFor, reasonFor } from '../../../src/authorization/explain/explanation-words.ts'
import { type Question, scopeOf } from '../../../src/authorization/explain/question.ts'
import { compilePolicy, type GroupMap, unite } from '../../../src/authorization/policy.ts'
import { type Conditions, parsePrincipal, type Rule } from '../../../src/authorization/rule.ts'
import type { Action } from '../../../src/protocol/access.ts'
import { fc } from '../../support/fast-check.ts'

interface Line {
  readonly name?: string
  readonly who: readonly string[]
  readonly may?: readonly Action[]
  readonly may_not?: readonly Action[]
  readonly on: readonly string[]
  readonly when?: Conditions | undefined
}

function rule({ name, who, may = [], may_not: mayNot = [], on, when }: Line, index = 0): Rule {
  const principals = who.map((word) => {
    const principal = parsePrincipal(word)
    if (typeof principal === 'string') throw new Error(principal)
    return principal
  })
  const origin = `rules.yml:${index + 1}`
  return { name: name ?? origin, origin, who: principals, may, mayNot, on, when }
}

const alice: Asker = { name: 'alice', kind: 'user', groups: [{ name: 'ops' }] }
const now = new Date('2026-11-21T12:00:00Z')
const circumstances = { service: 'registry', address: '192.0.2.7', time: now }

function question(
  actions: readonly Action[],
  resource: string,
  asker: Asker | null = alice,
): Question {
  return { asker, actions, resource, circumstances }
}

function explained(lines: readonly Line[], asked: Question, groups: GroupMap = {}) {
  return explain(compilePolicy(lines.map(rule), groups), asked)
}

const teams: Line = {
  name: 'each team owns its namespace',
  who: ['group:*'],
  may: ['push'],
  on: [`teams/\${group}/**`],
}

test('a "yes" names the rules that give it, and the others that speak of it', () => {
  const explanation = explained(
    [
      teams,
      { who: ['group:ops'], may: ['pull'], on: ['**'] },
      { who: ['anyone'], may_not: ['delete'], on: ['teams/ops/{app,web}'] },
      { who: ['group:dev'], may: ['push'], on: ['**'] },
    ],
    question(['push'], 'teams/ops/app'),
  )
  expect(answerFor(explanation)).toBe('alice may push to teams/ops/app')
  expect(reasonFor(explanation)).toBe('rule "each team owns its namespace" (rules.yml:1) gives it')
  expect(
    explanation.matched.map(({ rule: { origin }, because, on, gives, isDecisive }) => ({
      ...{ origin, because, on, gives, isDecisive },
    })),
  ).toEqual([
    {
      origin: 'rules.yml:1',
      because: ['group:*'],
      on: [`teams/\${group}/**`],
      gives: ['push'],
      isDecisive: true,
    },
    { origin: 'rules.yml:2', because: ['group:ops'], on: ['**'], gives: [], isDecisive: false },
    {
      origin: 'rules.yml:3',
      because: ['anyone'],
      on: ['teams/ops/{app,web}'],
      gives: [],
      isDecisive: false,
    },
  ])
})

test('a "no" says which rule would have given it, and what is missing', () => {
  expect(reasonFor(explained([teams], question(['push'], 'teams/dev/app')))).toBe(
    'no rule gives it; rule "each team owns its namespace" (rules.yml:1) gives push to members of group dev; alice is in: ops',
  )
})

test('of several actions each has its reason', () => {
  const lines: Line[] = [
    { who: ['user:alice'], may: ['*'], on: ['a'] },
    { name: 'keep', who: ['anyone'], may_not: ['delete'], on: ['**'] },
  ]
  const explanation = explained(lines, question(['*'], 'a'))
  expect(explanation.granted).toEqual(['pull', 'push'])
  expect(answerFor(explanation)).toBe('alice may pull and push on a, and may not delete from a')
  expect(reasonFor(explanation)).toBe(
    'rule "keep" (rules.yml:2) denies it, though the rule of rules.yml:1 would give it',
  )
})

describe('the nearest rule', () => {
  const lines: Line[] = [
    { name: 'far', who: ['group:dev'], may: ['push'], on: ['elsewhere/**'] },
    { name: 'two lacks', who: ['group:dev'], may: ['pull'], on: ['prod/api'] },
    { name: 'one lack', who: ['group:dev'], may: ['push'], on: ['prod/api'] },
    {
      name: 'ended',
      who: ['group:ops'],
      may: ['push'],
      on: ['prod/*'],
      when: { until: new Date('2026-01-01') },
    },
  ]
  const nearest = (asked: Question, of: readonly Line[] = lines) =>
    explained(of, asked).reasons.map((reason) => reason.nearest.map((near) => near.rule.name))

  test('is the one that lacks least', () => {
    expect(nearest(question(['push'], 'prod/api'))).toEqual([['ended', 'one lack']])
  })
  test('is none that is about somebody else and something else', () => {
    expect(nearest(question(['push'], 'unheard/of'))).toEqual([[]])
    const beside = { name: 'beside', who: ['user:alice'], may: ['push'], on: ['a/b/**'] } as const
    expect(nearest(question(['push'], 'a/c'), [...lines, beside])).toEqual([['beside']])
  })
  test('is not looked for where a rule gives it and another denies it', () => {
    const deny: Line = { who: ['user:alice'], may_not: ['pull'], on: ['prod/**'] }
    const give: Line = { who: ['user:alice'], may: ['push'], on: ['prod/**'] }
    const explanation = explained([deny, give, ...lines], question(['push'], 'prod/api'))
    expect(explanation.reasons[0]?.nearest).toEqual([])
    expect(reasonFor(explanation)).toContain('denies pull, and who may not pull may not push')
  })
})

test.each([
  ['a/*', 'a', 'that is what lies below a and not a itself: name "a" beside it'],
  ['a/**', 'a', 'that is what lies below a and not a itself: name "a" beside it'],
  ['a/*', 'a/b/c', '"*" is one segment of a name and never crosses "/": "a/**" would fit'],
  ['*/app', 'a/b/app', '"*" is one segment of a name and never crosses "/": "**/app" would fit'],
  ['a/{*,x-y}', 'a/b/c', 'never crosses "/": write "**" in a pattern of its own'],
  ['{*,x}/k/*', 'a/b/k/c', 'never crosses "/": write "**" in a pattern of its own'],
  ['app-*', 'app-1/web', 'what lies below that is "app-*/**"'],
  ['teams/dev/app', 'dev/app', 'with "teams/" before it, the name would fit'],
  ['teams/dev', 'mirror/teams/dev', 'without "mirror/" before it, the name would fit'],
  ['teams/{dev,ops}/**', 'teams/opps/a/b', 'the name has "opps" there instead of "ops"'],
  // Names that are told apart by a number are meant to be.
  ['release-1/**', 'release-2/app', 'none comes near'],
  // Without its first segment it would be everything.
  ['prod/**', 'library', 'none comes near'],
  ['**', 'registry:catalog', '"**" is every repository and not the list of them'],
])('how %s misses %s', (pattern, resource, words) => {
  const lines: Line[] = [{ who: ['user:alice'], may: ['*'], on: [pattern] }]
  expect(reasonFor(explained(lines, question(['*'], resource)))).toContain(words)
})

test('a question for all actions of the catalog is one for its only action', () => {
  const lines: Line[] = [{ who: ['group:ops'], may: ['*'], on: ['registry:catalog'] }]
  const { isGranted, reasons } = explained(lines, question(['pull', '*'], 'registry:catalog'))
  expect([isGranted, reasons.map(({ action }) => action)]).toEqual([true, ['*']])
})

test('a doubtful group gives nothing and takes all the same', () => {
  const lines: Line[] = [
    { name: 'own', who: ['user:alice'], may: ['push'], on: ['a'] },
    { name: 'closed', who: ['group:qa'], may_not: ['push'], on: ['a'] },
    { name: 'open', who: ['group:qa'], may: ['push'], on: ['b'] },
  ]
  const asker: Asker = { ...alice, doubtfulGroups: [{ name: 'qa' }] }
  expect(reasonFor(explained(lines, question(['push'], 'a', asker)))).toBe(
    'rule "closed" (rules.yml:2) denies it, though rule "own" (rules.yml:1) would give it',
  )
  expect(reasonFor(explained(lines, question(['push'], 'b', asker)))).toContain(
    'rule "open" (rules.yml:3) gives push to members of group qa; alice is in "qa", but several groups of the directory bear that name',
  )
})

test('somebody in many groups is known to be in each of them', () => {
  const groups = Array.from({ length: 100 }, (_, index) => ({ name: `group-${index}` }))
  const when = { until: new Date('2026-01-01') }
  const lines = [{ ...teams, when }]
  const asked = question(['push'], 'teams/group-99/app', { ...alice, groups })
  expect(reasonFor(explained(lines, asked))).toBe(
    'no rule gives it; rule "each team owns its namespace" (rules.yml:1) gives push only until 2026-01-01; that is over: it is 2026-11-21T12:00:00Z',
  )
})

const words = ['a', 'b', 'ab', 'dev', 'ops', 'alice', 'app']
const segment = fc.constantFrom(...words, '*', '**', 'a*', '?', '{a,ops}', `\${user}`, `\${group}`)
const line = fc.record({
  who: fc.uniqueArray(
    fc.constantFrom(
      'anonymous',
      'anyone',
      'user:alice',
      'user:dev',
      'group:dev',
      'group:ops',
      'group:*',
    ),
    { minLength: 1, maxLength: 3 },
  ),
  may: fc.uniqueArray(fc.constantFrom<Action>('pull', 'push', 'delete', '*'), { maxLength: 2 }),
  may_not: fc.uniqueArray(fc.constantFrom<Action>('pull', 'push', 'delete', '*'), { maxLength: 1 }),
  on: fc
    .array(segment, { minLength: 1, maxLength: 3 })
    .map((segments) => [segments.join('/').replace(/\*{3,}/g, '**')]),
  when: fc.option(fc.constantFrom<Conditions>({ until: now }, { service: ['registry'] }), {
    nil: undefined,
  }),
})
const asker = fc.constantFrom<Asker | null>(
  null,
  alice,
  { name: 'alice', kind: 'robot', groups: [] },
  { name: 'dev', kind: 'user', groups: [{ name: 'dev' }], doubtfulGroups: [{ name: 'ops' }] },
)
const name = fc
  .array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))

test('it says what the decision does, by the same rules', () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      asker,
      fc.constantFrom<Action>('pull', 'push', 'delete', '*'),
      name,
      (lines, who, action, resource) => {
        const rules = lines.map(rule)
        const policy = unite([
          compilePolicy(rules.slice(0, 4), { ab: ['dev'] }),
          compilePolicy(rules.slice(4)),
        ])
        const asked = question([action], resource, who)
        const explanation = explain(policy, asked)
        const decision = authorize(policy, who, [scopeOf(asked)], circumstances)
        expect(explanation.granted).toEqual(decision.access[0]?.actions ?? [])
        for (const { isGranted, givenBy, deniedBy, nearest } of explanation.reasons) {
          expect(isGranted).toBe(givenBy.length > 0 && deniedBy.length === 0)
          for (const { lacks } of nearest) expect(lacks).not.toEqual([])
        }
        const speaking = explanation.matched.map((matched) => matched.rule)
        expect(speaking).toEqual(expect.arrayContaining([...decision.rules]))
      },
    ),
    { numRuns: 1_000 },
  )
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: rules write their variables so

import { describe, expect, test } from 'vitest'
import { compareRules } from '../../../src/authorization/compare/compare.ts'
import type { Difference } from '../../../src/authorization/compare/effects.ts'
import type { GroupMap } from '../../../src/authorization/policy.ts'
import { type Conditions, parsePrincipal, type Rule } from '../../../src/authorization/rule.ts'
import type { Action } from '../../../src/protocol/access.ts'
import { fc } from '../../support/fast-check.ts'
import { processorTime } from '../../support/processor-time.ts'
import { ruleOf as oracleRule } from '../engine.ts'
import { allowedActions, type Policy } from '../oracle.ts'
import {
  askerArbitrary,
  circumstancesNear,
  policyArbitrary,
  resourceNear,
  services,
  users,
} from '../policy-arbitrary.ts'

interface Line {
  who: readonly string[]
  may?: readonly Action[]
  may_not?: readonly Action[]
  on: readonly string[]
  when?: Conditions
}

function ruleOf({ who, may = [], may_not: mayNot = [], on, when }: Line, index: number): Rule {
  const principals = who.map((word) => parsePrincipal(word))
  return {
    name: `rule ${index}`,
    origin: `test:${index}`,
    who: principals.filter((principal) => typeof principal === 'object'),
    may,
    mayNot,
    on,
    when,
  }
}

const now = new Date('2026-11-21T12:00:00Z')

interface Change {
  before: Line[]
  after: Line[]
  groupsBefore?: GroupMap
  groups?: GroupMap
  repositories?: string[]
}

function compared({ before, after, groups = {}, groupsBefore = groups, repositories }: Change) {
  return compareRules(
    { rules: before.map(ruleOf), groups: groupsBefore },
    { rules: after.map(ruleOf), groups },
    { services: ['registry', 'other'], now, repositories },
  )
}

function told({ effect, actions, who, on, only, when, cause }: Difference): string {
  const part = only && `${only.count} of ${only.of}, ${only.example}`
  const details = [part, when, cause].filter(Boolean).join('; ')
  return `${effect === 'gives' ? '+' : '-'} ${actions} ${on} for ${who} (${details})`
}

const changes = (change: Change) => compared(change).differences.map(told)

const groups = { dev: ['alice', 'bob'], ops: ['bob'] }
const dev: Line = { who: ['group:dev'], may: ['push'], on: ['prod/**'] }

describe('what a change gives and takes', () => {
  test.each<[name: string, change: Change, lines: string[]]>([
    ['nothing at all', { before: [dev], after: [dev], groups }, []],
    [
      'a new rule, for the group and not for each of its members',
      { before: [], after: [dev], groups },
      ['+ pull,push prod/** for group:dev (now_given)'],
    ],
    [
      'only what is new of a right',
      { before: [{ ...dev, may: ['pull'] }], after: [dev], groups },
      ['+ push prod/** for group:dev (now_given)'],
    ],
    [
      'a rule that is gone',
      { before: [dev], after: [], groups },
      ['- pull,push prod/** for group:dev (no_longer_given)'],
    ],
    ['a rule that another one makes superfluous', { before: [dev, dev], after: [dev], groups }, []],
    [
      'a pattern that has become narrower',
      { before: [dev], after: [{ ...dev, on: ['prod/*'] }], groups },
      ['- pull,push prod/** for group:dev (1 of 2, prod/any/any; no_longer_given)'],
    ],
    [
      'one denial more',
      {
        before: [dev],
        after: [dev, { who: ['anyone'], may_not: ['push'], on: ['prod/api'] }],
        groups,
      },
      ['- push prod/api for group:dev (now_denied)'],
    ],
    [
      'one denial more, in the namespace of a group that is named nowhere else',
      {
        before: [{ who: ['group:*'], may: ['push'], on: ['teams/${group}/**'] }],
        after: [
          { who: ['group:*'], may: ['push'], on: ['teams/${group}/**'] },
          { who: ['anyone'], may_not: ['push'], on: ['teams/ops/prod-*'] },
        ],
      },
      ['- push teams/ops/prod-* for group:ops (now_denied)'],
    ],
    [
      'one denial more, of namespaces, where one group is given its own by name',
      {
        before: [{ who: ['authenticated'], may: ['push'], on: ['teams/ops/**'] }],
        after: [
          { who: ['authenticated'], may: ['push'], on: ['teams/ops/**'] },
          { who: ['group:*'], may_not: ['push'], on: ['teams/${group}/**'] },
        ],
      },
      ['- push teams/${group}/** for group:ops (now_denied)'],
    ],
    [
      'one denial more, in the repositories of a person who is named nowhere else',
      {
        before: [{ who: ['authenticated'], may: ['push'], on: ['**/${user}-app'] }],
        after: [
          { who: ['authenticated'], may: ['push'], on: ['**/${user}-app'] },
          { who: ['authenticated'], may_not: ['push'], on: ['web/zoe-app'] },
        ],
      },
      ['- push web/zoe-app for user:zoe (now_denied)'],
    ],
    [
      'a denial that is gone',
      { before: [dev, { who: ['user:bob'], may_not: ['push'], on: ['**'] }], after: [dev], groups },
      ['+ push ** for user:bob (1 of 3, prod/any; no_longer_denied)'],
    ],
    [
      'anonymous and everybody who is signed in, in one word',
      { before: [], after: [{ who: ['anyone'], may: ['pull'], on: ['public/**'] }] },
      ['+ pull public/** for anyone (now_given)'],
    ],
    [
      'a member more, where no rule has changed',
      {
        before: [dev],
        after: [dev],
        groupsBefore: { dev: ['bob'] },
        groups: { dev: ['alice', 'bob'] },
      },
      ['+ pull,push prod/** for user:alice (now_given)'],
    ],
    [
      'somebody who comes into a group that is denied what a group gives that no file knows',
      {
        before: [dev, { who: ['group:frozen'], may_not: ['push'], on: ['prod/**'] }],
        after: [dev, { who: ['group:frozen'], may_not: ['push'], on: ['prod/**'] }],
        groupsBefore: { frozen: ['bob'] },
        groups: { frozen: ['alice', 'bob'] },
      },
      ['- push prod/** for user:alice in group:dev (now_denied)'],
    ],
    [
      'somebody who leaves such a group',
      {
        before: [dev, { who: ['group:frozen'], may_not: ['push'], on: ['prod/**'] }],
        after: [dev, { who: ['group:frozen'], may_not: ['push'], on: ['prod/**'] }],
        groupsBefore: { frozen: ['alice', 'bob'] },
        groups: { frozen: ['bob'] },
      },
      ['+ push prod/** for user:alice in group:dev (no_longer_denied)'],
    ],
    [
      'a namespace of each person, in one line',
      {
        before: [{ who: ['user:alice'], may: ['pull'], on: ['alice/**'] }],
        after: [{ who: ['authenticated'], may: ['pull'], on: ['${user}/**'] }],
      },
      ['+ pull ${user}/** for authenticated (now_given)'],
    ],
    [
      'a namespace of each group, in one line',
      {
        before: [],
        after: [{ who: ['group:*'], may: ['pull'], on: ['teams/${group}/**'] }],
        groups,
      },
      ['+ pull teams/${group}/** for group:* (now_given)'],
    ],
    [
      'the catalog',
      { before: [], after: [{ who: ['group:ops'], may: ['*'], on: ['registry:catalog'] }], groups },
      ['+ * registry:catalog for group:ops (now_given)'],
    ],
    [
      'robots',
      { before: [], after: [{ who: ['robot:ci'], may: ['pull'], on: ['app'] }] },
      ['+ pull app for robot:ci (now_given)'],
    ],
    [
      'a denial of a group whose members have the right by another one',
      { before: [dev], after: [dev, { who: ['group:temps'], may_not: ['push'], on: ['**'] }] },
      ['- push ** for group:dev in group:temps (1 of 3, prod/any; now_denied)'],
    ],
    [
      'where two patterns meet that no other name shows',
      {
        before: [{ who: ['anyone'], may: ['pull'], on: ['team/*'] }],
        after: [
          { who: ['anyone'], may: ['pull'], on: ['team/*'] },
          { who: ['anyone'], may_not: ['pull'], on: ['*/secret'] },
        ],
      },
      ['- pull */secret for anyone (1 of 2, team/secret; now_denied)'],
    ],
  ])('%s', (_name, change, lines) => {
    expect(changes(change)).toEqual(lines)
  })

  test('asked about the repositories that there are, it tells of no others', () => {
    const change = { before: [], after: [dev], groups }
    expect(changes({ ...change, repositories: ['prod', 'dev/app'] })).toEqual([])
    expect(changes({ ...change, repositories: ['prod/app', 'dev/app'] })).toEqual([
      '+ pull,push prod/** for group:dev (now_given)',
    ])
  })

  test('and what everybody gains on their own, though nobody there is named', () => {
    const own: Line = { who: ['authenticated'], may: ['pull'], on: ['people/${user}/**'] }
    const [line] = changes({ before: [], after: [own], repositories: ['people/zoe/app'] })
    expect(line).toBe('+ pull people/${user}/** for authenticated (now_given)')
  })

  test('a name and another place of the rule are no effect', () => {
    const { rules } = { rules: [dev, { ...dev, on: ['x'] }].map(ruleOf) }
    const renamed = rules.toReversed().map((rule) => ({ ...rule, name: 'new', origin: 'new:1' }))
    const options = { services: ['registry'], now }
    expect(
      compareRules({ rules, groups }, { rules: renamed, groups }, options).differences,
    ).toEqual([])
  })
})

describe('the circumstances in which it holds', () => {
  const moment = (text: string) => new Date(text)
  const always: Line = { who: ['anyone'], may: ['pull'], on: ['a'] }
  test.each<[name: string, before: Conditions | undefined, after: Conditions, line: string]>([
    [
      'a network',
      undefined,
      { network: ['10.20.0.0/16'] },
      '- pull a for anyone (from elsewhere; no_longer_given)',
    ],
    [
      'a network within another',
      { network: ['10.0.0.0/8', '10.0.0.0/16'] },
      { network: ['10.0.0.0/16'] },
      '- pull a for anyone (from 10.0.0.0/8; no_longer_given)',
    ],
    [
      'IPv6',
      { network: ['2001:db8::/32'] },
      { network: ['2001:db8::7', '2001:db8::/48'] },
      '- pull a for anyone (from 2001:db8::/32; no_longer_given)',
    ],
    [
      'every address',
      { network: ['0.0.0.0/0'] },
      { network: ['0.0.0.0/0', '::/0'] },
      '+ pull a for anyone (from ::/0; now_given)',
    ],
    [
      'an end',
      undefined,
      { until: moment('2027-01-01') },
      '- pull a for anyone (from 2027-01-01 on; no_longer_given)',
    ],
    [
      'a time between',
      undefined,
      { from: moment('2027-01-01'), until: moment('2027-02-01T12:00Z') },
      '- pull a for anyone (until 2027-01-01 and from 2027-02-01T12:00:00Z on; no_longer_given)',
    ],
    [
      'another end',
      { until: moment('2027-01-01') },
      { until: moment('2027-02-01') },
      '+ pull a for anyone (from 2027-01-01 until 2027-02-01; now_given)',
    ],
    [
      'a service',
      undefined,
      { service: ['other'] },
      '- pull a for anyone (for service registry; no_longer_given)',
    ],
    [
      'two at once',
      undefined,
      { service: ['other'], network: ['10.20.0.0/16'] },
      '- pull a for anyone (for example from elsewhere, for service registry; no_longer_given)',
    ],
  ])('%s', (_name, before, after, line) => {
    const rule = (when: Conditions | undefined) =>
      when === undefined ? always : { ...always, when }
    expect(changes({ before: [rule(before)], after: [rule(after)] })).toEqual([line])
  })

  test('where every IPv4 address is refused, IPv6 clients are asked about', () => {
    const refused = {
      ...always,
      may: [],
      may_not: ['*'] as const,
      when: { network: ['0.0.0.0/0'] },
    }
    expect(changes({ before: [refused], after: [refused, always] })).toEqual([
      '+ pull a for anyone (from elsewhere; now_given)',
    ])
  })

  test('what was in force until now, and is no more, is no effect', () => {
    const when = { until: moment('2026-11-21') }
    expect(changes({ before: [{ ...always, when }], after: [] })).toEqual([])
  })
})

/** A policy, and another one that differs by a rule more, a rule less, one in the place of another, or in its groups. */
const changeArbitrary = fc
  .tuple(policyArbitrary, policyArbitrary, fc.nat())
  .map(([before, other, dice]) => {
    const at = dice % (before.rules.length + 1)
    const added = dice % 3 === 0 ? [] : other.rules.slice(0, 1)
    const rules = before.rules.toSpliced(at, dice % 2, ...added)
    return { before, after: { rules, groups: dice % 5 === 0 ? other.groups : before.groups } }
  })

/** Near what either side says; whatever a backend may give, but for groups that two people share the name of. */
const questionNear = (policies: readonly Policy[]) =>
  fc.tuple(askerArbitrary, fc.constantFrom(...policies)).chain(([asker, policy]) =>
    fc.record({
      asker: fc.constant(
        asker && { ...asker, groups: asker.groups.slice(0, 1), doubtfulGroups: [] },
      ),
      resource: resourceNear(policy, asker),
      circumstances: circumstancesNear(policy),
    }),
  )

test('long patterns of wildcards are cut where they would take minutes', () => {
  // Each begins otherwise, so that no two are met at once.
  const line = (word: string, index: number): Line => ({
    who: [`user:u${index}`],
    may: ['pull'],
    on: [`*${word}${index}${'*a7xbc?'.repeat(27)}`],
  })
  const rules = (word: string) => Array.from({ length: 60 }, (_, index) => line(word, index))
  const start = processorTime()
  const { isCut, differences } = compared({ before: rules('x'), after: rules('y') })
  expect(isCut).toBe(true)
  expect(differences.length).toBeGreaterThan(0)
  expect(processorTime() - start).toBeLessThan(20_000)
})

test('A1: where the oracle finds any answer that differs, there is a line; where there is no line, it finds none', () => {
  const counts = { different: 0, same: 0 }
  const textOf = ({ rules, groups }: Policy) => ({ rules: rules.map(oracleRule), groups })
  const change = changeArbitrary.chain((both) =>
    fc.record({
      both: fc.constant(both),
      questions: fc.array(questionNear([both.before, both.after]), {
        minLength: 40,
        maxLength: 40,
      }),
    }),
  )
  fc.assert(
    fc.property(change, ({ both: { before, after }, questions }) => {
      const different = questions.filter(
        (question) =>
          String(allowedActions(before, question, ['*'])) !==
          String(allowedActions(after, question, ['*'])),
      )
      counts[different.length > 0 ? 'different' : 'same'] += 1
      if (different.length === 0) return
      // All that conditions name is still to come.
      const options = { services, now: new Date(0), users }
      const { differences } = compareRules(textOf(before), textOf(after), options)
      expect(differences, JSON.stringify(different[0])).not.toEqual([])
    }),
    { numRuns: 40 },
  )
  expect(Math.min(counts.different, counts.same)).toBeGreaterThan(5)
})

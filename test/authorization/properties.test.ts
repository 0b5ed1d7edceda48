// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule
/** B28: what holds of every policy, whatever its rules say. */

import { describe, expect, test } from 'vitest'
import { unite } from '../../src/authorization/policy.ts'
import { fc } from '../support/fast-check.ts'
import { compiled, granted } from './engine.ts'
import {
  isRepository,
  type Policy,
  type PolicyConditions,
  type PolicyRule,
  type Question,
} from './oracle.ts'
import {
  allow,
  askedArbitrary,
  askerArbitrary,
  circumstancesNear,
  deny,
  hostileNames,
  policyArbitrary,
  resourceNear,
  users,
} from './policy-arbitrary.ts'

interface Scene {
  readonly policy: Policy
  /** What somebody asks of it, several times over: one question alone rarely meets the rule that matters. */
  readonly questions: readonly (Question & { readonly asked: readonly string[] })[]
}

const scene: fc.Arbitrary<Scene> = policyArbitrary.chain((policy) =>
  fc.tuple(askerArbitrary, circumstancesNear(policy)).chain(([asker, circumstances]) =>
    fc.record({
      policy: fc.constant(policy),
      questions: fc.array(
        fc
          .record({ resource: resourceNear(policy, asker), asked: askedArbitrary })
          .map((each) => ({ ...each, asker, circumstances })),
        { minLength: 10, maxLength: 10 },
      ),
    }),
  ),
)

/** What the engine gives for each of the questions. */
function answers({ questions }: Scene, policy: Policy): readonly (readonly string[])[] {
  const engine = compiled(policy)
  return questions.map((question) => granted(engine, question, question.asked))
}

const withRules = (policy: Policy, rules: readonly PolicyRule[]): Policy => ({ ...policy, rules })
const spelled = (actions: readonly string[]) =>
  actions.includes('*') ? ['*', 'pull', 'push', 'delete'] : actions
const includesAll = (whole: readonly string[], part: readonly string[]) =>
  part.every((each) => whole.includes(each))

test('B28: what is granted was asked for', () => {
  fc.assert(
    fc.property(scene, (scene) => {
      for (const [index, answer] of answers(scene, scene.policy).entries()) {
        const asked = spelled(scene.questions[index]?.asked ?? [])
        expect(includesAll(asked, answer), `${answer} of ${asked}`).toBe(true)
      }
    }),
  )
})

test('B28: the order of rules, and of the words in them, never matters', () => {
  const turned = (rule: PolicyRule) => ({
    ...rule,
    who: rule.who.toReversed(),
    on: rule.on.toReversed(),
  })
  fc.assert(
    fc.property(
      scene.chain((scene) =>
        fc.tuple(
          fc.constant(scene),
          fc.shuffledSubarray([...scene.policy.rules], { minLength: scene.policy.rules.length }),
        ),
      ),
      ([scene, rules]) => {
        const otherwise = withRules(scene.policy, rules.map(turned))
        expect(answers(scene, otherwise)).toEqual(answers(scene, scene.policy))
      },
    ),
  )
})

test('B28: one more rule that gives never takes, one more that takes never gives', () => {
  fc.assert(
    fc.property(scene, allow, deny, (scene, more, less) => {
      const { policy } = scene
      const before = answers(scene, policy)
      const added = (rule: Omit<PolicyRule, 'name'>) =>
        answers(scene, withRules(policy, [...policy.rules, { name: 'added', ...rule }]))
      for (const [index, answer] of added(more).entries()) {
        expect(includesAll(answer, before[index] ?? [])).toBe(true)
      }
      for (const [index, answer] of added(less).entries()) {
        expect(includesAll(before[index] ?? [], answer)).toBe(true)
      }
    }),
  )
})

test('B28: a rule for several says the same as a rule for each', () => {
  fc.assert(
    fc.property(scene, (scene) => {
      const each = scene.policy.rules.flatMap((rule) =>
        rule.who.flatMap((word) =>
          rule.on
            .filter((pattern) => hasValues(word, pattern))
            .map((pattern, index) => ({
              ...rule,
              name: `${rule.name} ${word} ${index}`,
              who: [word],
              on: [pattern],
            })),
        ),
      )
      expect(answers(scene, withRules(scene.policy, each))).toEqual(answers(scene, scene.policy))
    }),
  )
})

/** Where a word can give a variable of the pattern no value, the two say nothing together, and may not be written. */
function hasValues(word: string, pattern: string): boolean {
  const isOfGroup = word.startsWith('group:')
  const mayBeRobot = isOfGroup || /^(?:authenticated|anyone|robot:.*)$/.test(word)
  return (
    (!pattern.includes('${group}') || isOfGroup) && (!pattern.includes('${robot}') || mayBeRobot)
  )
}

test('B28: braces say the same as each of their alternatives', () => {
  const eachOf = (pattern: string): readonly string[] => {
    const [whole, words] = /(?<!\$)\{([^}$]*)\}/.exec(pattern) ?? []
    if (whole === undefined || words === undefined) return [pattern]
    return words.split(',').flatMap((word) => eachOf(pattern.replace(whole, () => word)))
  }
  fc.assert(
    fc.property(scene, (scene) => {
      const written = scene.policy.rules.map((rule) => ({ ...rule, on: rule.on.flatMap(eachOf) }))
      expect(answers(scene, withRules(scene.policy, written))).toEqual(answers(scene, scene.policy))
    }),
  )
})

test('B28: a rule under a condition that does not hold is as if it were not there', () => {
  const whens: readonly ((scene: Scene) => PolicyConditions)[] = [
    () => ({ service: ['another'] }),
    () => ({ network: ['198.51.100.0/24'] }),
    (scene) => ({ from: timeOf(scene, 1) }),
    (scene) => ({ until: timeOf(scene, 0) }),
    // All conditions must hold.
    (scene) => ({
      network: ['0.0.0.0/0', '::/0'],
      from: timeOf(scene, 0),
      until: timeOf(scene, 1),
      service: ['another'],
    }),
  ]
  fc.assert(
    fc.property(scene, fc.oneof(allow, deny), (scene, rule) => {
      const { policy } = scene
      for (const when of whens) {
        const idle = { ...rule, name: 'idle', when: when(scene) }
        expect(answers(scene, withRules(policy, [...policy.rules, idle]))).toEqual(
          answers(scene, policy),
        )
      }
    }),
  )
})

test('B28: a condition that holds changes nothing', () => {
  fc.assert(
    fc.property(scene, fc.oneof(allow, deny), (scene, { when: _none, ...rule }) => {
      const { policy, questions } = scene
      const [{ circumstances } = { circumstances: undefined }] = questions
      const plain = { ...rule, name: 'added' }
      const when = {
        network: ['0.0.0.0/0', '::/0'],
        from: timeOf(scene, 0),
        until: timeOf(scene, 1),
        service: [String(circumstances?.service)],
      }
      expect(answers(scene, withRules(policy, [...policy.rules, { ...plain, when }]))).toEqual(
        answers(scene, withRules(policy, [...policy.rules, plain])),
      )
    }),
  )
})

function timeOf({ questions }: Scene, later: number): string {
  return new Date(Number(questions[0]?.circumstances.time) + later).toISOString()
}

test('B28: two policies united decide as one that has the rules of both', () => {
  fc.assert(
    fc.property(scene, fc.nat({ max: 12 }), (scene, at) => {
      const { policy } = scene
      const parts = [policy.rules.slice(0, at), policy.rules.slice(at)]
      const united = unite(parts.map((rules) => compiled(withRules(policy, rules))))
      expect(scene.questions.map((question) => granted(united, question, question.asked))).toEqual(
        answers(scene, policy),
      )
    }),
  )
})

describe('B28: the value of a variable covers itself and nothing more', () => {
  const values = [
    ...users,
    ...hostileNames,
    '',
    'a',
    'dev',
    'x-1',
    'a.b',
    'a,b',
    '{a',
    'a}',
    '$',
    '${',
    'a'.repeat(255),
  ]
  const shapes: readonly (readonly [before: string, after: string])[] = [
    ['', ''],
    ['a/', ''],
    ['', '/a'],
    ['a/', '/b'],
    ['x-', ''],
    ['', '-x'],
    ['a/x', 'x/b'],
  ]
  /** What the value would cover if it were a pattern, and what lies around it. */
  const nearby = (value: string) => [
    value,
    value.toLowerCase(),
    ...['', 'a', 'b', 'aa', 'ab', 'a/a', 'a/b', 'x/y/z', '..', 'dev', 'alice', 'ops'],
    ...[`${value}a`, `a${value}`, value.slice(1), value.slice(0, -1), `${value}/a`, `a/${value}`],
    value.replaceAll('*', 'a'),
    value.replaceAll('**', 'a/b'),
    value.replaceAll('?', 'a'),
    value.replaceAll('$', ''),
    ...value.replace(/^\{|\}$/g, '').split(','),
  ]
  const circumstances = { service: 'registry', address: '127.0.0.1', time: new Date(0) }
  const asUser = (value: string) => ({ name: value, kind: 'user' as const, groups: [] })
  const asRobot = (value: string) => ({ name: value, kind: 'robot' as const, groups: [] })
  const asGroup = (value: string) => ({ ...asUser('someone'), groups: [{ name: value }] })
  test.each([
    ['user', 'authenticated', asUser],
    ['robot', 'authenticated', asRobot],
    ['group', 'group:*', asGroup],
  ] as const)('${%s}', (variable, who, askerOf) => {
    let covered = 0
    for (const [before, after] of shapes) {
      const on = [`${before}\${${variable}}${after}`]
      const engine = compiled({
        groups: {},
        rules: [{ name: 'own', who: [who], may: ['pull'], on }],
      })
      for (const value of values) {
        for (const text of nearby(value)) {
          const name = `${before}${text}${after}`
          const question = {
            asker: askerOf(value),
            resource: { type: 'repository', name },
            circumstances,
          }
          const isIt = text === value && value !== '' && !value.includes('/') && isRepository(name)
          expect(granted(engine, question, ['pull']), JSON.stringify({ on, value, name })).toEqual(
            isIt ? ['pull'] : [],
          )
          if (isIt) covered += 1
        }
      }
    }
    expect(covered).toBeGreaterThan(20)
  })
})

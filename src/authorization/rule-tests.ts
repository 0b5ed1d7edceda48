/** What the author of the rules expects of them, and whether they do it. */

import type { Action } from '../protocol/access.ts'
import { type Asker, authorize } from './authorize.ts'
import { explain } from './explain/explain.ts'
import { answerSentence } from './explain/explanation-words.ts'
import { askedActions, type Question, scopeOf } from './explain/question.ts'
import { compilePolicy, type GroupMap, type Policy } from './policy.ts'
import type { Rule } from './rule.ts'

export interface RuleTest {
  /** Where it was written: `dockwarden.yml:40`. */
  readonly origin: string
  /** Null where nobody signed in. */
  readonly asker: Asker | null
  readonly may: readonly Action[]
  readonly mayNot: readonly Action[]
  /** A repository, or `registry:catalog`. */
  readonly on: string
  readonly service: string
  /** Undefined: an address that is in no network. */
  readonly address: string | undefined
  /** Undefined: now. */
  readonly time: Date | undefined
}

export interface RuleTestFailure {
  readonly test: RuleTest
  /** What the rules do instead, and why; without the place of the test. */
  readonly message: string
  /** Nothing but time has passed: the very same rules kept the test until one of them ended, and now give less. */
  readonly hasEnded: boolean
}

export interface TestedRules {
  readonly rules: readonly Rule[]
  readonly groups: GroupMap
  readonly ruleTests: readonly RuleTest[]
}

/** @param now for the tests that name no time */
export function failingRuleTests(
  { rules, groups, ruleTests }: TestedRules,
  now: Date,
): readonly RuleTestFailure[] {
  if (ruleTests.length === 0) return []
  const policy = compilePolicy(rules, groups)
  const ends = momentsOf(rules, ['until'])
    .filter((end) => end <= Number(now))
    .slice(-maximumMoments)
  return ruleTests.flatMap((test) => {
    const missing = breach(policy, test, now, 'may')
    const given = breach(policy, test, now, 'mayNot')
    const broken = [missing, given].filter(({ actions }) => actions.length > 0)
    if (broken.length === 0) return []
    const message = broken.map((each) => answerSentence(explain(policy, each))).join('; ')
    const keptUntil = (end: number) =>
      breach(policy, test, new Date(end - 1), 'may').actions.length === 0
    const isTimeless = test.time === undefined && given.actions.length === 0
    return [{ test, message, hasEnded: isTimeless && ends.some(keptUntil) }]
  })
}

/** Tests that name no time and hold now, each with the first moment at which the very same rules fail it. */
export function endingRuleTests(
  { rules, groups, ruleTests }: TestedRules,
  now: Date,
): readonly { readonly test: RuleTest; readonly end: Date }[] {
  if (ruleTests.length === 0) return []
  const changes = momentsOf(rules, ['from', 'until'])
    .filter((moment) => moment > Number(now))
    .slice(0, maximumMoments)
  const policy = compilePolicy(rules, groups)
  const fails = (test: RuleTest, time: Date) =>
    (['may', 'mayNot'] as const).some((side) => breach(policy, test, time, side).actions.length > 0)
  return ruleTests.flatMap((test) => {
    if (test.time !== undefined || fails(test, now)) return []
    const end = changes.find((moment) => fails(test, new Date(moment)))
    return end === undefined ? [] : [{ test, end: new Date(end) }]
  })
}

/** How many moments are looked at, those nearest to now. */
const maximumMoments = 100

/** When rules begin or end, each moment once and the earliest first. */
function momentsOf(
  rules: readonly Rule[],
  conditions: readonly ('from' | 'until')[],
): readonly number[] {
  const moments = rules.flatMap(({ when = {} }) =>
    conditions.flatMap((condition) => when[condition]?.getTime() ?? []),
  )
  return [...new Set(moments)].sort((a, b) => a - b)
}

/**
 * The question of a test, with the actions that the rules answer otherwise. Saying why looks at every
 * rule, so that is left to who tells it.
 *
 * @param side what they must be allowed, or what they must not be
 */
function breach(policy: Policy, test: RuleTest, now: Date, side: 'may' | 'mayNot'): Question {
  const { asker, on, service, address = '', time = now } = test
  const circumstances = { service, address, time }
  const question = { asker, actions: test[side], resource: on, circumstances }
  const actions = askedActions(question)
  const { access } = authorize(policy, asker, [scopeOf({ ...question, actions })], circumstances)
  const granted = access[0]?.actions ?? []
  const isWanted = side === 'may'
  return { ...question, actions: actions.filter((each) => granted.includes(each) !== isWanted) }
}

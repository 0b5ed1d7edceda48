/**
 * Why somebody may, or may not: the rules that decided, the others that speak of it, and for a "no" the
 * rules that come nearest to giving it. `explanation-words.ts` says it in sentences.
 */

import type { Action } from '../../protocol/access.ts'
import { authorize, deniablePresentedBy, presentedBy } from '../authorize.ts'
import { catalog, type Policy, type Presented, rightsDenied, rightsGiven } from '../policy.ts'
import type { Rule } from '../rule.ts'
import { type ConditionMiss, conditionMisses } from './condition-miss.ts'
import { type NearRule, nearestRules } from './nearest-rule.ts'
import { askedActions, type Question, scopeOf } from './question.ts'
import { type RuleFit, ruleFit } from './rule-fit.ts'

/** A rule that speaks of this asker and of this resource. */
export interface MatchedRule extends RuleFit {
  readonly rule: Rule
  /** Those of the actions asked, whether or not its conditions hold. */
  readonly gives: readonly Action[]
  readonly denies: readonly Action[]
  /** Where there are any, it says nothing now. */
  readonly unmet: readonly ConditionMiss[]
  /** Whether the answer rests on it: it gave what is granted, or denies what is not. */
  readonly isDecisive: boolean
}

/** Why one action is granted or not. */
export interface ActionReason {
  readonly action: Action
  readonly isGranted: boolean
  /** Rules that now give it; a deny takes it all the same. */
  readonly givenBy: readonly Rule[]
  readonly deniedBy: readonly Rule[]
  /** The nearest first; only where no rule gives it. */
  readonly nearest: readonly NearRule[]
}

export interface Explanation {
  readonly question: Question
  /** What the decision grants of what was asked, as a token would say it. */
  readonly granted: readonly Action[]
  readonly isGranted: boolean
  /** One for each action; a `*` on a repository is every one of them. */
  readonly reasons: readonly ActionReason[]
  /** In the order of the policy. */
  readonly matched: readonly MatchedRule[]
}

/** Looks at every rule: for a question now and then, not for every request. */
export function explain(policy: Policy, question: Question): Explanation {
  const { asker, circumstances } = question
  const presented = presentedBy(policy, asker)
  const decision = authorize(policy, asker, [scopeOf(question)], circumstances)
  const granted = decision.access[0]?.actions ?? []
  const asked = askedActions(question)
  const speaking = speakingRules(policy, question, presented)

  const reasons = asked.map((action): ActionReason => {
    const isGranted = granted.includes(action) || granted.includes('*')
    const now = speaking.filter(({ unmet }) => unmet.length === 0)
    const givenBy = now.filter(({ gives }) => gives.includes(action)).map(({ rule }) => rule)
    const deniedBy = now.filter(({ denies }) => denies.includes(action)).map(({ rule }) => rule)
    const nearest =
      givenBy.length > 0 ? [] : nearestRules(policy.rules, question, action, presented)
    return { action, isGranted, givenBy, deniedBy, nearest }
  })
  return {
    question,
    granted,
    isGranted: reasons.every(({ isGranted }) => isGranted),
    reasons,
    matched: speaking.map((each) => ({
      ...each,
      isDecisive: reasons.some(({ isGranted, givenBy, deniedBy }) =>
        (isGranted ? givenBy : deniedBy).includes(each.rule),
      ),
    })),
  }
}

function speakingRules(
  policy: Policy,
  question: Question,
  presented: Presented,
): readonly Omit<MatchedRule, 'isDecisive'>[] {
  const { asker, resource, circumstances } = question
  const asked = askedActions(question)
  const isDoubtful = (asker?.doubtfulGroups ?? []).length > 0
  const deniable = isDoubtful ? deniablePresentedBy(policy, asker) : presented
  return policy.rules.flatMap((rule) => {
    const giving = ruleFit(rule, resource, presented)
    const fit = isDoubtful && rule.mayNot.length > 0 ? ruleFit(rule, resource, deniable) : giving
    if (fit === undefined) return []
    const rights = rightsOf(rule, resource)
    return [
      {
        rule,
        ...fit,
        gives: giving === undefined ? [] : asked.filter((action) => rights.given.has(action)),
        denies: asked.filter((action) => rights.denied.has(action)),
        unmet: conditionMisses(rule, circumstances),
      },
    ]
  })
}

function rightsOf(
  { may, mayNot }: Rule,
  resource: string,
): Readonly<Record<'given' | 'denied', ReadonlySet<Action>>> {
  return resource === catalog
    ? { given: new Set(may), denied: new Set(mayNot) }
    : { given: rightsGiven(may), denied: rightsDenied(mayNot) }
}

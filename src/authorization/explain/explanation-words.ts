/** An explanation in sentences: the answer, the reason, and what each rule says of it. */

import type { Action } from '../../protocol/access.ts'
import type { Rule } from '../rule.ts'
import { conditionWords } from '../rule-sentence.ts'
import { listed, rightsWords, ruleTitle } from '../rule-words.ts'
import type { ActionReason, Explanation, MatchedRule } from './explain.ts'
import { nearRuleSentence } from './nearest-rule.ts'
import { askerTitle, deedWords } from './question.ts'

/** As `alice may not push to prod/api`. */
export function answerFor({ question, reasons, isGranted }: Explanation): string {
  const { asker, resource } = question
  const deed = (wanted: boolean) =>
    deedWords(
      reasons.filter((each) => each.isGranted === wanted).map(({ action }) => action),
      resource,
      wanted ? 'and' : 'or',
    )
  const may = reasons.some((each) => each.isGranted) ? [`may ${deed(true)}`] : []
  const mayNot = isGranted ? [] : [`may not ${deed(false)}`]
  return `${askerTitle(asker)} ${[...may, ...mayNot].join(', and ')}`
}

/** With the reason: `alice may not push to prod/api: no rule gives it; …`. */
export function answerSentence(explanation: Explanation): string {
  return `${answerFor(explanation)}: ${reasonFor(explanation)}`
}

/**
 * Why the answer is what it is, in one sentence for whoever runs the registry: what gives it, what denies
 * it, or which rule comes nearest and what is missing. It names rules and groups, which are not for
 * everybody's eyes.
 */
export function reasonFor({ reasons, isGranted }: Explanation): string {
  const byWords = new Map<string, Action[]>()
  for (const reason of reasons.filter((each) => each.isGranted === isGranted)) {
    const [near] = reason.nearest
    const words = [reasonWords(reason), ...(near === undefined ? [] : [nearRuleSentence(near)])]
    const actions = byWords.get(words.join('; ')) ?? []
    byWords.set(words.join('; '), [...actions, reason.action])
  }
  if (byWords.size === 1) return [...byWords.keys()].join()
  return [...byWords].map(([words, actions]) => `${listed(actions, 'and')}: ${words}`).join('. ')
}

/** The same for one action, without the rules that come near. */
function reasonWords({ action, isGranted, givenBy, deniedBy, nearest }: ActionReason): string {
  if (isGranted) return `${titles(givenBy)} ${givenBy.length === 1 ? 'gives' : 'give'} it`
  if (deniedBy.length === 0) {
    return nearest.length === 0 ? 'no rule gives it, and none comes near' : 'no rule gives it'
  }
  const what = isDenialOfPull(action, deniedBy) ? 'pull, and who may not pull may not push' : 'it'
  const denied = `${titles(deniedBy)} ${deniedBy.length === 1 ? 'denies' : 'deny'} ${what}`
  return givenBy.length === 0
    ? `${denied}; besides, no rule gives it`
    : `${denied}, though ${titles(givenBy)} would give it`
}

/** Whether it is only that whoever may not pull may not push. */
export function isDenialOfPull(action: Action, deniedBy: readonly Rule[]): boolean {
  return deniedBy.every(({ mayNot }) => !mayNot.includes('*') && !mayNot.includes(action))
}

function titles(rules: readonly Rule[]): string {
  return listed(rules.map(ruleTitle), 'and', 3)
}

/** As `rule "keep" (dockwarden.yml:4) denies delete to alice as anyone, on "releases/**"; …`. */
export function matchedRuleSentence(
  { rule, because, on, unmet }: MatchedRule,
  { question }: Explanation,
): string {
  const rights = [
    ...(rule.may.length > 0 ? [`gives ${rightsWords(rule.may)}`] : []),
    ...(rule.mayNot.length > 0 ? [`denies ${rightsWords(rule.mayNot)}`] : []),
  ]
  const asked = question.asker === null ? '' : ` as ${because.join(', ')}`
  const where = listed(
    on.map((text) => `"${text}"`),
    'and',
  )
  const what = `${ruleTitle(rule)} ${rights.join(' and ')} to ${askerTitle(question.asker)}${asked}, on ${where}`
  const conditions = conditionWords(rule.when ?? {}).map(({ condition, words }) => {
    const miss = unmet.find((each) => each.condition === condition)
    return miss === undefined ? words : `${miss.says}, and ${miss.words}`
  })
  return [what, ...conditions].join('; ')
}

/** An explanation as it is printed: read aloud from the answer to what would mend it, or as JSON. */

import type { Circumstances } from '../authorization/conditions.ts'
import { timeWords } from '../authorization/explain/condition-miss.ts'
import type { ActionReason, Explanation, MatchedRule } from '../authorization/explain/explain.ts'
import {
  answerFor,
  isDenialOfPull,
  matchedRuleSentence,
  reasonFor,
} from '../authorization/explain/explanation-words.ts'
import { nearRuleSentence } from '../authorization/explain/nearest-rule.ts'
import { askerTitle, scopeOf } from '../authorization/explain/question.ts'
import { listed, ruleTitle } from '../authorization/rule-words.ts'
import type { Action } from '../protocol/access.ts'
import { formatScope } from '../protocol/scope.ts'
import type { AskedPerson } from './asked-person.ts'
import { ruleName } from './rule-name.ts'
import { table } from './table.ts'

/** As `--json` prints it. */
export function explainReport(explanation: Explanation, person: AskedPerson) {
  const { question, granted, reasons, matched } = explanation
  const { asker, actions, resource, circumstances } = question
  return {
    allowed: explanation.isGranted && person.obstacle === undefined,
    answer: answerFor(explanation),
    reason: reasonFor(explanation),
    who: {
      kind: asker?.kind ?? 'anonymous',
      name: asker?.name ?? null,
      backend: person.backend ?? null,
      groups: person.groups,
      doubtful_groups: person.doubtfulGroups,
      obstacle: person.obstacle ?? null,
      notes: person.notes,
    },
    asked: {
      actions,
      on: resource,
      service: circumstances.service,
      from: circumstances.address === '' ? null : circumstances.address,
      at: circumstances.time.toISOString(),
    },
    granted,
    actions: reasons.map(({ action, isGranted, givenBy, deniedBy, nearest }) => ({
      action,
      granted: isGranted,
      given_by: givenBy.map(ruleName),
      denied_by: deniedBy.map(ruleName),
      nearest: nearest.map((near) => ({
        ...ruleName(near.rule),
        sentence: nearRuleSentence(near),
        missing: near.lacks.map(({ part, says, words }) => ({ part, says, words })),
      })),
    })),
    matched: matched.map(({ rule, because, on, gives, denies, unmet, isDecisive }) => ({
      ...ruleName(rule),
      decisive: isDecisive,
      because,
      on,
      gives,
      denies,
      unmet,
    })),
  }
}

export function explainText(explanation: Explanation, person: AskedPerson): string {
  const { matched, reasons } = explanation
  const told = new Set(reasons.flatMap(({ nearest }) => nearest.map(({ rule }) => rule)))
  const others = matched.filter(({ isDecisive, rule }) => !isDecisive && !told.has(rule))
  return [
    ...answerLines(explanation, person),
    ...whyLines(explanation),
    ...person.notes.map((note) => `But ${note}.`),
    ...section('Other rules that speak of it', sentencesOf(others, explanation)),
    ...groupLines(explanation, person),
    askedLine(explanation),
  ].join('\n')
}

function sentencesOf(matched: readonly MatchedRule[], explanation: Explanation): readonly string[] {
  return matched.map((each) => matchedRuleSentence(each, explanation))
}

function answerLines(explanation: Explanation, { obstacle }: AskedPerson): readonly string[] {
  const { isGranted, granted, question } = explanation
  const answer = answerFor(explanation)
  if (obstacle !== undefined) {
    return [
      `No: ${askerTitle(question.asker)} cannot sign in: ${obstacle}.`,
      `By the rules alone, ${answer}.`,
    ]
  }
  const word = isGranted ? 'Yes' : granted.length > 0 ? 'Only in part' : 'No'
  return [`${word}: ${answer}.`]
}

/** Actions that have the same reason share it. */
function whyLines(explanation: Explanation): readonly string[] {
  const byWords = new Map<string, Action[]>()
  for (const reason of explanation.reasons) {
    const words = whyWords(reason, explanation).join('\n')
    byWords.set(words, [...(byWords.get(words) ?? []), reason.action])
  }
  return [...byWords].map(([words, actions]) => {
    const which = byWords.size === 1 ? '' : ` ${listed(actions, 'and')}`
    return `Why${which}:${words.startsWith('\n') ? '' : ' '}${words}`
  })
}

function whyWords(
  { action, isGranted, givenBy, deniedBy, nearest }: ActionReason,
  explanation: Explanation,
): readonly string[] {
  const decisive = explanation.matched.filter(({ rule }) =>
    (isGranted ? givenBy : deniedBy).includes(rule),
  )
  const near = section('Nearest to giving it', nearest.map(nearRuleSentence))
  const sentences = sentencesOf(decisive, explanation).map((each) => `${each}.`)
  if (isGranted) return oneOrList(sentences)
  const nobody =
    nearest.length === 0 ? 'no rule gives it, and none comes near.' : 'no rule gives it.'
  if (deniedBy.length === 0) return [nobody, ...near]
  return [
    ...oneOrList(sentences),
    ...(isDenialOfPull(action, deniedBy) ? ['Whoever may not pull may not push.'] : []),
    givenBy.length === 0
      ? `Besides, ${nobody}`
      : `Without that, ${listed(givenBy.map(ruleTitle), 'and')} would give it.`,
    ...near,
  ]
}

function oneOrList(sentences: readonly string[]): readonly string[] {
  return sentences.length === 1 ? sentences : section('', sentences)
}

function groupLines({ question }: Explanation, person: AskedPerson): readonly string[] {
  const { asker } = question
  if (asker === null) return []
  const { groups, doubtfulGroups } = person
  const rows = [
    ...groups.map(({ name, origin }) => [name, origin]),
    ...doubtfulGroups.map(({ name, origin }) => [name, `${origin}; doubtful: it gives nothing`]),
  ]
  const [head, ...rest] = rows
  if (head === undefined) return [`${askerTitle(asker)} is in no group.`]
  return section(`${askerTitle(asker)} is in`, table(head, rest).split('\n'))
}

function askedLine({ question, granted }: Explanation): string {
  const scope = scopeOf(question)
  const shown = granted.length === 0 ? 'nothing' : formatScope({ ...scope, actions: granted })
  return `Asked: ${formatScope(scope)} ${circumstancesWords(question.circumstances)}. Granted: ${shown}.`
}

/** As `for the service registry, from 10.20.1.1, at 2026-11-21T12:00:00Z`. */
export function circumstancesWords({ service, address, time }: Circumstances): string {
  const from = address === '' ? 'no address given (--from)' : `from ${address}`
  return `for the service ${service}, ${from}, at ${timeWords(time)}`
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? []
    : [title === '' ? '' : `${title}:`, ...lines.map((line) => `  ${line}`)]
}

/** A rule as it reads aloud, on one line: who may what on which, when. */

import type { ConditionName } from './conditions.ts'
import type { Conditions, Rule } from './rule.ts'
import { listed, momentWords } from './rule-words.ts'

/** @param who the words of its `who` to name */
export function ruleSentence(
  who: readonly string[],
  { may, mayNot, on, when = {} }: Pick<Rule, 'may' | 'mayNot' | 'on' | 'when'>,
): string {
  const what = [
    ...(may.length > 0 ? [`may ${may.join(', ')}`] : []),
    ...(mayNot.length > 0 ? [`may not ${mayNot.join(', ')}`] : []),
  ]
  const said = `${who.join(', ')} ${what.join(', ')} on ${on.join(', ')}`
  return [said, ...conditionWords(when).map(({ words }) => words)].join('; ')
}

/** In the order in which a sentence says them. */
export function conditionWords({ network, service, from, until }: Conditions): readonly {
  readonly condition: ConditionName
  readonly words: string
}[] {
  const said: readonly (readonly [ConditionName, string | undefined])[] = [
    ['network', network && `from the network ${listed(network, 'or')}`],
    ['service', service && `for the service ${listed(service, 'or')}`],
    ['from', from && `not before ${momentWords(from)}`],
    ['until', until && `until ${momentWords(until)}`],
  ]
  return said.flatMap(([condition, words]) => (words === undefined ? [] : [{ condition, words }]))
}

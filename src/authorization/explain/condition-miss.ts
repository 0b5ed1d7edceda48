/** Which conditions of a rule do not hold, in words. */

import { type Circumstances, type ConditionName, conditionTest } from '../conditions.ts'
import type { Rule } from '../rule.ts'
import { conditionWords } from '../rule-sentence.ts'
import { momentWords } from '../rule-words.ts'

export interface ConditionMiss {
  readonly condition: ConditionName
  /** What the rule asks: `only from the network 10.20.0.0/16`. */
  readonly says: string
  /** What is so instead: `the client is at 192.0.2.7`. */
  readonly words: string
}

export function conditionMisses(
  { when }: Pick<Rule, 'when'>,
  circumstances: Circumstances,
): readonly ConditionMiss[] {
  if (when === undefined) return []
  const unmet = conditionTest(when)(circumstances)
  return conditionWords(when)
    .filter(({ condition }) => unmet.includes(condition))
    .map(({ condition, words }) => ({
      condition,
      says: condition === 'from' ? words : `only ${words}`,
      words: missWords[condition](circumstances),
    }))
}

const missWords: Readonly<Record<ConditionName, (circumstances: Circumstances) => string>> = {
  network: ({ address }) =>
    address === '' ? 'no address of the client is given' : `the client is at ${address}`,
  from: ({ time }) => `it is ${timeWords(time)}`,
  until: ({ time }) => `that is over: it is ${timeWords(time)}`,
  service: ({ service }) => `the token is for ${service}`,
}

/** To the second. */
export function timeWords(time: Date): string {
  return momentWords(new Date(Math.floor(time.getTime() / 1000) * 1000))
}

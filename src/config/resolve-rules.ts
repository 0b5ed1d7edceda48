/** From a rule as the schema reads it to a {@link Rule}, with what it means where it says nothing. */

import type { Rule } from '../authorization/rule.ts'
import type { ConfigFile } from './schema.ts'

type CheckedRules = NonNullable<ConfigFile['rules']>

/** @param originOf where each of them stands, by its index; a rule without a name is called so */
export function resolveRules(
  rules: CheckedRules,
  originOf: (index: number) => string,
): readonly Rule[] {
  return rules.map((rule, index) => {
    const origin = originOf(index)
    return { name: rule.name ?? origin, origin, ...resolveContent(rule) }
  })
}

/** All of a rule but what it is called. */
export function resolveContent({
  who,
  may = [],
  may_not: mayNot = [],
  on,
  when,
}: CheckedRules[number]): Omit<Rule, 'name' | 'origin'> {
  return { who, may, mayNot, on, when }
}

/** Which rules speak of somebody, whatever the resource: what an operator looks at when rights surprise. */

import { type Asker, deniablePresentedBy, presentedBy } from '../authorize.ts'
import { anyDepth, type Pattern } from '../pattern.ts'
import { type Policy, type Presented, patternsOf, whoCanBeIn } from '../policy.ts'
import { formatPrincipal, type Principal, type Rule } from '../rule.ts'
import { boundBy, presents } from './rule-fit.ts'

export interface RuleFor {
  readonly rule: Rule
  /** The words of its `who` that fit. */
  readonly because: readonly string[]
  /** Its patterns, with the names that stand for the variables; at least one that can fit something. */
  readonly on: readonly string[]
}

/** @param asker null where nobody signed in */
export function rulesFor(policy: Policy, asker: Asker | null): readonly RuleFor[] {
  const given = presentedBy(policy, asker)
  const denied = deniablePresentedBy(policy, asker)
  return policy.rules.flatMap((rule) => {
    const presented = rule.mayNot.length > 0 ? denied : given
    const fitting = rule.who.filter((each) => presents(presented, each))
    if (fitting.length === 0) return []
    const on = rule.on.flatMap((text) => filledIn(text, rule, fitting, presented))
    if (on.length === 0) return []
    return [{ rule, because: fitting.map(formatPrincipal), on: [...new Set(on)] }]
  })
}

function filledIn(
  text: string,
  rule: Rule,
  fitting: readonly Principal[],
  presented: Presented,
): readonly string[] {
  if (!text.includes('$')) return [text]
  return patternsOf(rule, text).flatMap((pattern) =>
    whoCanBeIn(pattern, rule)
      .filter((each) => fitting.includes(each))
      .flatMap((each) => boundBy(each, pattern, presented))
      .filter((values) =>
        pattern.variables.every((each) => values[each] === '' || isPartOfName(values[each])),
      )
      .map((values) =>
        pattern.variables.reduce(
          // Who stands for many has no name, and the pattern stays as the rule writes it.
          (filled, each) => filled.replaceAll(`\${${each}}`, values[each] || `\${${each}}`),
          textOf(pattern),
        ),
      ),
  )
}

/** One of the alternatives that braces stand for, as it could be written. */
function textOf({ segments }: Pattern): string {
  const texts = segments.map((each) => (each === anyDepth ? '**' : each.text))
  // A "**" is read as "*" with any depth behind it.
  return texts.join('/').replaceAll('*/**', '**')
}

/** Other names stand for a group or a person all the same, and fit no repository. */
function isPartOfName(value: string | undefined): boolean {
  return value !== undefined && /^[a-z0-9._-]+$/.test(value)
}

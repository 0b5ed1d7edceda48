/** A rule as `--json` names it. */

import type { Rule } from '../authorization/rule.ts'

export function ruleName({ name, origin }: Rule): Pick<Rule, 'name' | 'origin'> {
  return { name, origin }
}

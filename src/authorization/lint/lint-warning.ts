/** What lint says of a rule. */

import type { Rule } from '../rule.ts'

/** Stable: programs compare it. */
export type LintId =
  /** A pattern of it fits no name that a registry can have. */
  | 'never_matches'
  /** Its last moment is past. */
  | 'expired'
  /** Its first moment is to come; a notice only. */
  | 'not_yet'
  /** All that it gives, other rules deny. */
  | 'shadowed'
  /** Another rule, or another of its patterns, says all that it says. */
  | 'redundant'
  /** Strangers may change something, or see everything. */
  | 'opens_to_anonymous'
  | 'unknown_user'
  | 'unknown_group'
  /** It denies one level, and another rule gives what is below. */
  | 'shallow_deny'
  /** `${user}-*` of alice also covers what `${user}-*` of alice-b does. */
  | 'variable_beside_wildcard'

export interface LintWarning {
  readonly id: LintId
  readonly severity: 'warning' | 'notice'
  readonly rule: Rule
  /** What is wrong and what to do; without the place of the rule. */
  readonly message: string
}

export type Warn = (id: LintId, message: string, severity?: LintWarning['severity']) => void

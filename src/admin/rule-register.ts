/** Where rules are kept beside the configuration, as an operator reads and changes them; storage/ implements it. */

import type { Rule } from '../authorization/rule.ts'

/** What the register gives an id and an origin to. */
export interface NewRule {
  /** Undefined: it is called by its origin. */
  readonly name: string | undefined
  readonly rule: Omit<Rule, 'name' | 'origin'>
  /** Why there is such a rule, for whoever reads it later. */
  readonly reason: string | undefined
  readonly createdAt: Date
}

export interface RuleRecord {
  readonly id: number
  /** A sentence where it cannot be read; then no token is given before it is removed. */
  readonly rule: Rule | string
  readonly reason: string | undefined
  readonly createdAt: Date
}

/** Every method throws AppError `unavailable` where the change could not be made: nothing of it has happened. */
export interface RuleRegister {
  /** By id, also those that have ended. */
  list(): Promise<readonly RuleRecord[]>
  /**
   * @param check sees the others that have not ended; what it throws undoes everything
   * @param forgotten rules that ended before it are deleted
   */
  add(
    rule: NewRule,
    check: (others: readonly RuleRecord[]) => void,
    forgotten: Date,
  ): Promise<RuleRecord>
  /** All of them, or none. @returns false where one of them is not there */
  remove(ids: readonly number[], forgotten: Date): Promise<boolean>
}

/** @returns undefined where it has no end */
export function endOf({ rule }: RuleRecord): Date | undefined {
  return typeof rule === 'string' ? undefined : rule.when?.until
}

export function hasEnded(record: RuleRecord, now: Date): boolean {
  const end = endOf(record)
  return end !== undefined && end <= now
}

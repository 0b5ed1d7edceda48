/**
 * The policy that a request is decided by: the rules of the configuration, united with those that the
 * database has at that moment.
 */

import { compilePolicy, type Policy, unite } from '../authorization/policy.ts'
import type { Rule } from '../authorization/rule.ts'
import type { Health } from '../health.ts'
import type { PolicySource } from './token-service.ts'

/** The rules in the database. Both methods throw AppError `unavailable` where they cannot be read. */
export interface StoredRules {
  /** Another number after every change, whichever process made it; asked with every request, and there at once where it can be. */
  changes(): number | Promise<number>
  list(): Promise<readonly Rule[]>
}

export interface LivePolicyParts {
  /** The rules of the configuration, and its groups, which hold for the stored rules as well. */
  readonly configured: Policy
  readonly stored: StoredRules
}

/** All rules as they are after so many changes of the stored ones. */
interface Union {
  readonly changes: number
  /** A promise, so that the requests of a moment compile once. */
  readonly compiling: Promise<Policy>
  /** What came of it, without a wait. */
  policy?: Policy
}

export class LivePolicy implements PolicySource {
  readonly #parts: LivePolicyParts
  #united: Union | undefined

  constructor(parts: LivePolicyParts) {
    this.#parts = parts
  }

  /**
   * @throws AppError unavailable: what the configuration gives is not given without the stored rules,
   *   one of which may deny it
   */
  current(): Policy | Promise<Policy> {
    // Read before the rules: a change that comes between the two is noticed by the next request.
    const changes = this.#parts.stored.changes()
    const isLatest = this.#united?.changes === changes
    return (isLatest && this.#united?.policy) || this.#lookUp(changes)
  }

  async #lookUp(asked: number | Promise<number>): Promise<Policy> {
    const changes = await asked
    if (this.#united?.changes !== changes) this.#united = { changes, compiling: this.#compile() }
    const united = this.#united
    try {
      united.policy = await united.compiling
      return united.policy
    } catch (error) {
      if (this.#united === united) this.#united = undefined
      throw error
    }
  }

  /** Whether requests can be decided right now. */
  async status(): Promise<Health> {
    try {
      await this.current()
      return { ok: true }
    } catch (error) {
      const { message, cause } = error as Error
      return { ok: false, detail: cause instanceof Error ? cause.message : message }
    }
  }

  async #compile(): Promise<Policy> {
    const { configured, stored } = this.#parts
    const rules = await stored.list()
    if (rules.length === 0) return configured
    return unite([configured, compilePolicy(rules)])
  }
}

/** The limits of accounts that a directory locks after some failures: we stop before it does. */

import type { AccountLimits, Try } from './account-limits.ts'
import type { LeakyAccounts } from './leaky-accounts.ts'
import type { Limit } from './level.ts'
import type { Budget, Levels } from './levels.ts'

/** What `failed_binds` says. */
export interface FailedBinds {
  /** At least 2, and below the directory's own. */
  readonly max: number
  /** Milliseconds without a failure after which the directory has forgotten them. */
  readonly window: number
}

const inFlight = 4
/** Strangers leave room among those who wait, too. */
const strangersWaiting = 128
const waiting = 1_024
const isForgiving = true

/** Of several directories nobody is to be locked in any. */
export function strictest(all: readonly FailedBinds[]): FailedBinds | undefined {
  if (all.length === 0) return undefined
  return {
    max: Math.min(...all.map(({ max }) => max)),
    window: Math.max(...all.map(({ window }) => window)),
  }
}

/**
 * Counted as the directory counts: all that failed, wherever from, until a success or some quiet time.
 * Strangers may not use the last one, which is kept for whoever has logged in from there before. On
 * top of that the limits of every account: an owner who logs in often must not free guesses that often.
 */
export class DirectoryAccounts implements AccountLimits {
  readonly #failures: Levels
  readonly #strangers: Limit
  readonly #known: Limit
  readonly #everywhere: LeakyAccounts

  constructor({ max }: FailedBinds, failures: Levels, everywhere: LeakyAccounts) {
    if (max < 2) throw new TypeError('of one failed bind, nothing is left to strangers')
    this.#failures = failures
    this.#strangers = { capacity: max - 1, inFlight, waiting: strangersWaiting, isForgiving }
    this.#everywhere = everywhere
    this.#known = { capacity: max, inFlight, waiting, isForgiving }
  }

  budgets(attempt: Try): readonly Budget[] {
    const { account, isKnown } = attempt
    const limit = isKnown ? this.#known : this.#strangers
    return [{ level: this.#failures.of(account), limit }, ...this.#everywhere.budgets(attempt)]
  }

  turnedAway(attempt: Try): void {
    this.#everywhere.turnedAway(attempt)
  }

  failed(attempt: Try): void {
    this.#everywhere.failed(attempt)
  }
}

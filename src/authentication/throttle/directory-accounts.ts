/** The limits of accounts that a directory locks after some failures: we stop before it does. */

import type { AccountLimits, OpenLevels, Try } from './account-limits.ts'
import { untilQuiet } from './fall.ts'
import { LeakyAccounts } from './leaky-accounts.ts'
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
const waiting = 256
const isForgiving = true

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

  constructor({ max, window }: FailedBinds, open: OpenLevels) {
    if (max < 2) throw new TypeError('of one failed bind, nothing is left to strangers')
    this.#failures = open('failed binds', untilQuiet(window), max)
    this.#strangers = { capacity: max - 1, inFlight, waiting: strangersWaiting, isForgiving }
    this.#everywhere = new LeakyAccounts(open)
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

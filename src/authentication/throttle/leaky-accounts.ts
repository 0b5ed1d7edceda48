/** The limits of every account: no more than 10 tries of strangers in any minute, and never a lock. */

import type { AccountLimits, OpenLevels, Try } from './account-limits.ts'
import { leaking } from './fall.ts'
import type { Limit } from './level.ts'
import type { Budget, Levels } from './levels.ts'

/** So that one account never takes all the workers. */
const inFlight = 4
const waiting = 128

/** In any minute, capacity + leak: 5 of newcomers and 5 of repeaters, 20 of each known network. */
const newcomers: Limit = { capacity: 2, inFlight, waiting }
const newcomersLeak = leaking(3)
/** With room for a few typing errors in a row. */
const repeaters: Limit = { capacity: 3, inFlight, waiting }
const repeatersLeak = leaking(2)
/** A build farm that asks for hundreds of tokens at once, in the moment in which its password has to be checked anew. */
const own: Limit = { capacity: 10, inFlight, waiting: 1_024 }
const ownLeak = leaking(10)

/** A network that failed is a repeater for ten minutes … */
const failure = 120
const reputationLeak = leaking(12)
/** … and so is one that comes again and again though it was told to wait. */
const turnedAway = 1
const patience = 3

/**
 * Strangers are those from whose network the account has never been logged in to. Whoever hammers an
 * account is soon among its repeaters, and what newcomers may try is free for the owner who has just
 * arrived somewhere else. What is known as the owner's network has tries of its own.
 */
export class LeakyAccounts implements AccountLimits {
  readonly #newcomers: Levels
  readonly #repeaters: Levels
  readonly #own: Levels
  readonly #reputations: Levels

  constructor(open: OpenLevels) {
    this.#newcomers = open('newcomers', newcomersLeak, newcomers.capacity)
    this.#repeaters = open('repeaters', repeatersLeak, repeaters.capacity)
    this.#own = open('own', ownLeak, own.capacity)
    this.#reputations = open('reputation', reputationLeak, failure)
  }

  budgets(attempt: Try): readonly [Budget] {
    if (attempt.isKnown) return [{ level: this.#own.of(pair(attempt)), limit: own }]
    const reputation = this.#reputations.find(pair(attempt))
    return (reputation?.amount() ?? 0) < patience
      ? [{ level: this.#newcomers.of(attempt.account), limit: newcomers }]
      : [{ level: this.#repeaters.of(attempt.account), limit: repeaters }]
  }

  turnedAway(attempt: Try): void {
    if (!attempt.isKnown) this.#reputations.of(pair(attempt)).add(turnedAway)
  }

  failed(attempt: Try): void {
    if (!attempt.isKnown) this.#reputations.of(pair(attempt)).add(failure)
  }
}

function pair({ account, network }: Try): string {
  return `${account} ${network}`
}

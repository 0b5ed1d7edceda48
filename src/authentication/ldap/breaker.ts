/** What is known of one server's health: whether to ask it, and since when not. */

import type { LdapBreaker } from './settings.ts'

export interface Outage {
  readonly since: Date
  /** The last failure. */
  readonly reason: string
}

/** What a connection has from its beginning to its end. */
export interface Attempt {
  /** It is the one that finds out whether a server answers again. */
  readonly isTrial: boolean
  /** How many failures there had been. */
  readonly failures: number
}

/** Times are those of performance.now(), but for the date of an outage. */
export class Breaker {
  readonly #settings: LdapBreaker
  #failures = 0
  #failuresInRow = 0
  #trouble: Outage | undefined
  #outage: Outage | undefined
  #restsUntil = 0
  #isTried = false

  constructor(settings: LdapBreaker) {
    this.#settings = settings
  }

  /** Undefined: the server is asked as usual. Otherwise it is left alone, but for trials. */
  get outage(): Outage | undefined {
    return this.#outage
  }

  /** The same from the first failure on, when it is still asked as usual. */
  get trouble(): Outage | undefined {
    return this.#trouble
  }

  /** Whether it is time for a trial; there is one at a time. */
  isDue(now: number): boolean {
    return this.#outage !== undefined && !this.#isTried && now >= this.#restsUntil
  }

  /** Every attempt that begins ends with `succeed` or `fail`. */
  begin(): Attempt {
    const isTrial = this.#outage !== undefined
    if (isTrial) this.#isTried = true
    return { isTrial, failures: this.#failures }
  }

  /** @returns the outage that this ended */
  succeed(attempt: Attempt): Outage | undefined {
    if (attempt.isTrial) this.#isTried = false
    // What began before the last failure says nothing about the time after it.
    if (attempt.failures !== this.#failures) return undefined
    const ended = this.#outage
    this.#failuresInRow = 0
    this.#trouble = undefined
    this.#outage = undefined
    return ended
  }

  /**
   * @param isNeeded no other server is asked as usual: then it takes several failures to leave this one alone
   * @returns whether it is left alone from now on, and was not before
   */
  fail(
    attempt: Attempt,
    reason: string,
    isNeeded: boolean,
    time: { readonly now: number; readonly date: Date },
  ): boolean {
    if (attempt.isTrial) this.#isTried = false
    this.#failures += 1
    this.#failuresInRow += 1
    this.#trouble = { since: this.#trouble?.since ?? time.date, reason }
    const isNew = this.#outage === undefined
    if (isNew && isNeeded && this.#failuresInRow < this.#settings.failures) return false
    this.#outage = this.#trouble
    this.#restsUntil = time.now + this.#settings.open
    return isNew
  }
}

/** One thing that is counted: what has failed, what is being checked, and who waits for the outcome. */

import { AppError } from '../../errors.ts'
import type { Fall } from './fall.ts'

/** What one kind of client may do with a level. */
export interface Limit {
  /** How many may have failed or be in flight. */
  readonly capacity: number
  /** How many checks may be in flight at once. */
  readonly inFlight: number
  /** How many may wait for those in flight. */
  readonly waiting: number
  /** A success takes back the failures before it. */
  readonly isForgiving?: boolean
}

/** What all levels of a kind have in common. */
export interface LevelRules {
  readonly fall: Fall
  /** The highest amount. Beyond it, nothing is remembered. */
  readonly top: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly changed: (level: Level) => void
}

/** What rounding may leave of an amount that is meant to be gone. */
const rounding = 1e-6
/** Who is refused again within this time is still in the same episode. */
const episode = 10 * 60_000

/**
 * Room for a check is taken before it, and what failed is counted when it ends, so that the settled ones
 * and those in flight together never exceed a capacity, however they overlap.
 */
export class Level {
  readonly key: string
  readonly #rules: LevelRules
  #amount = 0
  #since: number
  #inFlight = 0
  #failures = 0
  #lastRefusal = Number.NEGATIVE_INFINITY
  #waiting: Set<() => void> | undefined

  constructor(key: string, rules: LevelRules) {
    this.key = key
    this.#rules = rules
    this.#since = rules.now()
  }

  amount(): number {
    return this.#rules.fall.left(this.#amount, this.#elapsed())
  }

  /** Milliseconds until nothing is left. */
  lifetime(): number {
    return this.#timeTo(0)
  }

  /** Milliseconds until what has failed leaves room; 0 where it does now. */
  timeToRoom({ capacity }: Limit): number {
    const rest = capacity - 1
    return this.amount() <= rest + rounding ? 0 : this.#timeTo(rest)
  }

  /** Whether what is in flight would have to end first. */
  isBusy({ capacity, inFlight }: Limit): boolean {
    const taken = this.amount() + this.#inFlight
    return this.#inFlight >= inFlight || taken + 1 > capacity + rounding
  }

  /** @returns the number of failures so far, for {@link forgiveUpTo} */
  begin(): number {
    this.#set(this.amount())
    this.#inFlight += 1
    return this.#failures
  }

  /** Whatever the outcome of the check was. Who waits looks again. */
  end(): void {
    this.#set(this.amount())
    this.#inFlight -= 1
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const wake of waiting ?? []) wake()
  }

  fail(): void {
    this.#failures += 1
    this.add(1)
  }

  add(amount: number): void {
    this.#set(Math.min(this.amount() + amount, this.#rules.top))
    this.#rules.changed(this)
  }

  /**
   * Forgets what had failed when there were so many failures. Those that came after count on: in which
   * order a directory has seen them and the success that forgives, nobody knows.
   */
  forgiveUpTo(failures: number): void {
    const since = this.#failures - failures
    if (this.amount() <= since) return
    this.#amount = since
    this.#rules.changed(this)
  }

  /** Takes over what was known before a restart; no more than the rules can make. */
  restore(amount: number, lifetime: number): void {
    this.#set(Math.min(amount, this.#rules.top))
    this.#since -= Math.max(0, this.#timeTo(0) - lifetime)
  }

  /** Whether this refusal is the first after ten minutes without one. */
  refuse(): boolean {
    const now = this.#rules.now()
    const isFirst = now - this.#lastRefusal > episode
    this.#lastRefusal = now
    return isFirst
  }

  /**
   * Waits until a check has ended.
   *
   * @throws AppError unavailable where too many wait, or it took longer than `milliseconds`
   */
  async turn({ waiting }: Limit, milliseconds: number): Promise<void> {
    this.#waiting ??= new Set()
    const queue = this.#waiting
    if (queue.size >= waiting) throw tooManyLogins()
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        queue.delete(wake)
        reject(tooManyLogins())
      }, milliseconds)
      queue.add(wake)
    })
  }

  #timeTo(rest: number): number {
    return Math.max(0, this.#rules.fall.timeTo(rest, this.#amount) - this.#elapsed())
  }

  /**
   * A check may fail at any moment until it ends. Where forgetting takes quiet time, there is none before
   * that: a directory, which counts from the failure, would remember what is forgotten here.
   */
  #elapsed(): number {
    const { fall, now } = this.#rules
    return fall.needsQuiet && this.#inFlight > 0 ? 0 : now() - this.#since
  }

  #set(amount: number): void {
    this.#amount = amount
    this.#since = this.#rules.now()
  }
}

function tooManyLogins(): AppError {
  return new AppError('unavailable', 'Too many logins at once; try again in a moment.')
}

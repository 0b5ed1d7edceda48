/** Passwords that were refused for one account after the other: somebody tries one password on everybody. */

import { LRUCache } from 'lru-cache'
import { leaking } from './fall.ts'
import { Level, type Limit } from './level.ts'
import type { Budget } from './levels.ts'

/** 900 bytes each. */
const watched = 5_000
const watchedFor = 24 * 60 * 60_000
/** So many accounts may have refused a password before it counts as a spray. */
const accountsAtMost = 10
const waiting = 128

/** From then on: one a minute. */
const fall = leaking(1)
const sprayed: Limit = { capacity: 1, inFlight: 1, waiting }

interface Spray {
  readonly accounts: Set<string>
  readonly level: Level
}

export class Sprays {
  readonly #now: () => number
  readonly #sprays: LRUCache<string, Spray>

  constructor(now: () => number) {
    this.#now = now
    this.#sprays = new LRUCache({ max: watched, ttl: watchedFor, perf: { now }, ttlResolution: 0 })
  }

  get size(): number {
    return this.#sprays.size
  }

  /** @param password a digest */
  budget(password: string): Budget {
    const { accounts, level } = this.#of(password)
    const rest = accountsAtMost - accounts.size
    if (rest <= 0) return { level, limit: sprayed }
    return { level, limit: { capacity: Number.POSITIVE_INFINITY, inFlight: rest, waiting } }
  }

  refused(password: string, account: string): void {
    const spray = this.#of(password)
    if (spray.accounts.size < accountsAtMost) spray.accounts.add(account)
    this.#sprays.set(password, spray)
  }

  #of(password: string): Spray {
    const found = this.#sprays.get(password)
    if (found !== undefined) return found
    const rules = { fall, top: sprayed.capacity, now: this.#now, changed: () => {} }
    const spray = { accounts: new Set<string>(), level: new Level('', rules) }
    this.#sprays.set(password, spray)
    return spray
  }
}

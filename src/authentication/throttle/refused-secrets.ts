/** The wrong passwords that were just refused: the same one again is no second guess. */

import { LRUCache } from 'lru-cache'
import type { Verdict } from '../authenticator.ts'
import { leaking } from './fall.ts'
import type { Limit } from './level.ts'
import { type Budget, Levels } from './levels.ts'

/** 150 bytes each. */
const remembered = 10_000
const concurrent = 2_048

/**
 * One at a time, so that a client that asks ten times at once with an old password has guessed once. With
 * the right one, hundreds may come at once.
 */
const alone: Limit = { capacity: 1, inFlight: 1, waiting: 1_024 }

export class RefusedSecrets {
  readonly #verdicts: LRUCache<string, Verdict>
  readonly #checks: Levels

  /** @param milliseconds how long a refusal is remembered */
  constructor(milliseconds: number, now: () => number) {
    this.#verdicts = new LRUCache({
      max: remembered,
      ttl: milliseconds,
      perf: { now },
      ttlResolution: 0,
    })
    // Nothing adds up here: only who is in flight matters.
    this.#checks = new Levels({
      size: concurrent,
      fall: leaking(0),
      top: 0,
      now,
      changed: () => {},
    })
  }

  get size(): number {
    return this.#verdicts.size
  }

  find(secret: string): Verdict | undefined {
    return this.#verdicts.get(secret)
  }

  add(secret: string, verdict: Verdict): void {
    this.#verdicts.set(secret, verdict)
  }

  turn(secret: string): Budget {
    return { level: this.#checks.of(secret), limit: alone }
  }
}

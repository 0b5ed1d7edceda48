/** A level for each key, of which the least recently used are forgotten. */

import { LRUCache } from 'lru-cache'
import type { Fall } from './fall.ts'
import { Level, type LevelRules, type Limit } from './level.ts'

/** What a check has to fit into. */
export interface Budget {
  readonly level: Level
  readonly limit: Limit
}

export interface LevelsOptions extends LevelRules {
  /** How many are kept. One takes 300 bytes, with its key and its place in the list. */
  readonly size: number
}

export class Levels {
  readonly #rules: LevelRules
  readonly #levels: LRUCache<string, Level>

  constructor({ size, ...rules }: LevelsOptions) {
    this.#rules = rules
    this.#levels = new LRUCache({ max: size })
  }

  /** Other rules, also for what is counted already. */
  setRules(fall: Fall, top: number): void {
    Object.assign(this.#rules, { fall, top } satisfies Partial<LevelRules>)
  }

  get size(): number {
    return this.#levels.size
  }

  /** Makes it where there is none. */
  of(key: string): Level {
    const found = this.#levels.get(key)
    if (found !== undefined) return found
    const level = new Level(key, this.#rules)
    this.#levels.set(key, level)
    return level
  }

  find(key: string): Level | undefined {
    return this.#levels.get(key)
  }
}

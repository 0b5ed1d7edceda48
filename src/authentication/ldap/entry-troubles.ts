/** Remembers what the operator has been told of people's entries. */

import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/**
 * Entries are read before any password is looked at and before any limit: by typing a name, anybody could
 * fill the log with what is wrong with that person's entry.
 */
export class EntryTroubles {
  readonly #told = new LRUCache<string, true>({ max: 1_000, ttl: 10 * 60_000 })

  /** @returns whether it was not told in the last ten minutes; it counts as told from here on */
  isNew(...trouble: readonly string[]): boolean {
    // Sorted: a directory gives entries in any order. A hash: what it says may be long.
    const key = createHash('sha256')
      .update(JSON.stringify([...trouble].sort()))
      .digest('base64')
    const isNew = !this.#told.has(key)
    if (isNew) this.#told.set(key, true)
    return isNew
  }
}

/** Who has logged in from which network: they need not share what is left to strangers. */

import { LRUCache } from 'lru-cache'

const day = 24 * 60 * 60_000
/** How long a login is remembered, in milliseconds. */
export const knownFor = 30 * day
/** Per account, so that one of them, logging in from everywhere, does not push out the others. */
const networksEach = 32
/** 130 bytes each, the names included. */
const pairs = 100_000

export interface News {
  readonly forgotten: string | undefined
}

export class KnownLogins {
  readonly #now: () => number
  /** Who → network → until when. Within an account the least recently used network goes first. */
  readonly #until: LRUCache<string, ReadonlyMap<string, number>>

  constructor(now: () => number) {
    this.#now = now
    this.#until = new LRUCache({ max: pairs / 2, maxSize: pairs, sizeCalculation: (m) => m.size })
  }

  get size(): number {
    return this.#until.calculatedSize
  }

  has(who: string, network: string): boolean {
    const until = this.#until.get(who)?.get(network)
    return until !== undefined && until > this.#now()
  }

  /** @returns undefined where that was no news, as within a day; else the network that had to make room, if any */
  add(who: string, network: string, milliseconds = knownFor): News | undefined {
    const known = this.#until.get(who)
    const until = this.#now() + Math.min(milliseconds, knownFor)
    if (until - (known?.get(network) ?? Number.NEGATIVE_INFINITY) < day) return undefined
    const networks = new Map(known)
    networks.delete(network)
    networks.set(network, until)
    const [oldest] = networks.keys()
    const forgotten = networks.size > networksEach ? oldest : undefined
    if (forgotten !== undefined) networks.delete(forgotten)
    this.#until.set(who, networks)
    return { forgotten }
  }
}

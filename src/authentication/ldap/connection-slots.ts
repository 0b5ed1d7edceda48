/** How many connections to a directory there may be at once, and who waits for one. */

import { DirectoryFailure } from './directory-session.ts'
import type { LdapLoad } from './settings.ts'

/** Gives the slot to the next; more calls do nothing. */
export type Release = () => void

export class ConnectionSlots {
  readonly #load: LdapLoad
  /** What to call when a slot is free, the longest wait first. */
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(load: LdapLoad) {
    this.#load = load
    this.#free = load.maxConcurrent
  }

  /** @throws DirectoryFailure busy: the queue is full, or the wait was too long */
  async take(): Promise<Release> {
    const free = this.takeFree()
    if (free !== undefined) return free
    const { maxConcurrent, queueLength, queueWait } = this.#load
    if (this.#waiting.size >= queueLength) {
      throw busy(`all ${maxConcurrent} connections are in use, and ${queueLength} logins wait`)
    }
    await new Promise<void>((resolve, reject) => {
      const serve = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(serve)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(serve)
        reject(busy(`no connection was free within ${queueWait} ms; there are ${maxConcurrent}`))
      }, queueWait)
      this.#waiting.add(serve)
    })
    return this.#release()
  }

  /** @returns undefined where none is free */
  takeFree(): Release | undefined {
    if (this.#free === 0) return undefined
    this.#free -= 1
    return this.#release()
  }

  #release(): Release {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const [next] = this.#waiting
      // The slot goes from hand to hand: nobody who comes now can take it first.
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}

function busy(what: string): DirectoryFailure {
  return new DirectoryFailure('busy', `too much is asked of the directory at once: ${what}`)
}

/** Keeps what the throttle knows over a restart, without a login ever waiting for the database. */

import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'

/** Something that is counted, or a known login. Keys are digests and networks. */
export interface ThrottleRow {
  readonly kind: string
  readonly key: string
  readonly amount: number
  /** When nothing is left of it. */
  readonly expiresAt: Date
}

/** Every method throws AppError `unavailable` where the store could not answer. */
export interface ThrottleStore {
  /** What has not expired. */
  load(now: Date): Promise<readonly ThrottleRow[]>
  /** Puts the rows in the place of those with the same kind and key, and forgets some that have expired. */
  save(rows: readonly ThrottleRow[], now: Date): Promise<void>
}

const interval = 1_000
/** Written in a few milliseconds. */
const rowsAtOnce = 500
/** 400 bytes each. What comes on top of them is known until the next restart only. */
const rowsAtMost = 10_000

export class WriteBehind {
  readonly #store: ThrottleStore
  readonly #clock: Clock
  readonly #log: Log
  readonly #pending = new Map<string, ThrottleRow>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #hasFailed = false

  constructor(parts: { readonly store: ThrottleStore; readonly clock: Clock; readonly log: Log }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** @returns each row with the milliseconds that it has left; nothing where the store cannot be read */
  async load(): Promise<readonly { readonly row: ThrottleRow; readonly left: number }[]> {
    const now = this.#clock()
    try {
      const rows = await this.#store.load(now)
      return rows.map((row) => ({ row, left: row.expiresAt.getTime() - now.getTime() }))
    } catch (error) {
      this.#warn(error)
      return []
    }
  }

  /** @param left milliseconds that it lasts */
  put(kind: string, key: string, amount: number, left: number): void {
    const id = `${kind} ${key}`
    if (this.#pending.size >= rowsAtMost && !this.#pending.has(id)) return
    const expiresAt = new Date(this.#clock().getTime() + left)
    this.#pending.set(id, { kind, key, amount, expiresAt })
    this.#timer ??= setTimeout(() => this.#tick(), interval).unref()
  }

  /** Writes all that is left, as far as the store takes it. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#writing
    while (this.#pending.size > 0 && (await this.#write()));
  }

  #tick(): void {
    this.#writing = this.#write().then(() => {
      this.#timer = undefined
      if (this.#pending.size > 0) this.#timer = setTimeout(() => this.#tick(), interval).unref()
    })
  }

  /** @returns whether it could be written; if not, it is tried again */
  async #write(): Promise<boolean> {
    const rows = [...this.#pending].slice(0, rowsAtOnce)
    if (rows.length === 0) return true
    for (const [id] of rows) this.#pending.delete(id)
    try {
      await this.#store.save(
        rows.map(([, row]) => row),
        this.#clock(),
      )
      this.#hasFailed = false
      return true
    } catch (error) {
      for (const [id, row] of rows) if (!this.#pending.has(id)) this.#pending.set(id, row)
      this.#warn(error)
      return false
    }
  }

  /** Once, until it works again. */
  #warn(error: unknown): void {
    if (!this.#hasFailed) {
      this.#log.warn(
        { event: 'throttle', err: error },
        'what is known of failed logins cannot be kept: a restart would forget it',
      )
    }
    this.#hasFailed = true
  }
}

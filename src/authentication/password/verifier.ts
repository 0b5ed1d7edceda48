/** Verifies and makes password hashes: in worker threads, behind a bounded queue and a cache of what fitted. */

import { createHmac, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { LRUCache } from 'lru-cache'
import { Piscina } from 'piscina'
import { AppError } from '../../errors.ts'
import { credentials, type Password } from '../../protocol/credentials.ts'
import { type HashKind, readPasswordHash } from './password-hash.ts'
import type { Verification } from './worker.ts'

export interface PasswordVerifierOptions {
  /** Worker threads; one for each core unless told. */
  readonly workers?: number
  /** How many may wait for a free worker; who comes after them is refused at once. */
  readonly queueLength?: number
  /** How long anybody waits for a free worker before being refused. */
  readonly waitMilliseconds?: number
  /** How long a password that fitted is not computed again; 0: always compute. */
  readonly cacheSeconds?: number
}

const cacheSize = 10_000
/** Docker gives up after 15 s: who is computed for later has gone, and keeps the others waiting. */
const longestWait = 10_000
/** An idle worker holds about 15 MB; starting one takes about 50 ms. */
const idleMilliseconds = 30_000
/** 60 ms of CPU; OWASP's Password Storage Cheat Sheet asks for 10 or more. */
const hashCost = 10
const bcryptBytes = 72

/**
 * A refusal costs the same whatever its reason: one verification of every kind of hash in use, at
 * the highest effort in use. So neither an unknown name, nor one whose hash is cheaper than another's,
 * nor a password that is too long for its hash, answers sooner or later than the rest.
 */
export class PasswordVerifier {
  readonly #workers: number
  readonly #queueLength: number
  readonly #longestWait: number
  /** By the backend itself: while one replaces another, both may bear the same name. */
  readonly #efforts = new Map<object, ReadonlyMap<HashKind, number>>()
  #refusal: ReadonlyMap<HashKind, number> = new Map()

  /**
   * The passwords that fitted. The key is an HMAC under a random key of this process, over the stored
   * hash and the whole password: a changed hash is a miss by itself, and a dump of memory holds
   * nothing to test guesses against. It must never be a bcrypt: that reads only 72 bytes, and Okta's
   * cache, keyed by bcrypt(id ‖ name ‖ password), let people with a long name in without a password (2024).
   * A "no" is never stored.
   */
  readonly #verified: LRUCache<string, true> | undefined
  readonly #cacheSecret = randomBytes(32)

  #pool: Piscina
  #isClosed = false
  /** How many computations have a worker, and who waits for one, first come first served. */
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(options: PasswordVerifierOptions = {}) {
    const { workers = availableParallelism(), queueLength = 64, cacheSeconds = 60 } = options
    this.#workers = workers
    this.#queueLength = queueLength
    this.#longestWait = options.waitMilliseconds ?? longestWait
    this.#verified =
      cacheSeconds === 0 ? undefined : new LRUCache({ max: cacheSize, ttl: cacheSeconds * 1000 })
    this.#pool = this.#startPool()
  }

  /**
   * Tells which hashes a backend holds now, in place of what it told before, so that a refusal can
   * cost as much as the dearest of them. Unusable ones count for nothing.
   */
  announce(backend: object, hashes: Iterable<string>): void {
    const efforts = new Map<HashKind, number>()
    for (const storedHash of hashes) raise(efforts, storedHash)
    this.#efforts.set(backend, efforts)
    this.#setRefusal()
  }

  /** The backend is asked no more, so its hashes make no refusal dearer. */
  withdraw(backend: object): void {
    this.#efforts.delete(backend)
    this.#setRefusal()
  }

  /**
   * Whether the password fits the hash; false only after the full work of a refusal, also where the
   * hash is unusable. More than 72 bytes never fit a bcrypt hash.
   *
   * @throws AppError `unavailable` where too many wait already, or after `close`
   */
  async verify(storedHash: string, password: Password): Promise<boolean> {
    const text = password.reveal()
    const key = this.#cacheKey(storedHash, text)
    if (this.#verified?.has(key)) return true
    return await this.#inTurn(async () => {
      // Of many who came with the same password at the same time, those who had to wait need not
      // compute it again. Wrong passwords share nothing: a shared "no" would be a quicker one.
      if (this.#verified?.has(key)) return true
      const fits = await this.#compute(text, storedHash)
      if (fits) this.#verified?.set(key, true)
      return fits
    })
  }

  /**
   * The work of a wrong password, for a name that nobody knows and for an entry that can never log in.
   *
   * @throws AppError `unavailable` as {@link verify} does
   */
  async refuse(password: Password): Promise<void> {
    const text = password.reveal()
    await this.#inTurn(() => this.#compute(text, undefined))
  }

  /**
   * A bcrypt hash to store.
   *
   * @throws AppError `invalid_request` where nobody could log in with the password
   */
  async hash(password: Password): Promise<string> {
    const text = password.reveal()
    const bytes = Buffer.byteLength(text)
    if (text === '') throw new AppError('invalid_request', 'The password is empty.')
    if (bytes > bcryptBytes) {
      throw new AppError(
        'invalid_request',
        `The password has ${bytes} bytes; bcrypt reads ${bcryptBytes} and would ignore the rest. Choose a shorter one.`,
      )
    }
    if (credentials('name', text) === undefined) {
      throw new AppError(
        'invalid_request',
        'The password holds control characters, which no client can send (RFC 7617). Choose another one.',
      )
    }
    return await this.#inTurn(() => this.#run('hash', { password: text, cost: hashCost }))
  }

  /**
   * Ends the workers, and whatever they have not done yet with `unavailable`. Who wants an answer waits
   * for it before: the HTTP server has done so, as long as anybody may be kept waiting.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#pool.destroy()
  }

  #setRefusal(): void {
    const refusal = new Map<HashKind, number>()
    for (const [kind, effort] of [...this.#efforts.values()].flatMap((map) => [...map])) {
      refusal.set(kind, Math.max(effort, refusal.get(kind) ?? 0))
    }
    this.#refusal = refusal
  }

  #cacheKey(storedHash: string, password: string): string {
    // The length in front keeps ("ab", "c") and ("a", "bc") apart; UTF-16 keeps apart what UTF-8 would
    // replace by the same character.
    return createHmac('sha256', this.#cacheSecret)
      .update(`${storedHash.length}:${storedHash}${password}`, 'utf16le')
      .digest('base64')
  }

  #compute(password: string, storedHash: string | undefined): Promise<boolean> {
    let refusal = this.#refusal
    if (storedHash !== undefined) {
      // A hash that was changed since the last announcement counts too.
      const raised = new Map(refusal)
      raise(raised, storedHash)
      refusal = raised
    }
    return this.#run('verify', { password, storedHash, refusal } satisfies Verification)
  }

  async #inTurn<Result>(compute: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw stopping()
    const isBusy = this.#running >= this.#workers
    if (isBusy && this.#waiting.length >= this.#queueLength) throw tooManyLogins()
    const asked = performance.now()
    const turn = isBusy
      ? new Promise<void>((resolve) => this.#waiting.push(resolve))
      : Promise.resolve()
    if (!isBusy) this.#running += 1
    const inTime = () => {
      if (this.#isClosed) throw stopping()
      if (performance.now() - asked > this.#longestWait) throw tooManyLogins()
      return compute()
    }
    return await turn.then(inTime).finally(() => {
      // The place goes straight to the next in line, so nobody can slip in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    })
  }

  async #run(name: 'verify' | 'hash', task: object) {
    try {
      return await this.#pool.run(task, { name })
    } catch (error) {
      throw new AppError('unavailable', 'The password could not be checked.', { cause: error })
    }
  }

  #startPool(): Piscina {
    const pool = new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: this.#workers,
      idleTimeout: idleMilliseconds,
      recordTiming: false,
    })
    // A worker that cannot even start (no memory, no threads left) would leave its tasks waiting for
    // ever: answer them with a failure, and try with fresh workers from then on.
    pool.on('error', () => {
      if (this.#pool !== pool) return
      this.#pool = this.#startPool()
      void pool.destroy()
    })
    return pool
  }
}

function stopping(): AppError {
  return new AppError('unavailable', 'The server is stopping.')
}

function tooManyLogins(): AppError {
  return new AppError('unavailable', 'Too many logins at once; try again in a moment.')
}

function raise(efforts: Map<HashKind, number>, storedHash: string): void {
  const hash = readPasswordHash(storedHash)
  if (hash.kind !== 'unusable') {
    efforts.set(hash.kind, Math.max(hash.effort, efforts.get(hash.kind) ?? 0))
  }
}

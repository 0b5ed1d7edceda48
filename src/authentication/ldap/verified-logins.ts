/** What a directory said a moment ago: who somebody is, and which password fitted. */

import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Password } from '../../protocol/credentials.ts'

interface VerifiedPassword {
  readonly key: string
  readonly stamp: string
}

const cacheSize = 10_000

/**
 * Both halves end by themselves, a fixed time after the directory was asked, and nothing prolongs them:
 * a group that was lost and a password that was changed are noticed within that time. Only who has
 * logged in is kept, so that no guesser can fill it; a "no" never is.
 */
export class VerifiedLogins<Person extends object> {
  readonly #people: LRUCache<string, Person> | undefined
  /**
   * One password for each account. The key is an HMAC under a random key of this process: a dump of
   * memory holds nothing to test guesses against.
   */
  readonly #passwords: LRUCache<string, VerifiedPassword> | undefined
  readonly #secret = randomBytes(32)
  readonly #checks = new Map<string, Promise<unknown>>()

  /** @param time milliseconds; 0: nothing is kept */
  constructor(time: number) {
    if (time === 0) return
    // What has ended is let go, though nobody asks for it again: a person may have many groups.
    const options = { max: cacheSize, ttl: time, ttlAutopurge: true }
    this.#people = new LRUCache(options)
    this.#passwords = new LRUCache(options)
  }

  /** @param name as typed, to the letter: whether case matters is for the directory to say */
  person(name: string): Person | undefined {
    return this.#people?.get(name)
  }

  /** @param readAt when the directory was asked, by `performance.now()` */
  keepPerson(name: string, person: Person, readAt: number): void {
    this.#people?.set(name, person, { start: readAt })
  }

  /** @param stamp see `Candidate.passwordStamp`: under another one, nothing fits any more */
  remembers(account: string, stamp: string, password: Password): boolean {
    const verified = this.#passwords?.get(account)
    return verified?.stamp === stamp && verified.key === this.#key(account, password)
  }

  /** @param boundAt when the directory was asked, by `performance.now()` */
  keepPassword(account: string, stamp: string, password: Password, boundAt: number): void {
    this.#passwords?.set(account, { key: this.#key(account, password), stamp }, { start: boundAt })
  }

  /** The directory said no: whatever said yes to the same password before has ended. */
  forgetPassword(account: string, password: Password): void {
    const key = this.#key(account, password)
    if (this.#passwords?.peek(account)?.key === key) this.#passwords.delete(account)
  }

  /**
   * Who comes with the same password for the same account while it is being checked gets that answer.
   * So one such check never overtakes another, and no "yes" that began earlier is kept after a "no".
   */
  async share<Result>(
    account: string,
    password: Password,
    check: () => Promise<Result>,
  ): Promise<Result> {
    const key = this.#key(account, password)
    const running = this.#checks.get(key) as Promise<Result> | undefined
    if (running !== undefined) return await running
    const started = check().finally(() => this.#checks.delete(key))
    this.#checks.set(key, started)
    return await started
  }

  clear(): void {
    this.#people?.clear()
    this.#passwords?.clear()
  }

  #key(account: string, password: Password): string {
    // The length in front keeps ("ab", "c") and ("a", "bc") apart; UTF-16 keeps apart what UTF-8 would
    // replace by the same character.
    return createHmac('sha256', this.#secret)
      .update(`${account.length}:${account}${password.reveal()}`, 'utf16le')
      .digest('base64')
  }
}

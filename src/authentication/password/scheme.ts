/** What a worker can do with each kind of password hash; all of it is slow by intent, none of it runs elsewhere. */

import { createHash, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcryptjs'
import { apr1 } from './apr1.ts'
import type { HashKind } from './password-hash.ts'
import { shaCrypt, stretch } from './sha-crypt.ts'

export interface Scheme {
  /** One verification. */
  matches(password: string, storedHash: string): boolean
  /** The work of a verification of effort `whole`, less that of one of effort `done` (0: of none). */
  spend(password: string, done: number, whole: number): void
}

export const schemes: Readonly<Record<HashKind, Scheme>> = {
  bcrypt: {
    // bcrypt reads 72 bytes. What follows them must not be ignored, and the refusal must not be
    // quicker for it (CVE-2025-22234): compute first, then say no.
    matches: (password, storedHash) =>
      bcrypt.compareSync(password, storedHash) && !bcrypt.truncates(password),
    spend: (password, done, whole) => {
      if (done === 0) return burnBcrypt(password, whole)
      // 2^done + 2^done + 2^(done+1) + … + 2^(whole-1) = 2^whole, to the round.
      for (let cost = done; cost < whole; cost += 1) burnBcrypt(password, cost)
    },
  },
  apr1: {
    matches: (password, storedHash) => areEqual(apr1(password, storedHash), storedHash),
    spend: (password, done) => {
      if (done === 0) apr1(password, '$apr1$........$')
    },
  },
  sha1: {
    matches: (password, storedHash) => areEqual(sha1(password), storedHash),
    spend: (password, done) => {
      if (done === 0) sha1(password)
    },
  },
  'sha256-crypt': shaCryptScheme('$5$'),
  'sha512-crypt': shaCryptScheme('$6$'),
}

function burnBcrypt(password: string, cost: number): void {
  bcrypt.hashSync(password, `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(22)}`)
}

function sha1(password: string): string {
  return `{SHA}${createHash('sha1').update(password).digest('base64')}`
}

function shaCryptScheme(prefix: '$5$' | '$6$'): Scheme {
  return {
    matches: (password, storedHash) => areEqual(shaCrypt(password, storedHash), storedHash),
    spend: (password, done, whole) => {
      if (done === 0) shaCrypt(password, `${prefix}rounds=${whole}$${'.'.repeat(16)}$`)
      // The set-up of a SHA-crypt grows with the square of the password's length, so it is not paid twice.
      else stretch(prefix, password, whole - done)
    },
  }
}

function areEqual(computed: string, stored: string): boolean {
  const [left, right] = [Buffer.from(computed), Buffer.from(stored)]
  return left.length === right.length && timingSafeEqual(left, right)
}

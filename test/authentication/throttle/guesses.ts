/** People and guessers before a throttle whose time the test moves. */

import { setImmediate } from 'node:timers/promises'
import type { Verdict } from '../../../src/authentication/authenticator.ts'
import type { FailedBinds } from '../../../src/authentication/throttle/directory-accounts.ts'
import { Throttle } from '../../../src/authentication/throttle/throttle.ts'
import type { ThrottleStore } from '../../../src/authentication/throttle/write-behind.ts'
import { AppError } from '../../../src/errors.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { recordedLog } from '../../signing/recorded-log.ts'

export const right = 'right'
export const minute = 60_000

export interface Guess {
  /** `nobody` and what begins so is known to no backend. */
  readonly name?: string
  readonly address?: string
  readonly password?: string
  readonly passwordStamp?: string
  /** As typed, where it is not the name. */
  readonly username?: string
}

export type Outcome =
  | { readonly kind: 'accepted' | 'rejected' | 'unknown' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'too many'; readonly retryAfter: number }

/** A check that has reached the password, and waits to be told how it ends. */
export interface Check {
  readonly name: string
  readonly password: string
  readonly address: string
  /** Ends it as the password deserves, or with the verdict. */
  end(verdict?: Verdict | Error): Promise<void>
}

export interface Setting {
  readonly failedBinds?: FailedBinds
  readonly store?: ThrottleStore
  readonly clock?: () => Date
}

export const forgetful: ThrottleStore = { load: async () => [], save: async () => {} }

export const rejection = (isWrongPassword = true): Verdict => ({
  kind: 'rejected',
  reason: isWrongPassword ? 'wrong password' : 'the account is disabled',
  backend: 'own',
  isWrongPassword,
})

export function verdictOn(name: string, password: string): Verdict {
  if (name.startsWith('nobody')) return { kind: 'unknown' }
  if (password !== right) return rejection()
  const subject = { id: name, name, kind: 'user' as const, groups: [], backend: 'own' }
  return { kind: 'accepted', subject }
}

export function openThrottle({ failedBinds, store = forgetful, clock }: Setting = {}) {
  let now = 1_000
  const log = recordedLog()
  const throttle = new Throttle({
    failedBinds,
    store,
    clock: clock ?? (() => new Date(now)),
    log,
    now: () => now,
  })
  const inFlight: Check[] = []
  let checks = 0

  /** Like the chain, with a check that waits to be ended. */
  async function start(guess: Guess): Promise<Outcome> {
    const { name = 'alice', address = '198.51.100.1', password = right } = guess
    const { passwordStamp = 'stamp', username = name } = guess
    const account = name.startsWith('nobody') ? undefined : `own/${name}`
    const source = { address, username }
    const check = (): Promise<Verdict> => {
      checks += 1
      return new Promise((resolve, reject) => {
        const started: Check = {
          name,
          password,
          address,
          async end(verdict = verdictOn(name, password)) {
            inFlight.splice(inFlight.indexOf(started), 1)
            if (verdict instanceof Error) reject(verdict)
            else resolve(verdict)
            await setImmediate()
          },
        }
        inFlight.push(started)
      })
    }
    try {
      throttle.admit(source)
      const attempt = { ...source, account, password: new Password(password), passwordStamp }
      return { kind: (await throttle.attempt(attempt, check, async () => {})).kind }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      if (error.code === 'too_many_requests') {
        return { kind: 'too many', retryAfter: error.retryAfter ?? Number.NaN }
      }
      return { kind: 'busy' }
    }
  }

  return {
    throttle,
    log,
    inFlight,
    checks: () => checks,
    now: () => now,
    advance: (milliseconds: number) => {
      now += milliseconds
    },
    start,
    /** Ends every check that comes up, until none does. */
    async endAll(): Promise<void> {
      await setImmediate()
      while (inFlight[0] !== undefined) await inFlight[0].end()
    },
    /** A login whose check ends at once. */
    async login(guess: Guess): Promise<Outcome> {
      const outcome = start(guess)
      await this.endAll()
      return await outcome
    },
  }
}

/** The n-th of many networks. */
export function addressOf(network: number): string {
  return `10.${Math.floor(network / 256) % 256}.${network % 256}.1`
}

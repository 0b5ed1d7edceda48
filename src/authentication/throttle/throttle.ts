/** The throttle: how often passwords may be tried, for one account, from one network, one password for many. */

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../clock.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Verdict } from '../authenticator.ts'
import type { LoginAttempt, LoginLimits, LoginSource } from '../login-limits.ts'
import type { FailedBinds } from './directory-accounts.ts'
import { type Fall, leaking, untilQuiet } from './fall.ts'
import { type Guess, guessReader, nameDigest } from './guess.ts'
import { KnownLogins, knownFor } from './known-logins.ts'
import type { Level, Limit } from './level.ts'
import { type Budget, Levels } from './levels.ts'
import { networkOf } from './network.ts'
import { Population } from './population.ts'
import { Sprays } from './sprays.ts'
import { type ThrottleStore, WriteBehind } from './write-behind.ts'

export interface ThrottleOptions {
  /** See {@link Throttle.limitFailedBinds}. */
  readonly failedBinds?: FailedBinds | undefined
  readonly store: ThrottleStore
  readonly clock: Clock
  readonly log: Log
  /** Monotonic milliseconds: a clock that is set must neither free nor lock anybody. */
  readonly now?: () => number
}

/**
 * How many are remembered of each kind. At worst, all together, that is about 100 MB: 24 for accounts and 30
 * for their failed binds, 12 for names that nobody has, 6 for networks, 13 for known logins, 5 for refused
 * secrets, 5 for sprays, 4 that wait to be stored. A flood of names alone, which anybody can send, takes about 30.
 */
const accountsAtMost = 20_000
/** So many people may be guessed at in turn before a failure is forgotten that their directory remembers. */
const failedBindsAtMost = 100_000
const namesAtMost = 10_000
const networksAtMost = 10_000

/** What failed from one network, of strangers: 30 at once, then 60 in a minute. */
const networkLimit: Limit = { capacity: 30, inFlight: 30, waiting: 128 }
const networkLeak = leaking(60)

/**
 * What strangers of one network asked for without a password being looked at: 120 at once, then 240 in a
 * minute. Each has cost a directory a search. Generous, because a job with an old password is one of them.
 */
const vainLimit: Limit = { capacity: 120, inFlight: Number.POSITIVE_INFINITY, waiting: 0 }
const vainLeak = leaking(240)

/** Docker gives up after 15 s. */
const longestWait = 10_000
interface Attempt extends Guess {
  readonly population: Population
  /** This account has logged in from this network before. */
  readonly isKnown: boolean
}

interface NamedBudget extends Budget {
  readonly name: 'account' | 'network' | 'password'
}

/**
 * Room is taken before a check and given back where it was no wrong guess: an accepted login, a
 * disabled account, a directory that did not answer. Who finds no room because of checks in flight
 * waits for their outcome; who finds none because of what has failed is turned away.
 */
export class Throttle implements LoginLimits {
  readonly #log: Log
  readonly #now: () => number
  readonly #kept: WriteBehind
  readonly #keptLevels = new Map<string, Levels>()
  readonly #known: KnownLogins
  readonly #networks: Levels
  readonly #inVain: Levels
  readonly #sprays: Sprays
  readonly #accounts: Population
  readonly #names: Population
  #failedBinds: FailedBinds | undefined
  #read: (attempt: LoginAttempt) => Guess

  constructor(options: ThrottleOptions) {
    const { failedBinds, log, now = () => performance.now() } = options
    this.#log = log
    this.#now = now
    this.#kept = new WriteBehind(options)
    this.#known = new KnownLogins(now)
    this.#sprays = new Sprays(now)
    this.#networks = this.#open(networksAtMost, 'network', networkLeak, networkLimit.capacity)
    const forgetful = (size: number, fall: Fall, top: number): Levels =>
      new Levels({ size, fall, top, now, changed: () => {} })
    this.#inVain = forgetful(networksAtMost, vainLeak, vainLimit.capacity)
    this.#accounts = new Population(
      (...rules) => this.#open(accountsAtMost, ...rules),
      this.#open(failedBindsAtMost, 'failed binds', untilQuiet(0), 0),
      now,
    )
    // Not kept: people type passwords where the name belongs.
    this.#names = new Population(
      (_kind, fall, top) => forgetful(namesAtMost, fall, top),
      forgetful(namesAtMost, untilQuiet(0), 0),
      now,
    )
    this.#read = guessReader(true)
    this.limitFailedBinds(failedBinds)
  }

  /**
   * Takes what the directories of the chain allow together; undefined: there is none. It goes for every
   * name, so that limits do not tell which ones a directory knows. What has failed counts on.
   */
  limitFailedBinds(allowed: FailedBinds | undefined): void {
    if (isDeepStrictEqual(allowed, this.#failedBinds)) return
    this.#failedBinds = allowed
    // A directory's round trips are hidden by a wait; without one, nothing hides how soon an answer comes.
    this.#read = guessReader(allowed === undefined)
    for (const population of [this.#accounts, this.#names]) population.limitFailedBinds(allowed)
  }

  /** Takes over what was known before the last stop. */
  async load(): Promise<void> {
    for (const { row, left } of await this.#kept.load()) {
      const [who = '', network = ''] = row.key.split(' ')
      if (row.kind === loginKind) this.#known.add(who, network, left)
      else this.#keptLevels.get(row.kind)?.of(row.key).restore(row.amount, left)
    }
  }

  async close(): Promise<void> {
    await this.#kept.close()
  }

  admit({ address, username }: LoginSource): void {
    const network = networkOf(address)
    const limits = [
      { level: this.#networks.find(network), limit: networkLimit },
      { level: this.#inVain.find(network), limit: vainLimit },
    ]
    for (const { level, limit } of limits) {
      const wait = level?.timeToRoom(limit) ?? 0
      if (level === undefined || wait === 0) continue
      if (this.#known.has(nameDigest(username), network)) return
      throw this.#refusal({ name: 'network', level, limit }, wait, network)
    }
  }

  async attempt(
    attempt: LoginAttempt,
    check: () => Promise<Verdict>,
    onWait: () => Promise<void>,
  ): Promise<Verdict> {
    const guess = this.#read(attempt)
    const population = attempt.account === undefined ? this.#names : this.#accounts
    const deadline = this.#now() + longestWait
    for (let isWaiting = false; ; isWaiting = true) {
      const isKnown = this.#known.has(guess.account, guess.network)
      const current = { ...guess, population, isKnown }
      const refused = population.refusals.find(guess.secret)
      if (refused !== undefined) {
        this.#countInVain(current)
        return refused
      }
      const budgets = this.#budgets(current)
      this.#turnAwayIfFull(current, budgets, attempt)
      const turn = population.refusals.turn(guess.secret)
      const busy = [turn, ...budgets].find(({ level, limit }) => level.isBusy(limit))
      if (busy === undefined) return await this.#check(current, budgets, turn, check)
      // What is given back takes a moment, after which it may not be busy any more.
      if (isWaiting) await busy.level.turn(busy.limit, deadline - this.#now())
      else await onWait()
    }
  }

  /** How much is remembered. */
  status(): Readonly<Record<'networks' | 'knownLogins' | 'refusedSecrets' | 'passwords', number>> {
    return {
      networks: this.#networks.size,
      knownLogins: this.#known.size,
      refusedSecrets: this.#accounts.refusals.size + this.#names.refusals.size,
      passwords: this.#sprays.size,
    }
  }

  #open(size: number, kind: string, fall: Fall, top: number): Levels {
    const changed = (level: Level): void =>
      this.#kept.put(kind, level.key, level.amount(), level.lifetime())
    const levels = new Levels({ size, fall, top, now: this.#now, changed })
    this.#keptLevels.set(kind, levels)
    return levels
  }

  #budgets(guess: Attempt): readonly NamedBudget[] {
    const account = guess.population.limits
      .budgets(guess)
      .map((budget) => ({ name: 'account' as const, ...budget }))
    if (guess.isKnown) return account
    return [
      ...account,
      { name: 'network', level: this.#networks.of(guess.network), limit: networkLimit },
      { name: 'password', ...this.#sprays.budget(guess.password) },
    ]
  }

  #turnAwayIfFull(guess: Attempt, budgets: readonly NamedBudget[], attempt: LoginAttempt): void {
    const full = budgets
      .map((budget) => ({ budget, wait: budget.level.timeToRoom(budget.limit) }))
      .reduce((a, b) => (b.wait > a.wait ? b : a))
    if (full.wait === 0) return
    guess.population.limits.turnedAway(guess)
    this.#countInVain(guess)
    // Each of these has cost the backends a search: who goes on is stopped before it.
    const network = budgets.find(({ name }) => name === 'network')
    if (network?.level.timeToRoom(networkLimit) === 0) network.level.add(1)
    throw this.#refusal(full.budget, full.wait, guess.network, attempt)
  }

  /** It has cost the backends a search, and no password was looked at. */
  #countInVain({ isKnown, network }: Attempt): void {
    if (!isKnown) this.#inVain.of(network).add(1)
  }

  async #check(
    guess: Attempt,
    budgets: readonly NamedBudget[],
    turn: Budget,
    check: () => Promise<Verdict>,
  ): Promise<Verdict> {
    const begun = [turn, ...budgets].map((budget) => ({
      ...budget,
      failures: budget.level.begin(),
    }))
    try {
      const verdict = await check()
      if (verdict.kind === 'accepted') {
        this.#learn(guess)
        for (const { level, limit, failures } of begun) {
          if (limit.isForgiving && !verdict.isRemembered) level.forgiveUpTo(failures)
        }
      } else if (verdict.kind === 'unknown' || verdict.isWrongPassword) {
        guess.population.refusals.add(guess.secret, verdict)
        guess.population.limits.failed(guess)
        if (!guess.isKnown) this.#sprays.refused(guess.password, guess.account)
        for (const { level } of budgets) level.fail()
      }
      return verdict
    } finally {
      for (const { level } of begun) level.end()
    }
  }

  #learn({ account, name, network }: Guess): void {
    for (const who of [account, name]) {
      const news = this.#known.add(who, network)
      if (news === undefined) continue
      this.#kept.put(loginKind, `${who} ${network}`, 1, knownFor)
      // One person who comes from everywhere must not fill the database.
      if (news.forgotten !== undefined) {
        this.#kept.put(loginKind, `${who} ${news.forgotten}`, 0, 0)
      }
    }
  }

  #refusal(
    { name, level }: NamedBudget,
    wait: number,
    network: string,
    attempt?: LoginAttempt,
  ): AppError {
    const retryAfter = Math.ceil(wait / 1000)
    if (level.refuse()) {
      const { account, username } = attempt ?? {}
      // What nobody is called may be a password, typed into the wrong field.
      const who = account === undefined ? {} : { account, user: username }
      this.#log.warn(
        { event: 'throttle', limit: name, network, ...who, retryAfter },
        explanations[name],
      )
    }
    return new AppError('too_many_requests', tooMany, { retryAfter })
  }
}

const loginKind = 'login'
/** The same whatever is used up, and whoever it is about. */
const tooMany = 'Too many failed logins; try again later.'
const explanations = {
  account: 'too many wrong passwords for one account: some who come for it are turned away',
  network: 'too many failed logins from one network: who has not logged in from it is turned away',
  password: 'one password was refused for many accounts: it is tried once a minute',
} as const

/** The backend of our own accounts, and the one that is made at the very first start. */

import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Password } from '../protocol/credentials.ts'
import type { Accepted, Authenticator, Candidate, Rejected } from './authenticator.ts'
import { randomPassword } from './password/random-password.ts'
import type { PasswordVerifier } from './password/verifier.ts'
import { isPersonName } from './person-name.ts'

/** A login that we store. */
export interface Account {
  /** A random UUID, the subject's id: who gets the name of a deleted account inherits nothing. */
  readonly id: string
  readonly name: string
  readonly passwordHash: string
  readonly isDisabled: boolean
  readonly groups: readonly string[]
}

export interface NewAccount {
  readonly id: string
  /** See {@link isPersonName}. */
  readonly name: string
  readonly passwordHash: string
  readonly groups: readonly string[]
  readonly createdAt: Date
}

/** Every method throws AppError `unavailable` where the store could not answer. */
export interface AccountStore {
  findByName(name: string): Promise<Account | undefined>
  names(): Promise<readonly string[]>
  /** At least one stored hash of each kind and cost that there is. */
  hashSamples(): Promise<readonly string[]>
  /** Another number once stored hashes have changed, by this process or another; it costs next to nothing. */
  hashChanges(): Promise<number>
  /** Whether there has ever been an account, also where all are removed by now. */
  hadAny(): Promise<boolean>
  /** @returns false where there has ever been an account: nothing has changed, also of two calls at once */
  createFirst(account: NewAccount): Promise<boolean>
}

export interface AccountsOptions {
  /** The backend's name. */
  readonly name: string
  readonly accounts: AccountStore
  readonly passwords: PasswordVerifier
}

/** @throws AppError unavailable where the accounts cannot be read */
export async function openAccounts(options: AccountsOptions): Promise<AccountsAuthenticator> {
  const authenticator = new AccountsAuthenticator(options)
  await authenticator.announceHashes()
  return authenticator
}

/** Reads the account at every login, so that a changed password or a disabled account counts at once. */
export class AccountsAuthenticator implements Authenticator {
  readonly name: string
  readonly #accounts: AccountStore
  readonly #passwords: PasswordVerifier
  /** How often hashes had changed when they were told of last. */
  #announced: number | undefined
  #isClosed = false

  constructor({ name, accounts, passwords }: AccountsOptions) {
    this.name = name
    this.#accounts = accounts
    this.#passwords = passwords
  }

  /**
   * Tells which kinds of hashes there are, unless nothing has changed. The command line is another
   * process: were a dearer kind that it stored not told of, timing would give away those who have it.
   *
   * @throws AppError unavailable where the accounts cannot be read
   */
  async announceHashes(): Promise<void> {
    // Before the samples: what changes in between is told of the next time.
    const changes = await this.#accounts.hashChanges()
    if (changes === this.#announced) return
    const samples = await this.#accounts.hashSamples()
    // A request in flight may outlive the backend: what it told then, nobody would take back.
    if (this.#isClosed) return
    this.#passwords.announce(this, samples)
    this.#announced = changes
  }

  async find(username: string): Promise<Candidate | undefined> {
    await this.announceHashes()
    const account = isPersonName(username) ? await this.#accounts.findByName(username) : undefined
    if (account === undefined) return undefined
    return {
      account: account.id,
      passwordStamp: account.passwordHash,
      verify: (password) => this.#verify(account, password),
      release: async () => {},
    }
  }

  close(): void {
    this.#isClosed = true
    this.#passwords.withdraw(this)
  }

  names(): Promise<readonly string[]> {
    return this.#accounts.names()
  }

  async knows(names: readonly string[]): Promise<readonly string[]> {
    const own = new Set(await this.#accounts.names())
    return names.filter((name) => own.has(name))
  }

  async #verify(account: Account, password: Password): Promise<Accepted | Rejected> {
    if (!(await this.#passwords.verify(account.passwordHash, password))) {
      return this.#rejected('wrong password', true)
    }
    // After the password: a guess counts here as it does anywhere, and only who has it right is told.
    if (account.isDisabled) {
      return {
        ...this.#rejected('the account is disabled', false),
        tell: 'this account is disabled; ask whoever runs this registry',
      }
    }
    return {
      kind: 'accepted',
      subject: {
        id: account.id,
        name: account.name,
        kind: 'user',
        groups: account.groups.map((name) => ({ name, origin: 'accounts' })),
        backend: this.name,
      },
    }
  }

  #rejected(reason: string, isWrongPassword: boolean): Rejected {
    return { kind: 'rejected', reason, backend: this.name, isWrongPassword }
  }
}

export interface FirstAdmin {
  readonly name: string
  /** Shown once to whoever starts the server, and stored only as a hash. */
  readonly password: string
}

/**
 * Makes `admin` in a store that has never had an account. Of two processes that start at once, one
 * makes it.
 *
 * @returns undefined where there was one before
 */
export async function createFirstAdmin(parts: {
  readonly accounts: AccountStore
  readonly passwords: PasswordVerifier
  readonly clock: Clock
}): Promise<FirstAdmin | undefined> {
  const { accounts, passwords, clock } = parts
  // Spares every later start the work of a hash.
  if (await accounts.hadAny()) return undefined
  const name = 'admin'
  const password = randomPassword()
  const passwordHash = await passwords.hash(password)
  const account = { id: randomUUID(), name, passwordHash, groups: [], createdAt: clock() }
  return (await accounts.createFirst(account)) ? { name, password: password.reveal() } : undefined
}

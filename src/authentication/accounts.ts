/** The backend of our own accounts, and the one that is made at the very first start. */

import { randomInt, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { type Credentials, Password } from '../protocol/credentials.ts'
import type { Authenticator, Verdict } from './authenticator.ts'
import type { PasswordVerifier } from './password/verifier.ts'

/** A login that we store. */
export interface Account {
  /** A random UUID, the subject's id: who gets the name of a deleted account inherits nothing. */
  readonly id: string
  readonly name: string
  readonly passwordHash: string
  readonly isDisabled: boolean
}

export interface NewAccount {
  readonly id: string
  /** See {@link isAccountName}. */
  readonly name: string
  readonly passwordHash: string
  readonly createdAt: Date
}

/** Every method throws AppError `unavailable` where the store could not answer. */
export interface AccountStore {
  findByName(name: string): Promise<Account | undefined>
  /** One stored hash of each kind and cost that there is. */
  hashSamples(): Promise<readonly string[]>
  /** Whether there has ever been an account, also where all are removed by now. */
  hadAny(): Promise<boolean>
  /** @returns false where the name is taken: nothing has changed */
  create(account: NewAccount): Promise<boolean>
  /** @returns false where there has ever been an account: nothing has changed, also of two calls at once */
  createFirst(account: NewAccount): Promise<boolean>
}

export interface AccountsOptions {
  /** The backend's name. */
  readonly name: string
  readonly accounts: AccountStore
  readonly passwords: PasswordVerifier
}

const maximumNameLength = 64
const namePattern = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/

/**
 * Lower-case letters and digits, parted by single `.`, `_` or `-`; 64 characters at most. Each is also
 * a component of a repository's name, so that a namespace can bear it, and none has two spellings.
 */
export function isAccountName(name: string): boolean {
  return name.length <= maximumNameLength && namePattern.test(name)
}

/** @throws AppError unavailable where the accounts cannot be read */
export async function openAccounts(options: AccountsOptions): Promise<AccountsAuthenticator> {
  options.passwords.announce(options.name, await options.accounts.hashSamples())
  return new AccountsAuthenticator(options)
}

/** Reads the account at every login, so that a changed password or a disabled account counts at once. */
export class AccountsAuthenticator implements Authenticator {
  readonly name: string
  readonly #accounts: AccountStore
  readonly #passwords: PasswordVerifier

  constructor({ name, accounts, passwords }: AccountsOptions) {
    this.name = name
    this.#accounts = accounts
    this.#passwords = passwords
  }

  async authenticate({ username, password }: Credentials): Promise<Verdict> {
    const account = isAccountName(username) ? await this.#accounts.findByName(username) : undefined
    if (account === undefined) return { kind: 'unknown' }
    if (account.isDisabled) {
      await this.#passwords.refuse(password)
      return this.#rejected('the account is disabled')
    }
    if (!(await this.#passwords.verify(account.passwordHash, password))) {
      return this.#rejected('wrong password')
    }
    return {
      kind: 'accepted',
      subject: {
        id: account.id,
        name: account.name,
        kind: 'user',
        groups: [],
        backend: this.name,
      },
    }
  }

  #rejected(reason: string): Verdict {
    return { kind: 'rejected', reason, backend: this.name }
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
  const passwordHash = await passwords.hash(new Password(password))
  const account = { id: randomUUID(), name, passwordHash, createdAt: clock() }
  if (!(await accounts.createFirst(account))) return undefined
  // A backend that was opened before could not yet tell of this hash.
  passwords.announce('first admin', [passwordHash])
  return { name, password }
}

// Without the characters that are mistaken for one another: 0 and o, 1, l and i.
const passwordAlphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
/** 26 of 31 characters: 128.8 random bits. */
const passwordLength = 26

/** One word without punctuation, which a double click selects whole. */
function randomPassword(): string {
  const character = () => passwordAlphabet.charAt(randomInt(passwordAlphabet.length))
  return Array.from({ length: passwordLength }, character).join('')
}

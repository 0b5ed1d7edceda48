/** Where accounts are kept, as an operator reads and changes them; storage/ implements it. */

import type { NewAccount } from '../authentication/accounts.ts'
import type { HashKind } from '../authentication/password/password-hash.ts'

/** An account without its hash: what an operator has no use for cannot be shown by mistake. */
export interface AccountRecord {
  readonly id: string
  readonly name: string
  readonly isDisabled: boolean
  /** By name. */
  readonly groups: readonly string[]
  readonly passwordKind: HashKind | 'unusable'
  /** The hash is of a kind, or of a cost, that is quick to guess against. */
  readonly isPasswordWeak: boolean
  readonly createdAt: Date
  readonly passwordChangedAt: Date
}

/** Every method throws AppError `unavailable` where the change could not be made: nothing of it has happened. */
export interface AccountRegister {
  /** By name. */
  list(): Promise<readonly AccountRecord[]>
  find(name: string): Promise<AccountRecord | undefined>
  /** @returns the names that were free and are taken now; the others are left as they are */
  add(accounts: readonly NewAccount[]): Promise<readonly string[]>
  /** @returns false where there is no such account, as all of these do */
  setDisabled(name: string, isDisabled: boolean, at: Date): Promise<boolean>
  setPassword(name: string, passwordHash: string, at: Date): Promise<boolean>
  remove(name: string): Promise<boolean>
  /**
   * Gives each of the accounts the groups that `change` makes of those that it has, all in one step.
   *
   * @param change may be called again, so it has no effect of its own; what it throws undoes everything
   */
  changeGroups(
    names: readonly string[],
    change: (name: string, groups: readonly string[] | undefined) => readonly string[],
    at: Date,
  ): Promise<void>
}

/** The accounts in the database, as an operator sees them. */

import type { Transaction } from 'kysely'
import type { AccountRecord, AccountRegister } from '../admin/account-register.ts'
import type { NewAccount } from '../authentication/accounts.ts'
import { isWeak, readPasswordHash } from '../authentication/password/password-hash.ts'
import {
  type AccountWithGroups,
  insertAccount,
  insertGroups,
  readAccounts,
  recordFirstAccount,
} from './account-rows.ts'
import { countChange } from './change-count.ts'
import type { Database } from './database.ts'
import type { Tables } from './tables.ts'

/** So many accounts in one transaction: a change holds up every other writer, and 100 take a few milliseconds. */
const batchLength = 100

export class KyselyAccountRegister implements AccountRegister {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async list(): Promise<readonly AccountRecord[]> {
    return (await this.#database.read((reader) => readAccounts(reader))).map(recordOf)
  }

  async find(name: string): Promise<AccountRecord | undefined> {
    const [row] = await this.#database.read((reader) => readAccounts(reader, [name]))
    return row === undefined ? undefined : recordOf(row)
  }

  async add(accounts: readonly NewAccount[]): Promise<readonly string[]> {
    const added: string[] = []
    for (let start = 0; start < accounts.length; start += batchLength) {
      added.push(...(await this.#addBatch(accounts.slice(start, start + batchLength))))
    }
    return added
  }

  async #addBatch(accounts: readonly NewAccount[]): Promise<readonly string[]> {
    return await this.#database.write(async (transaction) => {
      const added: string[] = []
      for (const account of accounts) {
        await recordFirstAccount(transaction, account.createdAt)
        if (await insertAccount(transaction, account)) added.push(account.name)
      }
      return added
    })
  }

  async setDisabled(name: string, isDisabled: boolean, at: Date): Promise<boolean> {
    const values = { disabled: isDisabled ? 1 : 0, updated_at: at.toISOString() } as const
    return await this.#database.write((transaction) => update(transaction, name, values))
  }

  async setPassword(name: string, passwordHash: string, at: Date): Promise<boolean> {
    const time = at.toISOString()
    const values = { password_hash: passwordHash, password_changed_at: time, updated_at: time }
    return await this.#database.write(async (transaction) => {
      await countChange(transaction, 'password hashes')
      return await update(transaction, name, values)
    })
  }

  async remove(name: string): Promise<boolean> {
    return await this.#database.write(async (transaction) => {
      await countChange(transaction, 'password hashes')
      const accounts = transaction.deleteFrom('accounts').where('name', '=', name)
      return (await accounts.executeTakeFirst()).numDeletedRows === 1n
    })
  }

  async changeGroups(
    names: readonly string[],
    change: (name: string, groups: readonly string[] | undefined) => readonly string[],
    at: Date,
  ): Promise<void> {
    await this.#database.write(async (transaction) => {
      const found = await readAccounts(transaction, names)
      for (const name of names) {
        const account = found.find((each) => each.name === name)
        const groups = change(name, account?.groups)
        if (account === undefined) continue
        await transaction
          .deleteFrom('account_groups')
          .where('account_id', '=', account.id)
          .execute()
        await insertGroups(transaction, account.id, groups)
        await transaction
          .updateTable('accounts')
          .set({ updated_at: at.toISOString() })
          .where('id', '=', account.id)
          .execute()
      }
    })
  }
}

/** @returns false where there is no such account */
async function update(
  transaction: Transaction<Tables>,
  name: string,
  values: Partial<Tables['accounts']>,
): Promise<boolean> {
  const accounts = transaction.updateTable('accounts').set(values).where('name', '=', name)
  return (await accounts.executeTakeFirst()).numUpdatedRows === 1n
}

function recordOf(row: AccountWithGroups): AccountRecord {
  const hash = readPasswordHash(row.password_hash)
  return {
    id: row.id,
    name: row.name,
    isDisabled: row.disabled === 1,
    groups: row.groups,
    passwordKind: hash.kind,
    isPasswordWeak: hash.kind === 'unusable' || isWeak(hash),
    createdAt: new Date(row.created_at),
    passwordChangedAt: new Date(row.password_changed_at),
  }
}

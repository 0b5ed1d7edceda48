/** The accounts in the database. */

import type { Account, AccountStore, NewAccount } from '../authentication/accounts.ts'
import type { Database } from './database.ts'

/** The step of `set_up_steps` that is done once there has been an account. */
const firstAccountStep = 'first account'

export class KyselyAccountStore implements AccountStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async findByName(name: string): Promise<Account | undefined> {
    const row = await this.#database.read((reader) =>
      reader
        .selectFrom('accounts')
        .select(['id', 'name', 'password_hash', 'disabled'])
        .where('name', '=', name)
        .executeTakeFirst(),
    )
    if (row === undefined) return undefined
    return {
      id: row.id,
      name: row.name,
      passwordHash: row.password_hash,
      isDisabled: row.disabled === 1,
    }
  }

  async hashSamples(): Promise<readonly string[]> {
    const rows = await this.#database.read((reader) =>
      reader
        .selectFrom('accounts')
        .select(({ fn }) => fn.min('password_hash').as('hash'))
        // `$2b$10$`: the kind and the cost of a bcrypt hash.
        .groupBy(({ fn, val }) => fn('substr', ['password_hash', val(1), val(7)]))
        .execute(),
    )
    return rows.map(({ hash }) => hash)
  }

  async hadAny(): Promise<boolean> {
    const step = await this.#database.read((reader) =>
      reader
        .selectFrom('set_up_steps')
        .select('name')
        .where('name', '=', firstAccountStep)
        .executeTakeFirst(),
    )
    return step !== undefined
  }

  async create(account: NewAccount): Promise<boolean> {
    return await this.#insert(account, false)
  }

  async createFirst(account: NewAccount): Promise<boolean> {
    return await this.#insert(account, true)
  }

  /** @returns false where the name is taken, or `onlyFirst` and this database has ever had an account */
  async #insert(account: NewAccount, onlyFirst: boolean): Promise<boolean> {
    const { id, name, passwordHash, createdAt } = account
    const time = createdAt.toISOString()
    return await this.#database.write(async (transaction) => {
      const step = await transaction
        .insertInto('set_up_steps')
        .values({ name: firstAccountStep, done_at: time })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirst()
      if (onlyFirst && step.numInsertedOrUpdatedRows !== 1n) return false
      const inserted = await transaction
        .insertInto('accounts')
        .values({
          id,
          name,
          password_hash: passwordHash,
          disabled: 0,
          created_at: time,
          updated_at: time,
        })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirst()
      return inserted.numInsertedOrUpdatedRows === 1n
    })
  }
}

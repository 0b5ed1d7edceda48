/** The accounts in the database, as a login sees them. */

import type { Account, AccountStore, NewAccount } from '../authentication/accounts.ts'
import {
  firstAccountStep,
  insertAccount,
  readAccounts,
  recordFirstAccount,
} from './account-rows.ts'
import { ChangeCount } from './change-count.ts'
import type { Database } from './database.ts'

export class KyselyAccountStore implements AccountStore {
  readonly #database: Database
  readonly #hashChanges: ChangeCount

  constructor(database: Database) {
    this.#database = database
    this.#hashChanges = new ChangeCount(database, 'password hashes')
  }

  async findByName(name: string): Promise<Account | undefined> {
    const [row] = await this.#database.read((reader) => readAccounts(reader, [name]))
    if (row === undefined) return undefined
    return {
      id: row.id,
      name: row.name,
      passwordHash: row.password_hash,
      isDisabled: row.disabled === 1,
      groups: row.groups,
    }
  }

  async names(): Promise<readonly string[]> {
    const rows = await this.#database.read((reader) =>
      reader.selectFrom('accounts').select('name').orderBy('name').execute(),
    )
    return rows.map(({ name }) => name)
  }

  async hashSamples(): Promise<readonly string[]> {
    const rows = await this.#database.read((reader) =>
      reader
        .selectFrom('accounts')
        .select(({ fn }) => fn.min('password_hash').as('hash'))
        .groupBy(({ fn, val, case: when }) =>
          when()
            // `$5$rounds=5000$`: up to the last digit that the rounds can have.
            .when('password_hash', 'like', '$_$rounds=%')
            .then(fn<string>('substr', ['password_hash', val(1), val(17)]))
            // `$2b$10$`: the kind and the cost of a bcrypt hash.
            .else(fn<string>('substr', ['password_hash', val(1), val(7)]))
            .end(),
        )
        .execute(),
    )
    return rows.map(({ hash }) => hash)
  }

  async hashChanges(): Promise<number> {
    return await this.#hashChanges.current()
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

  async createFirst(account: NewAccount): Promise<boolean> {
    return await this.#database.write(
      async (transaction) =>
        (await recordFirstAccount(transaction, account.createdAt)) &&
        (await insertAccount(transaction, account)),
    )
  }
}

/** The tables as queries see them; migrations/ makes them. */

import type { Kysely } from 'kysely'

/** What a query that changes nothing is asked of: the database, or a transaction. */
export type Reader = Pick<Kysely<Tables>, 'selectFrom'>

export interface Tables {
  readonly accounts: AccountsTable
  readonly set_up_steps: SetUpStepsTable
  readonly migrations: MigrationsTable
}

export interface AccountsTable {
  readonly id: string
  readonly name: string
  readonly password_hash: string
  readonly disabled: 0 | 1
  readonly created_at: string
  readonly updated_at: string
}

export interface SetUpStepsTable {
  readonly name: string
  readonly done_at: string
}

/** The one table that is made with the file, before any migration. */
export interface MigrationsTable {
  readonly name: string
  readonly checksum: string
  readonly applied_at: string
}

/** The tables as queries see them; migrations/ makes them. */

import type { Kysely } from 'kysely'

/** What a query that changes nothing is asked of: the database, or a transaction. */
export type Reader = Pick<Kysely<Tables>, 'selectFrom'>

export interface Tables {
  readonly accounts: AccountsTable
  readonly account_groups: AccountGroupsTable
  readonly change_counts: ChangeCountsTable
  readonly rules: RulesTable
  readonly set_up_steps: SetUpStepsTable
  readonly throttle: ThrottleTable
  readonly migrations: MigrationsTable
}

export interface AccountsTable {
  readonly id: string
  readonly name: string
  readonly password_hash: string
  readonly disabled: 0 | 1
  readonly created_at: string
  readonly updated_at: string
  readonly password_changed_at: string
}

export interface AccountGroupsTable {
  readonly account_id: string
  readonly group_name: string
}

export interface ChangeCountsTable {
  readonly name: string
  readonly changes: number
}

/** Lists are JSON texts. */
export interface RulesTable {
  readonly id: number
  readonly name: string | null
  readonly who: string
  readonly may: string
  readonly may_not: string
  readonly resources: string
  readonly networks: string | null
  readonly services: string | null
  readonly starts_at: string | null
  readonly ends_at: string | null
  readonly reason: string | null
  readonly created_at: string
}

export interface SetUpStepsTable {
  readonly name: string
  readonly done_at: string
}

export interface ThrottleTable {
  readonly kind: string
  readonly key: string
  readonly amount: number
  readonly expires_at: string
}

/** The one table that is made with the file, before any migration. */
export interface MigrationsTable {
  readonly name: string
  readonly checksum: string
  readonly applied_at: string
}

/** What both stores of accounts do with the rows: reading one with its groups, and adding new ones. */

import type { Transaction } from 'kysely'
import type { NewAccount } from '../authentication/accounts.ts'
import { countChange } from './change-count.ts'
import type { Reader, Tables } from './tables.ts'

/** The step of `set_up_steps` that is done once there has been an account. */
export const firstAccountStep = 'first account'

export type AccountWithGroups = Tables['accounts'] & { readonly groups: readonly string[] }

/** By name; groups by name as well. @param names only these; all where it is left out */
export async function readAccounts(
  reader: Reader,
  names?: readonly string[],
): Promise<readonly AccountWithGroups[]> {
  const all = reader
    .selectFrom('accounts')
    .leftJoin('account_groups', 'account_id', 'id')
    .selectAll('accounts')
    .select('group_name')
    .orderBy('name')
    .orderBy('group_name')
  const rows = await (names === undefined ? all : all.where('name', 'in', names)).execute()
  const groups = new Map<string, string[]>()
  const accounts: AccountWithGroups[] = []
  for (const { group_name: group, ...account } of rows) {
    let ofAccount = groups.get(account.id)
    if (ofAccount === undefined) {
      ofAccount = []
      groups.set(account.id, ofAccount)
      accounts.push({ ...account, groups: ofAccount })
    }
    if (group !== null) ofAccount.push(group)
  }
  return accounts
}

/** @returns false where that was recorded before */
export async function recordFirstAccount(
  transaction: Transaction<Tables>,
  time: Date,
): Promise<boolean> {
  const step = await transaction
    .insertInto('set_up_steps')
    .values({ name: firstAccountStep, done_at: time.toISOString() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst()
  return step.numInsertedOrUpdatedRows === 1n
}

/** @returns false where the name is taken: nothing has changed */
export async function insertAccount(
  transaction: Transaction<Tables>,
  { id, name, passwordHash, groups, createdAt }: NewAccount,
): Promise<boolean> {
  const time = createdAt.toISOString()
  const inserted = await transaction
    .insertInto('accounts')
    .values({
      id,
      name,
      password_hash: passwordHash,
      disabled: 0,
      created_at: time,
      updated_at: time,
      password_changed_at: time,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst()
  if (inserted.numInsertedOrUpdatedRows !== 1n) return false
  await countChange(transaction, 'password hashes')
  await insertGroups(transaction, id, groups)
  return true
}

export async function insertGroups(
  transaction: Transaction<Tables>,
  accountId: string,
  groups: readonly string[],
): Promise<void> {
  if (groups.length === 0) return
  await transaction
    .insertInto('account_groups')
    .values(groups.map((group) => ({ account_id: accountId, group_name: group })))
    .execute()
}

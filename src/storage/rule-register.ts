/** The rules in the database, as an operator sees them. */

import type { Transaction } from 'kysely'
import type { NewRule, RuleRecord, RuleRegister } from '../admin/rule-register.ts'
import { countChange } from './change-count.ts'
import type { Database } from './database.ts'
import { readRules, recordOf, rowOf } from './rule-rows.ts'
import type { Tables } from './tables.ts'

export class KyselyRuleRegister implements RuleRegister {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async list(): Promise<readonly RuleRecord[]> {
    return (await this.#database.read((reader) => readRules(reader))).map(recordOf)
  }

  async add(
    rule: NewRule,
    check: (others: readonly RuleRecord[]) => void,
    forgotten: Date,
  ): Promise<RuleRecord> {
    return await this.#database.write(async (transaction) => {
      await forget(transaction, forgotten)
      check((await readRules(transaction, rule.createdAt)).map(recordOf))
      const row = rowOf(await countChange(transaction, 'rules'), rule)
      await transaction.insertInto('rules').values(row).execute()
      return recordOf(row)
    })
  }

  async remove(ids: readonly number[], forgotten: Date): Promise<boolean> {
    return await this.#database.write(async (transaction) => {
      const there = await transaction
        .selectFrom('rules')
        .select('id')
        .where('id', 'in', ids)
        .execute()
      if (there.length < new Set(ids).size) return false
      await transaction.deleteFrom('rules').where('id', 'in', ids).execute()
      await forget(transaction, forgotten)
      await countChange(transaction, 'rules')
      return true
    })
  }
}

/** At a write, so that a look at the rules changes nothing. */
async function forget(transaction: Transaction<Tables>, before: Date): Promise<void> {
  await transaction.deleteFrom('rules').where('ends_at', '<', before.toISOString()).execute()
}

/** Counts of changes that a running server has to notice, whoever makes them. */

import type { Transaction } from 'kysely'
import type { Database } from './database.ts'
import type { Tables } from './tables.ts'

/** The rows of `change_counts`. */
export type CountedChanges = 'password hashes' | 'rules'

/** One count as it is now; while nothing at all is written, a look at it takes a few microseconds. */
export class ChangeCount {
  readonly #database: Database
  readonly #name: CountedChanges
  /** What it was when the database was in the state that `seen` marks. */
  #counted: { readonly seen: string; readonly changes: number } | undefined

  constructor(database: Database, name: CountedChanges) {
    this.#database = database
    this.#name = name
  }

  /** At once where nothing has changed. @throws AppError unavailable where the database cannot be read */
  current(): number | Promise<number> {
    const mark = this.#database.changeMark()
    return typeof mark === 'string' && this.#counted?.seen === mark
      ? this.#counted.changes
      : this.#count(mark)
  }

  async #count(mark: string | Promise<string>): Promise<number> {
    const seen = await mark
    if (this.#counted?.seen !== seen) {
      const row = await this.#database.read((reader) =>
        reader
          .selectFrom('change_counts')
          .select('changes')
          .where('name', '=', this.#name)
          .executeTakeFirstOrThrow(),
      )
      this.#counted = { seen, changes: row.changes }
    }
    return this.#counted.changes
  }
}

/**
 * In the transaction of each change, so that whoever sees the one sees the other.
 *
 * @returns the number of this change, which no other one has
 */
export async function countChange(
  transaction: Transaction<Tables>,
  name: CountedChanges,
): Promise<number> {
  const row = await transaction
    .updateTable('change_counts')
    .set((count) => ({ changes: count('changes', '+', 1) }))
    .where('name', '=', name)
    .returning('changes')
    .executeTakeFirstOrThrow()
  return row.changes
}

/** What the throttle knows, in the database. */

import type { ThrottleRow, ThrottleStore } from '../authentication/throttle/write-behind.ts'
import type { Database } from './database.ts'

/** More than the throttle has room for is not read. */
const rowsAtMost = 200_000
/** Several times what one change can add, so that the table never holds much that has expired. */
const purgedAtOnce = 2_000

export class KyselyThrottleStore implements ThrottleStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async load(now: Date): Promise<readonly ThrottleRow[]> {
    const rows = await this.#database.read((reader) =>
      reader
        .selectFrom('throttle')
        .selectAll()
        .where('expires_at', '>', now.toISOString())
        .orderBy('expires_at', 'desc')
        .limit(rowsAtMost)
        .execute(),
    )
    return rows
      .map(({ expires_at, ...row }) => ({ ...row, expiresAt: new Date(expires_at) }))
      .reverse()
  }

  async save(rows: readonly ThrottleRow[], now: Date): Promise<void> {
    const values = rows.map(({ expiresAt, ...row }) => ({
      ...row,
      expires_at: expiresAt.toISOString(),
    }))
    await this.#database.write(async (transaction) => {
      await transaction
        .insertInto('throttle')
        .values(values)
        .onConflict((conflict) =>
          conflict.columns(['kind', 'key']).doUpdateSet(({ ref }) => ({
            amount: ref('excluded.amount'),
            expires_at: ref('excluded.expires_at'),
          })),
        )
        .execute()
      await transaction
        .deleteFrom('throttle')
        .where(({ eb, refTuple, selectFrom }) =>
          eb(
            refTuple('kind', 'key'),
            'in',
            selectFrom('throttle')
              .select(['kind', 'key'])
              .where('expires_at', '<=', now.toISOString())
              .limit(purgedAtOnce)
              .$asTuple('kind', 'key'),
          ),
        )
        .execute()
    })
  }
}

/** Kysely's SQLite, with transactions that take the write lock when they begin. */

import type { Database as Sqlite } from 'better-sqlite3'
import { CompiledQuery, type DatabaseConnection, SqliteDialect, SqliteDriver } from 'kysely'

export class ImmediateSqliteDialect extends SqliteDialect {
  readonly #sqlite: Sqlite

  constructor(sqlite: Sqlite) {
    super({ database: sqlite })
    this.#sqlite = sqlite
  }

  override createDriver(): SqliteDriver {
    return new ImmediateSqliteDriver(this.#sqlite)
  }
}

class ImmediateSqliteDriver extends SqliteDriver {
  readonly #sqlite: Sqlite

  constructor(sqlite: Sqlite) {
    super({ database: sqlite })
    this.#sqlite = sqlite
  }

  /**
   * A plain BEGIN takes the lock at the first write: if somebody else has written since the first
   * read, that write fails for good. So only the beginning can find the database busy.
   */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  /** SQLite itself rolls back on a full or failing disk; a second rollback would hide that error. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.inTransaction) await super.rollbackTransaction(connection)
  }
}

/** The embedded database: how it is opened, read, written and closed. */

import { statSync } from 'node:fs'
import BetterSqlite3, { type Database as Sqlite, type Statement } from 'better-sqlite3'
import { Kysely, type Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { AppError, messageOf } from '../errors.ts'
import type { Health } from '../health.ts'
import { isBusy, openingFault, retryWhileBusy, runningFault } from './database-faults.ts'
import { migrate, readMigrations } from './migrate.ts'
import { ImmediateSqliteDialect } from './sqlite-dialect.ts'
import { applicationId, prepareSqliteFile, remedy } from './sqlite-file.ts'
import type { Reader, Tables } from './tables.ts'

export interface DatabaseOptions {
  /** Absolute. */
  readonly path: string
  readonly clock: Clock
}

/** What SQLite gives back for each setting that every connection must have. */
const settings = {
  // Nobody reads what is half written, and readers and the one writer do not wait for each other.
  journal_mode: 'wal',
  // FULL: a commit is on the disk before it returns. In WAL mode the library's own default is NORMAL,
  // with which an acknowledged change can be lost when the power fails.
  synchronous: 2,
  foreign_keys: 1,
  // SQLite would wait inside of a synchronous call and stop the event loop: we wait outside of it.
  busy_timeout: 0,
} as const

/** Up to this size, which is read in about half a second, every page is checked at the start. */
const maximumCheckedBytes = 512 * 1024 * 1024

/**
 * Opens the database, makes it where there is none, and brings its schema up to date. What is there
 * but cannot be used is refused, and never replaced by an empty one.
 *
 * @throws AppError misconfigured, with the file, what is wrong and what to do
 */
export async function openDatabase({ path, clock }: DatabaseOptions): Promise<Database> {
  const migrations = readMigrations()
  let sqlite: Sqlite | undefined
  try {
    prepareSqliteFile(path)
    await retryWhileBusy(async () => assertSound(path))
    sqlite = await retryWhileBusy(async () => connect(path))
    const database = new Database(sqlite, path)
    await migrate(database, migrations, clock)
    return database
  } catch (error) {
    sqlite?.close()
    throw openingFault(path, error)
  }
}

/**
 * Looks through a connection that cannot write: closing any other one would put what lies in the
 * write-ahead log into the file, also where that is the log of another database.
 */
function assertSound(path: string): void {
  const sqlite = new BetterSqlite3(path, { readonly: true, timeout: settings.busy_timeout })
  try {
    // The file's own header has been seen to be ours, so it is the log that holds another one.
    if (sqlite.pragma('application_id', { simple: true }) !== applicationId) {
      throw new AppError(
        'misconfigured',
        `${path}-wal is the log of another database: move it and ${path}-shm away, or restore all of them from a backup`,
      )
    }
    if (statSync(path).size > maximumCheckedBytes) return
    const found = String(sqlite.pragma('quick_check(1)', { simple: true }))
    if (found !== 'ok') {
      const fault = found.replaceAll('\n', ' ')
      throw new AppError('misconfigured', `${path} is damaged (${fault}): ${remedy}`)
    }
  } finally {
    sqlite.close()
  }
}

/** A connection with every setting made and seen to be made, to a file that can be written. */
function connect(path: string): Sqlite {
  const sqlite = new BetterSqlite3(path, { fileMustExist: true, timeout: settings.busy_timeout })
  try {
    for (const [name, value] of Object.entries(settings)) {
      sqlite.pragma(`${name} = ${value}`)
      const actual = sqlite.pragma(name, { simple: true })
      if (actual !== value) {
        throw new AppError(
          'misconfigured',
          `${path}: SQLite has ${name} = ${actual} and does not take ${value}; a database must be on a local disk, not on a network file system`,
        )
      }
    }
    assertWritable(sqlite)
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

function assertWritable(sqlite: Sqlite): void {
  try {
    sqlite.exec('begin immediate; rollback')
  } catch (error) {
    // Somebody else writes, so it can be written.
    if (!isBusy(error)) throw error
  }
}

/** One connection; a change in progress holds it, so a change is short and awaits nothing but its queries. */
export class Database {
  /** The file. */
  readonly path: string
  readonly #kysely: Kysely<Tables>
  readonly #inode: number
  readonly #changesElsewhere: Statement<[], number>
  #changesHere = 0

  constructor(sqlite: Sqlite, path: string) {
    this.path = path
    // Another number after a commit of any other connection, and only then (sqlite.org/pragma.html).
    this.#changesElsewhere = sqlite.prepare<[], number>('pragma data_version').pluck()
    this.#kysely = new Kysely({ dialect: new ImmediateSqliteDialect(sqlite) })
    this.#inode = statSync(path).ino
  }

  /** @throws AppError unavailable where the database cannot be read */
  async read<Result>(query: (reader: Reader) => Promise<Result>): Promise<Result> {
    return await this.#attempt(() => query(this.#kysely))
  }

  /**
   * Runs a change in a transaction of its own, which is on the disk when this returns. While another
   * process writes it is tried again for 2 s, from its beginning.
   *
   * @throws AppError unavailable where it could not be made: nothing of it has happened
   */
  async write<Result>(
    change: (transaction: Transaction<Tables>) => Promise<Result>,
  ): Promise<Result> {
    const result = await this.#attempt(() => this.#kysely.transaction().execute(change))
    this.#changesHere += 1
    return result
  }

  /**
   * Another text whenever anything may have changed, here or in another process; takes 4 µs. Nearly always
   * there at once: every request asks for it, and a wait for nothing costs more than the look.
   *
   * @throws AppError unavailable where the database cannot be read
   */
  changeMark(): string | Promise<string> {
    try {
      this.#assertInPlace()
      return this.#mark()
    } catch {
      // Busy for a moment, or gone: tried again, or told, as for every other look.
      return this.#attempt(async () => this.#mark())
    }
  }

  #mark(): string {
    return `${this.#changesElsewhere.get()}/${this.#changesHere}`
  }

  /** Whether it can be read right now; waits for nobody. */
  async status(): Promise<Health> {
    try {
      this.#assertInPlace()
      await this.#kysely.selectFrom('migrations').select('name').limit(1).execute()
      return { ok: true }
    } catch (error) {
      return { ok: false, detail: messageOf(error) }
    }
  }

  async close(): Promise<void> {
    await this.#kysely.destroy()
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      this.#assertInPlace()
      return await retryWhileBusy(work)
    } catch (error) {
      throw runningFault(error)
    }
  }

  #currentInode(): number | undefined {
    try {
      return statSync(this.path, { throwIfNoEntry: false })?.ino
    } catch (error) {
      // No right to enter the folder, or a disk that fails: what the system says names the path, and is for the log.
      const message = 'the database cannot be reached; try again in a moment'
      throw new AppError('unavailable', message, { cause: error })
    }
  }

  /**
   * What is written to a file that has been deleted or replaced is gone with the process, and what is
   * read from it has missed every change since.
   */
  #assertInPlace(): void {
    if (this.#currentInode() === this.#inode) return
    throw new AppError('unavailable', 'the database is gone or was replaced; restart the server')
  }
}

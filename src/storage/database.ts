/** The embedded database: how it is opened, read, written and closed, and what its failures mean. */

import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import BetterSqlite3, { type Database as Sqlite, SqliteError } from 'better-sqlite3'
import { Kysely, type Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { migrate, readMigrations } from './migrate.ts'
import { ImmediateSqliteDialect } from './sqlite-dialect.ts'
import { prepareSqliteFile, remedy } from './sqlite-file.ts'
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

/** Milliseconds for which a busy database is tried again, and about how long between two tries. */
const patience = 2_000
const retryInterval = 10

/** Up to this size, which is read in about half a second, every page is checked at the start. */
const maximumCheckedBytes = 512 * 1024 * 1024

/**
 * Opens the database, makes it where there is none, and brings its schema up to date. What is there
 * but cannot be used is refused, and never replaced by an empty one.
 *
 * @throws AppError misconfigured, with the file, what is wrong and what to do
 */
export async function openDatabase({ path, clock }: DatabaseOptions): Promise<Database> {
  let sqlite: Sqlite | undefined
  try {
    prepareSqliteFile(path)
    const connected = await retryWhileBusy(async () => connect(path))
    sqlite = connected
    await retryWhileBusy(async () => checkSound(connected, path))
    const database = new Database(connected, path)
    await migrate(database, readMigrations(), clock)
    return database
  } catch (error) {
    sqlite?.close()
    throw openingFault(path, error)
  }
}

/** A connection with every setting made, and seen to be made. */
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
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

function checkSound(sqlite: Sqlite, path: string): void {
  if (statSync(path).size <= maximumCheckedBytes) {
    const found = sqlite.pragma('quick_check(1)', { simple: true })
    if (found !== 'ok') {
      throw new AppError('misconfigured', `${path} is damaged (${found}): ${remedy}`)
    }
  }
  try {
    sqlite.exec('begin immediate; rollback')
  } catch (error) {
    // Somebody else writes, so it can be written.
    if (!isBusy(error)) throw error
  }
}

export type DatabaseStatus = { readonly ok: true } | { readonly ok: false; readonly detail: string }

/** One connection; a change in progress holds it, so a change is short and awaits nothing but its queries. */
export class Database {
  /** The file. */
  readonly path: string
  readonly #kysely: Kysely<Tables>
  readonly #inode: number

  constructor(sqlite: Sqlite, path: string) {
    this.path = path
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
    return await this.#attempt(async () => {
      this.#assertInPlace()
      return await this.#kysely.transaction().execute(change)
    })
  }

  /** Whether it can be read right now; waits for nobody. */
  async status(): Promise<DatabaseStatus> {
    try {
      this.#assertInPlace()
      await this.#kysely.selectFrom('migrations').select('name').limit(1).execute()
      return { ok: true }
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : String(error) }
    }
  }

  async close(): Promise<void> {
    await this.#kysely.destroy()
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await retryWhileBusy(work)
    } catch (error) {
      throw runningFault(error)
    }
  }

  /** What is written to a file that has been deleted or replaced is gone with the process. */
  #assertInPlace(): void {
    if (statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode) return
    throw new AppError('unavailable', 'the database is gone or was replaced; restart the server')
  }
}

async function retryWhileBusy<Result>(work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + patience
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
    }
    await sleep(retryInterval)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY')
}

/** A mistake in a query is a defect of ours, and stays what it is. */
const defects = ['SQLITE_ERROR', 'SQLITE_MISUSE', 'SQLITE_RANGE', 'SQLITE_CONSTRAINT']

function runningFault(error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error
  if (defects.some((code) => error.code.startsWith(code))) return error
  const reason = isBusy(error) ? 'is busy' : 'cannot be used'
  return new AppError('unavailable', `the database ${reason}; try again in a moment`, {
    cause: error,
  })
}

/** Start of SQLite's or the system's error code → what it says of the file, and what to do. */
const openingFaults: readonly (readonly [code: string, sentence: string])[] = [
  ['SQLITE_BUSY', 'is kept locked by another process: end that process'],
  ['SQLITE_NOTADB', `is not a database, or a damaged one: ${remedy}`],
  ['SQLITE_CORRUPT', `is damaged: ${remedy}`],
  ['SQLITE_ERROR', `does not have the tables that it should have: ${remedy}`],
  ['SQLITE_FULL', 'cannot be written: the disk is full; make room on it'],
  ['SQLITE_IOERR', 'cannot be read or written: the disk fails; look at the log of the system'],
  ['ENOSPC', 'cannot be made: the disk is full; make room on it'],
  ['EROFS', 'cannot be written: the file system is read-only; let "database" name another place'],
  ['ENOTDIR', 'cannot be made: a part of its path is not a folder; let "database" name another'],
]

function openingFault(path: string, error: unknown): unknown {
  if (error instanceof AppError && error.code === 'misconfigured') return error
  const cause = error instanceof AppError ? error.cause : error
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  if (code === undefined) return error
  const sentence =
    openingFaults.find(([start]) => code.startsWith(start))?.[1] ??
    `cannot be opened or written (${code}): give the user that the server runs as the right to read and write the file and its folder (chown, chmod)`
  return new AppError('misconfigured', `${path} ${sentence}`, { cause })
}

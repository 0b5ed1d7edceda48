/** What the failures of SQLite mean: whom to tell what, and which pass by themselves. */

import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SqliteError } from 'better-sqlite3'
import { AppError } from '../errors.ts'
import { remedy } from './sqlite-file.ts'

/** Milliseconds for which a busy database is tried again, and about how long between two tries. */
const patience = 2_000
const retryInterval = 10

/** The event loop is free between two tries. `work` is begun anew each time. */
export async function retryWhileBusy<Result>(work: () => Promise<Result>): Promise<Result> {
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

export function isBusy(error: unknown): boolean {
  return error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY')
}

/** A mistake in a query is a defect of ours, and stays what it is. */
const defects = ['SQLITE_ERROR', 'SQLITE_MISUSE', 'SQLITE_RANGE', 'SQLITE_CONSTRAINT']

/** While the server runs, whoever asked is told to come again; the cause is for the log. */
export function runningFault(error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error
  if (defects.some((code) => error.code.startsWith(code))) return error
  const reason = isBusy(error) ? 'is busy' : 'cannot be used'
  return new AppError('unavailable', `the database ${reason}; try again in a moment`, {
    cause: error,
  })
}

/** The usual reason: it is the server's, and somebody else runs a command. */
function owner(path: string): string {
  try {
    const { uid } = statSync(path)
    return `, or run it as their owner, uid ${uid}`
  } catch {
    return ', or run it as their owner'
  }
}

const notFolder = 'cannot be made: a part of its path is a file; let "database" name another place'

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
  ['ENOTDIR', notFolder],
  ['EEXIST', notFolder],
]

/** At the start, the operator is told what is wrong with the file and what to do. */
export function openingFault(path: string, error: unknown): unknown {
  if (error instanceof AppError && error.code === 'misconfigured') return error
  const cause = error instanceof AppError ? error.cause : error
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  if (code === undefined) return error
  const sentence =
    openingFaults.find(([start]) => code.startsWith(start))?.[1] ??
    `cannot be opened or written (${code}): give the user that this program runs as the right to read and write the file and its folder (chown, chmod)${owner(path)}`
  return new AppError('misconfigured', `${path} ${sentence}`, { cause })
}

/** The database's file: makes it where there is none, and knows at sight what is no database of ours. */

import { randomUUID } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { AppError } from '../errors.ts'

/** "Dkwn" in the header (offset 68) marks the files that are ours; https://sqlite.org/fileformat2.html §1.3. */
export const applicationId = 0x446b776e
const applicationIdOffset = 68
const headerLength = 100
/** Where migrations are recorded, so it cannot be one itself. */
const migrationsTable = `CREATE TABLE migrations (
  name TEXT NOT NULL PRIMARY KEY,
  checksum TEXT NOT NULL,
  applied_at TEXT NOT NULL
)`
const magic = 'SQLite format 3\0'

/** What an operator can do about a file that cannot be used. */
export const remedy =
  'restore it from a backup, or move it away together with its -wal and -shm to start with a new, empty database'

/**
 * Afterwards `path` is a database of ours, as far as its header tells. A file that exists is never
 * written to here, and never replaced.
 *
 * @throws AppError misconfigured, with the file, what is wrong and what to do
 */
export function prepareSqliteFile(path: string): void {
  // Looked at before the database itself: another process that makes one now makes this one last.
  const log = [`${path}-wal`, `${path}-journal`].find(existsSync)
  if (!exists(path)) {
    if (log !== undefined) {
      throw new AppError(
        'misconfigured',
        `${path} is missing, but ${log} is there and holds changes to it: restore both from a backup, or move that file away to start with a new, empty database`,
      )
    }
    create(path)
  }
  const fault = headerFault(path)
  if (fault !== undefined) throw new AppError('misconfigured', `${path} ${fault}`)
}

function exists(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file?.isDirectory() === true) {
    throw new AppError(
      'misconfigured',
      `${path} is a folder: "database" must name a file in it, such as sqlite:${path}/dockwarden.db`,
    )
  }
  return file !== undefined
}

/**
 * The file appears under its name when it is whole, so that a process killed here leaves no half of a
 * database behind, and of two that start at once one finds the other's.
 */
function create(path: string): void {
  const folder = dirname(path)
  const draft = `${path}.${randomUUID()}.new`
  const topmostMade = mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    // The -wal and -shm that SQLite makes later take over the mode of the database.
    closeSync(openSync(draft, 'wx', 0o600))
    const sqlite = new BetterSqlite3(draft)
    try {
      sqlite.pragma(`application_id = ${applicationId}`)
      sqlite.exec(migrationsTable)
      sqlite.pragma('journal_mode = WAL')
    } finally {
      sqlite.close()
    }
    giveToFolderOwner(draft, topmostMade)
    // Unlike a rename, it fails where there is a file by now.
    linkSync(draft, path)
    flush(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/**
 * What root makes in somebody else's folder is for them: a server that runs as that user could not
 * open it. SQLite itself does the same with its -wal and -shm.
 */
function giveToFolderOwner(file: string, topmostMade: string | undefined): void {
  const { uid, gid } = statSync(dirname(topmostMade ?? file))
  if (statSync(file).uid !== 0 || uid === 0) return
  const paths = [file]
  for (let path = file; path !== (topmostMade ?? file); paths.push(path)) path = dirname(path)
  try {
    for (const path of paths) chownSync(path, uid, gid)
  } catch {
    // In a container root may lack this right. The file is root's then, as any other that it makes.
  }
}

/** A new name is on the disk only once its folder is. */
function flush(folder: string): void {
  const descriptor = openSync(folder, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

function headerFault(path: string): string | undefined {
  const header = Buffer.alloc(headerLength)
  const descriptor = openSync(path, 'r')
  const length = readSync(descriptor, header)
  closeSync(descriptor)
  if (length === 0) return `is empty (0 bytes): ${remedy}`
  if (length < headerLength || header.toString('latin1', 0, magic.length) !== magic) {
    return `is not a database, or a damaged one (its header is not SQLite's): ${remedy}`
  }
  if (header.readUInt32BE(applicationIdOffset) !== applicationId) {
    return 'is the database of another program: let "database" name another file'
  }
  return undefined
}

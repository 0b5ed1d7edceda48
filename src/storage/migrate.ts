/** Brings a database's schema up to date: numbered SQL files, forward only, each applied once and whole. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { sql, type Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { AppError, messageOf } from '../errors.ts'
import type { Reader, Tables } from './tables.ts'

export interface Migration {
  /** The file's name without `.sql`, such as `0001-accounts`. */
  readonly name: string
  readonly text: string
  /** SHA-256 of the file, in hexadecimal. */
  readonly checksum: string
}

// The same from src/ and from dist/.
const shipped = fileURLToPath(new URL('../../migrations/', import.meta.url))
const namePattern = /^\d{4}-[a-z0-9-]+\.sql$/

/**
 * In the order in which they are applied.
 *
 * @throws AppError misconfigured where the installation is not whole
 */
export function readMigrations(folder: string = shipped): readonly Migration[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  const isWhole = files.every(
    (file, index) => namePattern.test(file) && Number(file.slice(0, 4)) === index + 1,
  )
  if (!isWhole || files.length === 0) {
    throw new AppError(
      'misconfigured',
      `${folder} must hold 0001-….sql, 0002-….sql and so on without a gap, but holds ${files.join(', ') || 'none'}: install Dockwarden again`,
    )
  }
  return files.map((file) => {
    const content = readFileSync(`${folder}/${file}`)
    const checksum = createHash('sha256').update(content).digest('hex')
    return { name: file.slice(0, -'.sql'.length), text: content.toString('utf8'), checksum }
  })
}

/** The database, as far as migrations need it. */
export interface MigratedDatabase {
  readonly path: string
  read<Result>(query: (reader: Reader) => Promise<Result>): Promise<Result>
  write<Result>(change: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result>
}

/**
 * Applies what is missing, each in one transaction together with its record. Where two processes do
 * so at once, each migration is applied by one of them, and the other sees it done.
 *
 * @throws AppError misconfigured where the database was written by another version of the program,
 *   or a migration failed; that one has then changed nothing
 */
export async function migrate(
  database: MigratedDatabase,
  migrations: readonly Migration[],
  clock: Clock,
): Promise<void> {
  const { path } = database
  const applied = await database.read((reader) => appliedAmong(reader, migrations, path))
  for (const migration of migrations.slice(applied)) {
    await database.write(async (transaction) => {
      // Another process may have been here since.
      const applied = await appliedAmong(transaction, migrations, path)
      if (migrations.indexOf(migration) >= applied) await apply(transaction, migration, path, clock)
    })
  }
}

/** How many of the migrations are applied: the first ones, or the database is another program's. */
async function appliedAmong(
  reader: Reader,
  migrations: readonly Migration[],
  path: string,
): Promise<number> {
  const applied = await reader.selectFrom('migrations').selectAll().orderBy('name').execute()
  for (const [index, { name, checksum }] of applied.entries()) {
    const migration = migrations[index]
    if (migration?.name === name && migration.checksum === checksum) continue
    const fault =
      migration === undefined
        ? `was written by a newer version of Dockwarden (it has ${name}, which this version does not know): run that version, or restore the backup from before the upgrade`
        : `was written by another build of Dockwarden (it has ${name} where this one has ${migration.name}${migration.name === name ? ' with another text' : ''}): run that build, or restore a backup that this one wrote`
    throw new AppError('misconfigured', `${path} ${fault}`)
  }
  return applied.length
}

async function apply(
  transaction: Transaction<Tables>,
  { name, text, checksum }: Migration,
  path: string,
  clock: Clock,
): Promise<void> {
  try {
    for (const statement of statementsOf(text)) await sql.raw(statement).execute(transaction)
  } catch (error) {
    throw new AppError(
      'misconfigured',
      `${path}: the migration ${name} failed and has changed nothing: ${messageOf(error)}`,
      { cause: error },
    )
  }
  await transaction
    .insertInto('migrations')
    .values({ name, checksum, applied_at: clock().toISOString() })
    .execute()
}

/** Neither database takes several statements at once through its prepared queries. */
function statementsOf(text: string): readonly string[] {
  return text
    .replace(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

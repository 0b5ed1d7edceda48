import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { type Migration, migrate, readMigrations } from '../../src/storage/migrate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startModule } from './second-process.ts'

const clock = () => new Date('2026-02-03T04:05:06.789Z')
const shipped = readMigrations()
const freshPath = () => join(temporaryFolder('migrate'), 'dockwarden.db')

function migration(name: string, text: string): Migration {
  return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
}

/** As many as there are shipped, and then these. */
function beyond(...texts: readonly string[]): readonly Migration[] {
  const added = texts.map((text, index) =>
    migration(`${String(shipped.length + index + 1).padStart(4, '0')}-added`, text),
  )
  return [...shipped, ...added]
}

async function applied(database: Database): Promise<readonly string[]> {
  const rows = await database.read((reader) =>
    reader.selectFrom('migrations').select('name').orderBy('name').execute(),
  )
  return rows.map(({ name }) => name)
}

async function tables(database: Database): Promise<readonly string[]> {
  const { rows } = await database.write((transaction) =>
    sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(transaction),
  )
  return rows.map(({ name }) => name)
}

test('a new database has every migration that is shipped, with its checksum and its time', async () => {
  const database = await openDatabase({ path: freshPath(), clock })
  const rows = await database.read((reader) =>
    reader.selectFrom('migrations').selectAll().orderBy('name').execute(),
  )
  expect(rows).toEqual(
    shipped.map(({ name, checksum }) => ({
      name,
      checksum,
      applied_at: '2026-02-03T04:05:06.789Z',
    })),
  )
  await database.close()
})

test('what is missing is applied in order and once', async () => {
  const database = await openDatabase({ path: freshPath(), clock })
  const migrations = beyond(
    "-- comment; with a semicolon\nCREATE TABLE one (id TEXT);\n\nINSERT INTO one VALUES ('a;b');\n",
    'ALTER TABLE one ADD COLUMN more TEXT;',
  )
  await migrate(database, migrations.slice(0, -1), clock)
  await migrate(database, migrations, clock)
  await migrate(database, migrations, clock)
  expect(await applied(database)).toEqual(migrations.map(({ name }) => name))
  const { rows } = await database.write((transaction) =>
    sql`select * from one`.execute(transaction),
  )
  expect(rows).toEqual([{ id: 'a;b', more: null }])
  await database.close()
})

test('a migration that fails changes nothing, and those before it stay', async () => {
  const database = await openDatabase({ path: freshPath(), clock })
  const migrations = beyond(
    'CREATE TABLE whole (id TEXT);',
    'CREATE TABLE half (id TEXT);\nINSERT INTO nowhere VALUES (1);',
  )
  await expect(migrate(database, migrations, clock)).rejects.toMatchObject({
    code: 'misconfigured',
    message: expect.stringMatching(
      /the migration \d{4}-added failed and has changed nothing: no such table: nowhere/,
    ),
  })
  expect(await applied(database)).toEqual(migrations.slice(0, -1).map(({ name }) => name))
  expect(await tables(database)).toContain('whole')
  expect(await tables(database)).not.toContain('half')
  await database.close()
})

const refusals: readonly { name: string; now: readonly Migration[]; says: RegExp }[] = [
  {
    name: 'a migration that was edited since',
    now: beyond('CREATE TABLE other (id TEXT);'),
    says: /with another text/,
  },
  {
    name: 'a database that has a migration more than the program',
    now: shipped,
    says: /newer version of Dockwarden/,
  },
  {
    name: 'a migration that was renamed since',
    now: beyond('CREATE TABLE added (id TEXT);').map((each) => ({
      ...each,
      name: each.name.replace('-added', '-renamed'),
    })),
    says: /it has \d{4}-added where this one has \d{4}-renamed/,
  },
]
for (const { name, now, says } of refusals) {
  test(`${name} is refused`, async () => {
    const database = await openDatabase({ path: freshPath(), clock })
    const before = beyond('CREATE TABLE added (id TEXT);')
    await migrate(database, before, clock)
    await expect(migrate(database, now, clock)).rejects.toMatchObject({
      code: 'misconfigured',
      message: expect.stringMatching(says),
    })
    expect(await applied(database)).toEqual(before.map(({ name }) => name))
    await database.close()
  })
}

test('of processes that start at once on a new database, each finds it whole', async () => {
  const path = freshPath()
  const starts = Array.from({ length: 4 }, () =>
    startModule(
      `import { openDatabase } from './dist/storage/database.js'
       const database = await openDatabase({ path, clock: () => new Date() })
       console.log((await database.status()).ok)
       await database.close()`,
      path,
    ),
  )
  const exits = await Promise.all(starts.map((start) => start.exit()))
  expect(
    exits.map(({ code }) => code),
    starts.map(({ output }) => output).join(),
  ).toEqual([0, 0, 0, 0])
  expect(starts.map(({ stdout }) => stdout)).toEqual(Array(4).fill('true\n'))
  const database = await openDatabase({ path, clock })
  expect(await applied(database)).toEqual(shipped.map(({ name }) => name))
  await database.close()
})

const folders: readonly { name: string; files: readonly string[] }[] = [
  { name: 'no migration', files: [] },
  { name: 'a gap', files: ['0001-a.sql', '0003-c.sql'] },
  { name: 'a number twice', files: ['0001-a.sql', '0001-b.sql'] },
  { name: 'a name that is none', files: ['1-a.sql'] },
]
for (const { name, files } of folders) {
  test(`an installation with ${name} is refused`, () => {
    const folder = temporaryFolder('migrations')
    for (const file of files) writeFileSync(join(folder, file), 'SELECT 1;')
    expect(() => readMigrations(folder)).toThrow(/without a gap.*install Dockwarden again/)
  })
}

test('migrations are written in what SQLite and PostgreSQL both understand', () => {
  const ofOneOnly =
    /autoincrement|integer primary key|\bserial\b|without rowid|\bstrict\b|pragma|\bblob\b|\bbytea\b|datetime\(|now\(|\breplace into\b|`|"/i
  for (const { name, text } of shipped) {
    expect(text.replace(/--.*$/gm, ''), name).not.toMatch(ofOneOnly)
  }
})

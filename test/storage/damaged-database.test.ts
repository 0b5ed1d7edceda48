import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/storage/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startModule } from './second-process.ts'

const clock = () => new Date()

/** A database with a few hundred rows, closed. */
async function filledDatabase(): Promise<string> {
  const path = join(temporaryFolder('damaged'), 'dockwarden.db')
  const database = await openDatabase({ path, clock })
  await database.write(async (transaction) => {
    for (let number = 0; number < 500; number++) {
      const row = { name: `step ${number}`, done_at: 'x'.repeat(100) }
      await transaction.insertInto('set_up_steps').values(row).execute()
    }
  })
  await database.close()
  return path
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const descriptor = openSync(path, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, offset)
  closeSync(descriptor)
}

function change(path: string, statement: string): void {
  new BetterSqlite3(path).exec(statement).close()
}

const startAnew = /move it away together with its -wal and -shm/
const garbage = Buffer.alloc(4096, 'not a page ')

const damages: readonly {
  name: string
  damage: (path: string) => void
  says: RegExp
  advises: RegExp
}[] = [
  {
    name: 'an empty file',
    damage: (path) => truncateSync(path),
    says: /is empty \(0 bytes\)/,
    advises: startAnew,
  },
  {
    name: 'a file of text',
    damage: (path) => writeFileSync(path, 'admin:$2y$10$…\n'.repeat(50)),
    says: /is not a database/,
    advises: startAnew,
  },
  {
    name: 'a file with a garbage header',
    damage: (path) => overwrite(path, 0, garbage.subarray(0, 100)),
    says: /is not a database/,
    advises: startAnew,
  },
  {
    name: 'a file cut within its header',
    damage: (path) => truncateSync(path, 50),
    says: /is not a database/,
    advises: startAnew,
  },
  {
    name: 'a file cut within its first page',
    damage: (path) => truncateSync(path, 1000),
    says: /is damaged|is not a database/,
    advises: startAnew,
  },
  {
    name: 'a file cut in half',
    damage: (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
    says: /is damaged/,
    advises: startAnew,
  },
  {
    name: 'a file without its last page',
    damage: (path) => truncateSync(path, statSync(path).size - 4096),
    says: /is damaged/,
    advises: startAnew,
  },
  {
    name: 'garbage on the page of the schema',
    damage: (path) => overwrite(path, 100, garbage.subarray(100)),
    says: /is damaged/,
    advises: startAnew,
  },
  {
    name: 'garbage on a page of data',
    damage: (path) => overwrite(path, Math.floor(statSync(path).size / 8192) * 4096, garbage),
    says: /is damaged/,
    advises: startAnew,
  },
  {
    name: "another program's database",
    damage: (path) => change(path, 'pragma application_id = 0'),
    says: /is the database of another program/,
    advises: /let "database" name another file/,
  },
  {
    name: 'a write-ahead log without its database',
    damage: (path) => {
      rmSync(path)
      writeFileSync(`${path}-wal`, 'frames')
    },
    says: /is missing, but .*-wal is there/,
    advises: /restore both from a backup, or move that file away/,
  },
  {
    name: 'a folder in its place',
    damage: (path) => {
      rmSync(path)
      mkdirSync(path)
    },
    says: /is a folder/,
    advises: /must name a file in it/,
  },
  {
    name: 'a schema newer than the program',
    damage: (path) => change(path, "insert into migrations values ('9999-later', 'abc', '')"),
    says: /was written by a newer version of Dockwarden \(it has 9999-later/,
    advises: /run that version, or restore the backup from before the upgrade/,
  },
  {
    name: 'a migration with another text',
    damage: (path) => change(path, "update migrations set checksum = 'abc'"),
    says: /was written by another build .* 0001-accounts with another text/,
    advises: /run that build, or restore a backup/,
  },
  {
    name: 'a record of migrations that has a gap',
    damage: (path) =>
      change(path, "update migrations set name = '0000-earlier' where name like '0001-%'"),
    says: /it has 0000-earlier where this one has 0001-accounts/,
    advises: /run that build, or restore a backup/,
  },
  {
    name: 'no record of migrations',
    damage: (path) => change(path, 'drop table migrations'),
    says: /does not have the tables that it should have/,
    advises: startAnew,
  },
]

for (const { name, damage, says, advises } of damages) {
  test(`B16: ${name} is refused with what to do, and left as it is`, async () => {
    const path = await filledDatabase()
    damage(path)
    const isFile = existsSync(path) && statSync(path).isFile()
    const before = isFile ? readFileSync(path) : undefined
    const refusal = await openDatabase({ path, clock }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'misconfigured' })
    const { message } = refusal as Error
    expect(message).toContain(path)
    expect(message).toMatch(says)
    expect(message).toMatch(advises)
    expect(message).not.toContain('\n')
    if (before === undefined) expect(existsSync(path) && statSync(path).isFile()).toBe(false)
    else expect(readFileSync(path).equals(before)).toBe(true)
  })
}

test('B16: a file where a folder should be is refused', async () => {
  const folder = temporaryFolder('damaged')
  writeFileSync(join(folder, 'data'), '')
  for (const path of [join(folder, 'data', 'a.db'), join(folder, 'data', 'deep', 'a.db')]) {
    await expect(openDatabase({ path, clock })).rejects.toMatchObject({
      code: 'misconfigured',
      message: `${path} cannot be made: a part of its path is a file; let "database" name another place`,
    })
  }
})

test('B16: the write-ahead log that a killed process left is taken up', async () => {
  const path = await filledDatabase()
  const writer = startModule(
    `import Sqlite from 'better-sqlite3'
     const sqlite = new Sqlite(path)
     sqlite.exec("insert into set_up_steps values ('in the log', '')")
     console.log('written')
     setInterval(() => sqlite.inTransaction, 1000)`,
    path,
  )
  await writer.waitForOutput(/written/)
  await writer.stop('SIGKILL')
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
  const database = await openDatabase({ path, clock })
  const rows = await database.read((reader) =>
    reader.selectFrom('set_up_steps').select('name').where('name', '=', 'in the log').execute(),
  )
  expect(rows).toHaveLength(1)
  await database.close()
})

test('B16: the write-ahead log of another database is refused, and not put into this one', async () => {
  const path = await filledDatabase()
  const other = join(temporaryFolder('stale'), 'other.db')
  const sqlite = new BetterSqlite3(other)
  sqlite.pragma('journal_mode = WAL')
  sqlite.exec('create table stray (id integer); insert into stray values (1)')
  writeFileSync(`${path}-wal`, readFileSync(`${other}-wal`))
  sqlite.close()
  const before = readFileSync(path)
  await expect(openDatabase({ path, clock })).rejects.toMatchObject({
    code: 'misconfigured',
  })
  expect(readFileSync(path).equals(before)).toBe(true)

  rmSync(`${path}-wal`)
  rmSync(`${path}-shm`, { force: true })
  const database = await openDatabase({ path, clock })
  expect(await database.status()).toEqual({ ok: true })
  await database.close()
})

test('a start that was killed on the way leaves nothing that the next one stumbles over', async () => {
  const path = join(temporaryFolder('killed'), 'data', 'dockwarden.db')
  mkdirSync(dirname(path))
  writeFileSync(`${path}.6b1d.new`, '')
  const database = await openDatabase({ path, clock })
  await database.close()
  expect(readdirSync(dirname(path))).toEqual(['dockwarden.db', 'dockwarden.db.6b1d.new'])
})

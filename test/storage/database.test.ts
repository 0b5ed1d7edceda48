import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { holdWriteLock, startModule } from './second-process.ts'

const clock = () => new Date()
const freshPath = () => join(temporaryFolder('database'), 'data', 'dockwarden.db')

async function addStep(database: Database, name: string): Promise<void> {
  await database.write((transaction) =>
    transaction.insertInto('set_up_steps').values({ name, done_at: '' }).execute(),
  )
}

async function steps(database: Database): Promise<readonly string[]> {
  const rows = await database.read((reader) =>
    reader.selectFrom('set_up_steps').select('name').orderBy('name').execute(),
  )
  return rows.map(({ name }) => name)
}

async function pragma(database: Database, name: string): Promise<unknown> {
  const { rows } = await database.write((transaction) =>
    sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(transaction),
  )
  return Object.values(rows[0] ?? {})[0]
}

test('only its owner can read a new database and its folder, whatever the umask', async () => {
  const path = freshPath()
  const before = process.umask(0)
  const database = await openDatabase({ path, clock })
  process.umask(before)
  await addStep(database, 'one')
  const folder = join(path, '..')
  const modes = readdirSync(folder).map((file) => [file, statSync(join(folder, file)).mode & 0o777])
  expect(modes).toEqual([
    ['dockwarden.db', 0o600],
    ['dockwarden.db-shm', 0o600],
    ['dockwarden.db-wal', 0o600],
  ])
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  await database.close()
  expect(readdirSync(folder)).toEqual(['dockwarden.db'])
})

test('A11: every connection waits for the disk before it acknowledges a change', async () => {
  const path = freshPath()
  for (const opening of ['the first', 'a later']) {
    const database = await openDatabase({ path, clock })
    expect(await pragma(database, 'journal_mode'), opening).toBe('wal')
    expect(await pragma(database, 'synchronous'), opening).toBe(2)
    expect(await pragma(database, 'foreign_keys'), opening).toBe(1)
    expect(await pragma(database, 'busy_timeout'), opening).toBeLessThanOrEqual(50)
    await database.close()
  }
})

test('A11: what was acknowledged is there after the process was killed', async () => {
  const path = freshPath()
  const writer = startModule(
    `import { openDatabase } from './dist/storage/database.js'
     const database = await openDatabase({ path, clock: () => new Date() })
     for (let number = 1; ; number++) {
       await database.write((transaction) =>
         transaction.insertInto('set_up_steps').values({ name: String(number), done_at: '' }).execute())
       process.stdout.write(number + ' done\\n')
     }`,
    path,
  )
  await writer.waitForOutput(/\b50 done/)
  await writer.stop('SIGKILL')
  const acknowledged = writer.stdout.split(' done\n').slice(0, -1)
  const database = await openDatabase({ path, clock })
  expect(await steps(database)).toEqual(expect.arrayContaining(acknowledged))
  await database.close()
})

test('a change that throws has changed nothing', async () => {
  const database = await openDatabase({ path: freshPath(), clock })
  const failing = database.write(async (transaction) => {
    await transaction.insertInto('set_up_steps').values({ name: 'half', done_at: '' }).execute()
    throw new TypeError('on purpose')
  })
  await expect(failing).rejects.toThrow(new TypeError('on purpose'))
  expect(await steps(database)).toEqual([])
  await addStep(database, 'whole')
  expect(await steps(database)).toEqual(['whole'])
  await database.close()
})

test('a transaction holds the write lock from its beginning', async () => {
  const path = freshPath()
  const database = await openDatabase({ path, clock })
  const other = new BetterSqlite3(path, { timeout: 0 })
  await database.write(async () => {
    expect(() => other.exec('begin immediate')).toThrow('database is locked')
  })
  other.exec('begin immediate; rollback')
  other.close()
  await database.close()
})

/** Reads a hundred times, and says how long the slowest read and the longest stop of the loop took, in ms. */
async function readSteadily(database: Database): Promise<{ read: number; stop: number }> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const times: number[] = []
  for (let count = 0; count < 100; count++) {
    const start = performance.now()
    expect(await steps(database)).toEqual(['before'])
    expect(await database.status()).toEqual({ ok: true })
    times.push(performance.now() - start)
    await sleep(5)
  }
  delay.disable()
  return { read: times.toSorted((a, b) => a - b)[98] ?? 0, stop: delay.percentile(99) / 1e6 }
}

test('B15: while another process writes, reads and the probe answer and the event loop is free', async () => {
  const path = freshPath()
  const database = await openDatabase({ path, clock })
  await addStep(database, 'before')
  // The machine may be busy with other things: what counts is what the lock adds to that. A wait inside
  // of SQLite would be for the 2 s that a change waits, or for as long as the lock is held.
  const alone = await readSteadily(database)
  await using holder = await holdWriteLock(path)
  const write = addStep(database, 'during')
  const locked = await readSteadily(database)
  expect(locked.read).toBeLessThan(alone.read + 1_000)
  expect(locked.stop).toBeLessThan(alone.stop + 1_000)
  await holder.stop()
  await write
  expect(await steps(database)).toEqual(['before', 'during'])
  await database.close()
})

test('B15: a change that finds the database busy for 2 s is refused, and has not happened', async () => {
  const path = freshPath()
  const database = await openDatabase({ path, clock })
  await using holder = await holdWriteLock(path)
  const start = performance.now()
  const refusal = await addStep(database, 'never').catch((error: unknown) => error)
  const duration = performance.now() - start
  expect(refusal).toMatchObject({
    code: 'unavailable',
    message: 'the database is busy; try again in a moment',
  })
  expect(duration).toBeGreaterThan(1_900)
  // The lock is held for ever, and SQLite itself would wait for as long as it is told to.
  expect(duration).toBeLessThan(15_000)
  await holder.stop()
  expect(await steps(database)).toEqual([])
  await database.close()
})

test('a database that another process has locked opens where nothing has to be written', async () => {
  const path = freshPath()
  await (await openDatabase({ path, clock })).close()
  await using _holder = await holdWriteLock(path)
  const database = await openDatabase({ path, clock })
  expect(await database.status()).toEqual({ ok: true })
  await database.close()
})

test('B13: on a full disk changes are refused, reads go on, and room on it is all that is needed', async () => {
  const database = await openDatabase({ path: freshPath(), clock })
  await addStep(database, 'before')
  const pages = await pragma(database, 'page_count')
  await pragma(database, `max_page_count = ${pages}`)
  const refusal = await addStep(database, 'x'.repeat(20_000)).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(AppError)
  expect(refusal).toMatchObject({ code: 'unavailable', cause: { code: 'SQLITE_FULL' } })
  expect(await steps(database)).toEqual(['before'])
  expect(await database.status()).toEqual({ ok: true })
  await pragma(database, 'max_page_count = 1000000')
  await addStep(database, 'room')
  expect(await steps(database)).toEqual(['before', 'room'])
  await database.close()
})

const losses: readonly { name: string; lose: (path: string) => void }[] = [
  { name: 'deleted', lose: (path) => rmSync(path) },
  {
    name: 'replaced',
    lose: (path) => {
      rmSync(path)
      new BetterSqlite3(path).exec('create table accounts (id text)').close()
    },
  },
]
for (const { name, lose } of losses) {
  test(`B14: nothing is read from a file that was ${name}, or acknowledged into it`, async () => {
    const path = freshPath()
    const database = await openDatabase({ path, clock })
    lose(path)
    await expect(addStep(database, 'lost')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(steps(database)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await database.status()).toMatchObject({ ok: false })
    await database.close()
  })
}

/** For root nothing is forbidden. */
async function unprivileged<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return await work()
  process.seteuid?.(65_534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

test('B14: while its folder may not be entered all is refused, names no path, and goes on after that', async () => {
  const path = freshPath()
  const folder = join(path, '..')
  const database = await openDatabase({ path, clock })
  await addStep(database, 'before')
  chmodSync(folder, 0)
  const refused = {
    code: 'unavailable',
    message: 'the database cannot be reached; try again in a moment',
    cause: { code: 'EACCES' },
  }
  await unprivileged(async () => {
    await expect(steps(database)).rejects.toMatchObject(refused)
    await expect(addStep(database, 'never')).rejects.toMatchObject(refused)
    await expect(database.changeMark()).rejects.toMatchObject(refused)
    expect(await database.status()).toEqual({ ok: false, detail: refused.message })
  })
  chmodSync(folder, 0o700)
  expect(await steps(database)).toEqual(['before'])
  await database.close()
})

test('a database that may not be written is refused, with what to do', async () => {
  const folder = temporaryFolder('forbidden')
  chmodSync(folder, 0o755)
  const path = join(folder, 'dockwarden.db')
  await (await openDatabase({ path, clock })).close()
  chmodSync(path, 0o444)
  const empty = join(folder, 'empty')
  mkdirSync(empty, { mode: 0o555 })
  for (const forbidden of [
    path,
    join(empty, 'dockwarden.db'),
    join(empty, 'new', 'dockwarden.db'),
  ]) {
    const refusal = await unprivileged(() => openDatabase({ path: forbidden, clock })).catch(
      (error) => error,
    )
    expect(refusal).toMatchObject({ code: 'misconfigured' })
    expect(refusal.message).toContain(`${forbidden} cannot be opened or written`)
    expect(refusal.message).toContain('chmod')
  }
  expect(readdirSync(empty)).toEqual([])
})

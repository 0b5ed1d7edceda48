import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { KyselyThrottleStore } from '../../src/storage/throttle-store.ts'
import { addressOf, minute, openThrottle } from '../authentication/throttle/guesses.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const start = Date.parse('2026-02-03T04:05:06.789Z')
const owner = { address: '192.0.2.1' }
const attacker = { address: addressOf(1) }
const failedBinds = { max: 3, window: 15 * minute }

/** A database, and throttles that follow one another on it. */
async function openWorld() {
  const path = join(temporaryFolder('throttle'), 'dockwarden.db')
  let wall = start
  const clock = () => new Date(wall)
  const database = await openDatabase({ path, clock })
  const store = new KyselyThrottleStore(database)
  return {
    path,
    database,
    advance: (milliseconds: number) => {
      wall += milliseconds
    },
    async open(setting: Parameters<typeof openThrottle>[0] = {}) {
      const world = openThrottle({ ...setting, store, clock })
      await world.throttle.load()
      return world
    },
  }
}

async function rows(database: Database) {
  return await database.read((reader) => reader.selectFrom('throttle').selectAll().execute())
}

test.each([
  { name: 'without a directory', setting: {}, wait: minute },
  { name: 'with a directory', setting: { failedBinds }, wait: failedBinds.window },
])('A16: what has failed and who is known outlives a restart, $name', async ({ setting, wait }) => {
  const { open, advance, database } = await openWorld()
  const first = await open(setting)
  await first.login(owner)
  for (let guess = 0; guess < 200; guess += 1) {
    await first.login({ ...attacker, password: `guess ${guess}` })
  }
  await first.throttle.close()

  advance(wait / 30)
  const second = await open(setting)
  expect(await second.login(attacker)).toMatchObject({ kind: 'too many' })
  expect(await second.login(owner)).toEqual({ kind: 'accepted' })
  await second.throttle.close()

  advance(wait)
  const third = await open(setting)
  expect(await third.login(attacker)).toEqual({ kind: 'accepted' })
  await database.close()
})

test('the network of a known login is admitted after a restart, by every spelling that got in', async () => {
  const { open, database } = await openWorld()
  const first = await open()
  await first.login({ ...attacker, username: 'Alice ' })
  for (let guess = 0; guess < 100; guess += 1) {
    await first.login({ ...attacker, name: `nobody ${guess}`, password: `guess ${guess}` })
  }
  await first.throttle.close()
  const second = await open()
  const source = { ...attacker, username: 'alice' }
  expect(() => second.throttle.admit(source)).not.toThrow()
  expect(() => second.throttle.admit({ ...source, username: 'bob' })).toThrow()
  await database.close()
})

test('B17: a clock that was far ahead before a restart locks nobody out for longer than ever', async () => {
  const { open, advance, database } = await openWorld()
  const year = 365 * 24 * 60 * minute
  advance(year)
  const first = await open({ failedBinds })
  for (const password of ['one', 'two']) await first.login({ ...attacker, password })
  await first.throttle.close()
  advance(-year)
  const second = await open({ failedBinds })
  expect(await second.login(attacker)).toEqual({
    kind: 'too many',
    retryAfter: failedBinds.window / 1000,
  })
  second.advance(failedBinds.window)
  expect(await second.login(attacker)).toEqual({ kind: 'accepted' })
  await database.close()
})

test('A7: neither a password nor a name that nobody has is ever stored', async () => {
  const { open, path, database } = await openWorld()
  const world = await open()
  await world.login({ ...attacker, name: 'nobody', username: 'hunter2', password: 'letmein' })
  await world.login({ ...attacker, password: 'correct horse' })
  await world.throttle.close()
  expect(await rows(database)).not.toEqual([])
  await database.close()
  expect(readFileSync(path, 'latin1')).not.toMatch(/hunter2|letmein|correct horse/)
})

test('one person who logs in by any domain and from everywhere is 64 rows', async () => {
  const { open, database } = await openWorld()
  const world = await open()
  for (let login = 0; login < 300; login += 1) {
    const username = `D${login}\\alice`
    expect(await world.login({ address: addressOf(login), username })).toEqual({ kind: 'accepted' })
  }
  await world.throttle.close()
  const logins = (await rows(database)).filter(({ kind }) => kind === 'login')
  expect(logins).toHaveLength(2 * 32)
  const again = await open()
  const admit = (login: number) =>
    again.throttle.admit({ address: addressOf(login), username: 'alice' })
  for (let guess = 0; guess < 100; guess += 1) {
    for (const login of [0, 299]) {
      await again.login({
        address: addressOf(login),
        name: `nobody ${guess}`,
        password: `${guess}`,
      })
    }
  }
  expect(() => admit(0)).toThrow('Too many failed logins')
  expect(() => admit(299)).not.toThrow()
  await database.close()
})

test('a stop with nothing left to write is none to complain of', async () => {
  const { open, database } = await openWorld()
  const world = await open()
  for (let guess = 0; guess < 600; guess += 1) {
    await world.login({ address: addressOf(guess), name: `user ${guess}`, password: `${guess}` })
  }
  await new Promise((resolve) => setTimeout(resolve, 1_050))
  await world.throttle.close()
  await new Promise((resolve) => setTimeout(resolve, 1_050))
  expect(world.log.lines.filter(({ fields }) => fields['event'] === 'throttle')).toEqual([])
  await database.close()
})

test('what has expired leaves the table with the next change', async () => {
  const { open, advance, database } = await openWorld()
  const first = await open()
  for (let network = 0; network < 50; network += 1) {
    await first.login({ address: addressOf(network), password: `guess ${network}` })
  }
  await first.throttle.close()
  expect((await rows(database)).length).toBeGreaterThan(50)
  advance(60 * minute)
  const second = await open()
  await second.login({ ...owner, name: 'bob', password: 'wrong' })
  await second.throttle.close()
  const kinds = (await rows(database)).map(({ kind }) => kind)
  expect(kinds.sort()).toEqual(['network', 'newcomers', 'reputation'])
  await database.close()
})

test('a database that cannot be written stops no login, and is told of once', async () => {
  const { open, path, database } = await openWorld()
  const world = await open()
  rmSync(path)
  for (let second = 0; second < 3; second += 1) {
    expect(await world.login({ ...owner, name: `user ${second}` })).toEqual({ kind: 'accepted' })
    await new Promise((resolve) => setTimeout(resolve, 1_100))
  }
  await world.throttle.close()
  expect(world.log.lines.map(({ level, message }) => [level, message])).toEqual([
    ['warn', expect.stringContaining('cannot be kept')],
  ])
  await database.close()
})

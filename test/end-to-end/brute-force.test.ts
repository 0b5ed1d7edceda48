/** A16 to A19: passwords cannot be guessed, and nobody can keep their owners out. */

import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import BetterSqlite3 from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { type Answer, getToken, postToken } from './ask.ts'
import { addressIn, countChecked, guess } from './guesses.ts'
import { startPublicServer } from './public-server.ts'
import { expectRefusal, seen } from './refusal.ts'

const password = 'correct horse'
const hash = bcrypt.hashSync(password, 5)
const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace']
const htpasswd = users.map((user) => `${user}:${hash}\n`).join('')

let server: Dockwarden
beforeAll(async () => {
  server = await startPublicServer(htpasswd)
})
afterAll(() => server?.stop())

const logIn = (user: string, from: string, at: { readonly url: string } = server) =>
  getToken(at, [], { user, password, from })

/** What strangers may try in so long: 5 at once and 5 a minute. */
async function expectAtMostTen(act: () => Promise<readonly Answer[]>): Promise<void> {
  const start = performance.now()
  const checked = countChecked(await act())
  const minutes = (performance.now() - start) / 60_000
  expect(checked).toBeGreaterThan(0)
  expect(checked).toBeLessThanOrEqual(5 + Math.floor(5 * minutes))
}

test('A16: of a hundred guesses from as many networks a few are checked, and the owner gets in all the while', async () => {
  const home = '192.0.2.1'
  expect((await logIn('alice', home)).status).toBe(200)
  await expectAtMostTen(async () => {
    const answers: Answer[] = []
    for (let network = 0; network < 100; network += 1) {
      answers.push(await guess(server, 'alice', addressIn(network)))
      if (network % 10 === 0) expect((await logIn('alice', '192.0.2.200')).status).toBe(200)
    }
    return answers
  })
})

test('A16: whoever is turned away is told when to come again, in the same words whether there is such a name or not', async () => {
  const turnedAway = async (user: string): Promise<Answer> => {
    for (;;) {
      const answer = await guess(server, user, '192.0.3.1')
      if (answer.status === 429) return answer
    }
  }
  const [known, unknown] = [await turnedAway('bob'), await turnedAway('nobody')]
  expect(expectRefusal(known, 429)).toBe('Too many failed logins; try again later.')
  expect(Number(known.headers['retry-after'])).toBeLessThanOrEqual(60)
  const withoutTime = (answer: Answer) =>
    JSON.stringify(seen(answer)).replace(/"retry-after","\d+"/i, '')
  expect(withoutTime(unknown)).toBe(withoutTime(known))
  // The log is written in portions.
  const linesOf = (kind: string) =>
    server.log().filter(({ event, user }) => event === kind && user === 'bob')
  const isThrottled = async () => linesOf('token').some(({ status }) => status === 429)
  await server.process.waitUntil('log it', isThrottled)
  expect(linesOf('token').at(-1)).toMatchObject({ level: 'warn', status: 429, msg: 'throttled' })
  expect(linesOf('throttle')).toMatchObject([{ limit: 'account', network: '192.0.3.0/24' }])
})

test('A17: every spelling of a name has the same few tries', async () => {
  const spellings = ['nobody-else', 'NOBODY-ELSE', 'Nobody-Else', ' nobody-else ', 'ｎobody-else']
  await expectAtMostTen(async () => {
    const answers: Answer[] = []
    for (let network = 0; network < 50; network += 1) {
      const name = spellings[network % spellings.length] ?? ''
      answers.push(await guess(server, name, addressIn(1_000 + network)))
    }
    return answers
  })
})

test('A18: two hundred guesses at once are no more than one after the other', async () => {
  const networks = Array.from({ length: 200 }, (_, index) => 2_000 + index)
  await expectAtMostTen(() =>
    Promise.all(networks.map((network) => guess(server, 'carol', addressIn(network)))),
  )
  await expectAtMostTen(() =>
    Promise.all(networks.map(() => guess(server, 'dave', addressIn(3_000)))),
  )
})

test('A19: of one network, thirty names are tried; who has logged in from there still gets in', async () => {
  expect((await logIn('erin', '198.51.100.1')).status).toBe(200)
  const start = performance.now()
  const answers: Answer[] = []
  for (let name = 0; name < 80; name += 1) {
    answers.push(await guess(server, `name-${name}`, `198.51.100.${name}`))
  }
  const seconds = (performance.now() - start) / 1000
  expect(countChecked(answers)).toBeLessThanOrEqual(30 + Math.ceil(seconds))
  expect((await logIn('erin', '198.51.100.77')).status).toBe(200)
  expect((await logIn('frank', '198.51.101.1')).status).toBe(200)
})

test('A19: one password is tried on ten names, wherever from', async () => {
  const start = performance.now()
  const answers: Answer[] = []
  for (let name = 0; name < 40; name += 1) {
    const login = { user: `other-${name}`, password: 'Summer2026!', from: addressIn(4_000 + name) }
    answers.push(await getToken(server, [], login))
  }
  const minutes = (performance.now() - start) / 60_000
  expect(countChecked(answers)).toBeLessThanOrEqual(11 + Math.floor(minutes))
})

test('the same wrong password again is no second guess: neither the GET after a POST, nor a job that has an old one', async () => {
  const home = '192.0.5.1'
  expect((await logIn('grace', home)).status).toBe(200)
  const old = { user: 'grace', password: 'of last year', from: home }
  for (let time = 0; time < 40; time += 1) {
    for (const send of [postToken, getToken]) expectRefusal(await send(server, [], old), 401)
  }
  // Of the ten tries that are left to who is known here, it has used one.
  for (let typo = 0; typo < 8; typo += 1) expectRefusal(await guess(server, 'grace', home), 401)
  expect((await logIn('grace', home)).status).toBe(200)
})

test('A24: without a trusted proxy, no header makes another network', async () => {
  await using other = await startDockwarden({
    config: { authentication: [{ htpasswd: { file: 'htpasswd' } }] },
    files: { htpasswd },
  })
  const start = performance.now()
  const answers: Answer[] = []
  for (let name = 0; name < 80; name += 1) {
    answers.push(await guess(other, `name-${name}`, addressIn(name)))
  }
  const seconds = (performance.now() - start) / 1000
  expect(countChecked(answers)).toBeLessThanOrEqual(30 + Math.ceil(seconds))
})

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a restart by %s forgets neither who guessed nor who is known',
  async (signal) => {
    const config = {
      server: { trusted_proxies: ['127.0.0.1'] },
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
    }
    const before = await startDockwarden({ config, files: { htpasswd } })
    const { folder, port } = before
    expect((await logIn('alice', '192.0.2.1', before)).status).toBe(200)
    const start = performance.now()
    const answers: Answer[] = []
    for (let network = 0; network < 5; network += 1) {
      for (let time = 0; time < 4; time += 1) {
        answers.push(await guess(before, 'alice', addressIn(network)))
      }
    }
    // Written behind, once a second: what came last is there last.
    if (signal === 'SIGKILL') {
      await guess(before, 'bob', '198.51.100.1')
      await expect.poll(() => networksKept(folder)).toContainEqual(expect.stringMatching('198.51'))
    }
    await before.process.stop(signal)
    await using after = await startDockwarden({ folder, port, config })
    expect((await logIn('alice', '192.0.2.1', after)).status).toBe(200)
    for (let network = 0; network < 20; network += 1) {
      answers.push(await guess(after, 'alice', addressIn(network)))
    }
    const minutes = (performance.now() - start) / 60_000
    expect(countChecked(answers)).toBeLessThanOrEqual(5 + Math.floor(5 * minutes))
  },
)

/** The networks of whom the database of a server knows. */
function networksKept(folder: string): readonly unknown[] {
  const database = new BetterSqlite3(join(folder, 'data', 'dockwarden.db'), { readonly: true })
  try {
    return database.prepare("select key from throttle where kind = 'network'").pluck().all()
  } finally {
    database.close()
  }
}

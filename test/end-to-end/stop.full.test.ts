/** B22: a stop loses nothing that is in flight, and comes to an end. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { startDockwarden } from '../support/dockwarden.ts'
import { ask, getToken } from './ask.ts'
import { startPublicServer } from './public-server.ts'

const slow = { user: 'slow', password: 'password' }
/** Milliseconds for which a stop waits for what is in flight. */
const grace = 8_000
const start = () => startPublicServer(`slow:${bcrypt.hashSync(slow.password, 11)}\n`)

const isRefused = (url: string) =>
  ask(`${url}/healthz`).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  )

test('B22: SIGTERM under load fails no request in flight, and exits with 0', async () => {
  const server = await start()
  // One wave that keeps the password workers busy past the signal, beside many quick requests.
  const logins = Array.from({ length: 12 }, (_, index) =>
    getToken(server, [`repository:r${index}:pull`], {
      ...slow,
      password: `${slow.password}${index % 2 || ''}`,
    }),
  )
  const quick = Array.from({ length: 40 }, () => getToken(server, ['repository:a:pull']))
  await Promise.all(quick)
  server.process.signal('SIGTERM')
  const asked = performance.now()
  await server.process
    .waitUntil('hang up', () => isRefused(server.url))
    .catch((error) => {
      if (server.process.isRunning) throw error
    })
  expect(performance.now() - asked, 'the listener is closed at once').toBeLessThan(grace / 2)
  const answers = await Promise.all(logins)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401]))
  for (const { headers } of answers) expect(headers['content-length']).toBeDefined()
  expect(await server.process.exit()).toEqual({ code: 0, signal: null })
  expect(server.log().at(-1)).toMatchObject({ event: 'stop', msg: 'stopped' })
  expect(server.process.stderr).toBe('')
})

test('B22: connections that have had their answer do not hold it up', async () => {
  const server = await start()
  await connections(server, 20, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  const asked = performance.now()
  server.process.signal('SIGTERM')
  expect(await server.process.exit()).toEqual({ code: 0, signal: null })
  expect(performance.now() - asked).toBeLessThan(grace / 2)
})

const unfinished = `${[
  'POST /token HTTP/1.1',
  'Host: x',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Length: 9',
].join('\r\n')}\r\n\r\na=`

test('B22: requests that never end are cut off, and a second signal does not wait for that', async () => {
  const patient = await start()
  const hurried = await start()
  for (const server of [patient, hurried]) {
    await connections(server, 3, unfinished)
    await connections(server, 3, 'GET /token HT')
    await connections(server, 3, '')
  }
  const asked = performance.now()
  patient.process.signal('SIGTERM')
  hurried.process.signal('SIGTERM')
  await hurried.process.waitForOutput(/"event":"stop"/)
  expect(hurried.process.isRunning).toBe(true)
  const again = performance.now()
  hurried.process.signal('SIGINT')
  expect(await hurried.process.exit()).toEqual({ code: 1, signal: null })
  expect(performance.now() - again).toBeLessThan(grace / 2)
  expect(await patient.process.exit()).toEqual({ code: 0, signal: null })
  // A request that never ends has 30 s otherwise.
  expect(performance.now() - asked).toBeLessThan(grace + 8_000)
})

/** Opens connections, sends `bytes` on each, and leaves them open. */
async function connections(
  { port }: { readonly port: number },
  count: number,
  bytes: string,
): Promise<void> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
  for (const socket of sockets) socket.on('error', () => {}).resume()
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (const socket of sockets) socket.write(bytes)
  await sleep(200)
}

test('B22: it can be started again on its own port at once', async () => {
  const first = await start()
  const { configFile, folder, port } = first
  await ask(`${first.url}/healthz`)
  await first.stop()
  await using second = await startDockwarden({ configFile, folder, port })
  expect((await getToken(second, [], slow)).status).toBe(200)
})

/** B22: a stop loses nothing that is in flight, and comes to an end. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { startDockwarden } from '../support/dockwarden.ts'
import { ask, getToken } from './ask.ts'

const config = {
  rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
  authentication: [{ htpasswd: { file: 'htpasswd' } }],
}
const slow = { user: 'slow', password: 'password' }
const start = () =>
  startDockwarden({ config, files: { htpasswd: `slow:${bcrypt.hashSync(slow.password, 11)}\n` } })

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
    .waitUntil('hang up', () => isRefused(server.url), 2_000)
    .catch((error) => {
      if (server.process.isRunning) throw error
    })
  expect(performance.now() - asked, 'the listener is closed at once').toBeLessThan(500)
  const answers = await Promise.all(logins)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401]))
  for (const { headers } of answers) expect(headers['content-length']).toBeDefined()
  expect(await server.process.exit(10_000)).toEqual({ code: 0, signal: null })
  expect(server.log().at(-1)).toMatchObject({ event: 'stop', msg: 'stopped' })
  expect(server.process.stderr).toBe('')
})

test('B22: connections that only wait do not hold it up', async () => {
  const server = await start()
  const sockets = Array.from({ length: 20 }, () => connect(server.port, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  // Some have had an answer and stay open, some have said nothing, some stop in the middle of a head.
  for (const socket of sockets.slice(0, 8)) socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  for (const socket of sockets.slice(8, 14)) socket.write('GET /healthz HT')
  for (const socket of sockets) socket.on('error', () => {}).resume()
  await sleep(300)
  const asked = performance.now()
  server.process.signal('SIGTERM')
  expect(await server.process.exit(12_000)).toEqual({ code: 0, signal: null })
  expect(performance.now() - asked).toBeLessThan(10_000)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'B22: a second signal after %s ends it at once',
  async (first) => {
    const server = await start()
    // A form that never ends keeps the stop waiting.
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.write(
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na=',
    )
    await sleep(200)
    server.process.signal(first)
    await server.process.waitForOutput(/"event":"stop"/, 3_000)
    // npm hands one Ctrl-C on a second time: what comes within half a second is the same one.
    await sleep(600)
    expect(server.process.isRunning).toBe(true)
    const asked = performance.now()
    server.process.signal('SIGINT')
    const { code } = await server.process.exit(2_000)
    expect(performance.now() - asked).toBeLessThan(1_000)
    expect(code).toBe(1)
    socket.destroy()
  },
)

test('B22: it can be started again on its own port at once', async () => {
  const first = await start()
  const { folder, port } = first
  await ask(`${first.url}/healthz`)
  await first.stop()
  await using second = await startDockwarden({ config, folder, port })
  expect((await getToken(second, [], slow)).status).toBe(200)
})

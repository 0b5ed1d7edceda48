/** A22: slow clients are cut off in time, and cost the others nothing. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { startLoad } from './load.ts'
import { startPublicServer } from './public-server.ts'
import { residentMegabytes } from './resident-memory.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startPublicServer()
})
afterAll(() => server?.stop())

const formHead = (...headers: readonly string[]) =>
  `${['POST /token HTTP/1.1', 'Host: x', 'Content-Type: application/x-www-form-urlencoded', ...headers].join('\r\n')}\r\n\r\n`

/** Sends a piece now and then; resolves with the milliseconds after which the server hung up. */
async function trickle(start: string, piece: string, deadline: number): Promise<number> {
  const socket: Socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  await once(socket, 'connect')
  const begin = performance.now()
  socket.write(start)
  const timer = setInterval(() => socket.write(piece), 500)
  await Promise.race([once(socket, 'close'), sleep(deadline)])
  clearInterval(timer)
  const closed = socket.destroyed
  socket.destroy()
  return closed ? performance.now() - begin : Number.POSITIVE_INFINITY
}

test('A22: slow headers are cut off within 12 s, a slow form within 35 s, and nobody else notices', {
  timeout: 60_000,
}, async () => {
  const url = `${server.url}/token?service=registry&scope=repository:a:pull`
  const quiet = startLoad(url, 50)
  await sleep(2_000)
  const before = await quiet.end()
  const memory = residentMegabytes(server.process.pid)

  const meanwhile = startLoad(url, 50)
  const silent = Array.from({ length: 100 }, () => trickle('', '', 12_500))
  const headers = Array.from({ length: 100 }, () =>
    trickle('GET /token HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n', 12_500),
  )
  const forms = Array.from({ length: 20 }, () =>
    trickle(formHead('Content-Length: 10000'), 'x', 35_000),
  )
  const times = await Promise.all([...silent, ...headers])
  expect(Math.max(...times)).toBeLessThanOrEqual(12_000)
  const during = await meanwhile.end()
  expect(during.failures).toEqual([])
  expect(during.answers.filter(({ status }) => status !== 200)).toEqual([])
  // Twice what it was without them, and what the other programs of this machine may add.
  expect(during.percentile(0.5)).toBeLessThan(2 * before.percentile(0.5) + 5)
  expect(during.percentile(0.99)).toBeLessThan(2 * before.percentile(0.99) + 50)
  expect(residentMegabytes(server.process.pid) - memory).toBeLessThan(20)
  expect(Math.max(...(await Promise.all(forms)))).toBeLessThanOrEqual(35_000)
})

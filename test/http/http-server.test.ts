import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: {
      rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
      server: { trusted_proxies: ['127.0.0.1'] },
    },
  })
})
afterAll(() => server?.stop())

/** The status of a request whose last header comes behind so many others. */
async function statusBehind(count: number, last: string): Promise<string | undefined> {
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `GET /token?service=registry&scope=repository:a:pull HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${'a:\r\n'.repeat(count)}${last}\r\n\r\n`,
  )
  return (await text(socket)).split(' ')[1]
}

test.each([0, 999, 1_000, 2_000, 3_000])(
  'wrong credentials are refused behind %i other headers, where Node would drop them',
  async (count) => {
    const wrong = `Authorization: Basic ${Buffer.from('alice:wrong').toString('base64')}`
    expect(await statusBehind(count, wrong)).toBe('401')
  },
)

test('A24: the address that a proxy appends behind 2,000 headers counts', async () => {
  expect(await statusBehind(2_000, 'X-Forwarded-For: 192.0.2.7')).toBe('200')
  const isLogged = () => server.log().some(({ client }) => client === '192.0.2.7')
  await server.process.waitUntil('log that address', async () => isLogged())
})

/** A24: the address in the log is the true one, whatever the client writes. */

import { expect, test } from 'vitest'
import { type Dockwarden, type LogLine, startDockwarden } from '../support/dockwarden.ts'
import { ask, basic } from './ask.ts'

const authentication = [{ htpasswd: { file: 'htpasswd' } }]
const files = { htpasswd: '' }

/** Sends each value in that header, one after the other, and returns the lines of the decisions. */
async function decisions(
  server: Dockwarden,
  headers: readonly (readonly [name: string, value: string | readonly string[]])[],
): Promise<readonly LogLine[]> {
  for (const [name, value] of headers) {
    await ask(`${server.url}/token?service=registry`, {
      headers: { authorization: basic('x', 'y'), [name]: value },
    })
  }
  await server.stop()
  return server.log().filter(({ event }) => event === 'token')
}

test('A24: without trusted proxies, no header changes the address', async () => {
  const server = await startDockwarden({ config: { authentication }, files })
  const headers = [
    ['x-forwarded-for', '6.6.6.6'],
    ['x-forwarded-for', '6.6.6.6, 127.0.0.1'],
    ['x-real-ip', '6.6.6.6'],
    ['forwarded', 'for=6.6.6.6'],
    ['cf-connecting-ip', '6.6.6.6'],
    ['x-client-ip', '6.6.6.6'],
    ['via', '1.1 6.6.6.6'],
    ['x-forwarded-host', '6.6.6.6'],
    ['host', '6.6.6.6'],
  ] as const
  const lines = await decisions(server, headers)
  expect(lines).toHaveLength(headers.length)
  for (const line of lines) expect(line).toMatchObject({ client: '127.0.0.1' })
  expect(JSON.stringify(lines)).not.toContain('6.6.6.6')
})

test('A24: behind a trusted proxy, the address is the one that the proxy saw', async () => {
  const server = await startDockwarden({
    config: {
      server: { trusted_proxies: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] },
      authentication,
    },
    files,
  })
  const cases: readonly (readonly [string | readonly string[], string])[] = [
    ['203.0.113.9', '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['6.6.6.6,203.0.113.9', '203.0.113.9'],
    [['6.6.6.6', '203.0.113.9'], '203.0.113.9'],
    ['203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9, 10.1.2.3, 10.9.9.9', '203.0.113.9'],
    ['203.0.113.9, fd00::1', '203.0.113.9'],
    ['2001:db8::7', '2001:db8::7'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    // What does not parse was not written by a proxy of ours.
    ['6.6.6.6, not-an-address', '127.0.0.1'],
    ['6.6.6.6, 203.0.113.9:4711', '127.0.0.1'],
    ['6.6.6.6, ', '127.0.0.1'],
    ['', '127.0.0.1'],
    ['unknown', '127.0.0.1'],
    ['"203.0.113.9\\n"', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    [Array.from({ length: 500 }, () => '10.0.0.1').join(','), '10.0.0.1'],
  ]
  const lines = await decisions(
    server,
    cases.map(([value]) => ['x-forwarded-for', value] as const),
  )
  const seen = cases.map(([value], index) => [value, lines[index]?.['client']])
  expect(seen).toEqual(cases)
})

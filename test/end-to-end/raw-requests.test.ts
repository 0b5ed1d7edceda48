/** Requests that no honest client sends: the result is the documented one, and never a failure. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { ask, basic } from './ask.ts'
import { startPublicServer } from './public-server.ts'
import { head, rawRequest } from './raw-http.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startPublicServer('alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n')
})
afterAll(() => server?.stop())

const path = '/token?service=registry&scope=repository:a:pull'
const alice = basic('alice', 'password')
const post = (headers: readonly string[], body: string) =>
  head('POST /token', ['Content-Type: application/x-www-form-urlencoded', ...headers]) + body

describe('a request that no honest client sends', () => {
  test.each<[string, number[], string | Buffer]>([
    ['two Host headers', [200, 400], head(`GET ${path}`, ['Host: evil.example'])],
    ['no Host header', [400], `GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`],
    ['HTTP/1.0 without Host', [200], `GET ${path} HTTP/1.0\r\n\r\n`],
    [
      'two Authorization headers',
      [401],
      head(`GET ${path}`, [`Authorization: ${alice}`, `Authorization: ${alice}`]),
    ],
    [
      'two in another order',
      [401],
      head(`GET ${path}`, [`Authorization: ${basic('x', 'y')}`, `authorization: ${alice}`]),
    ],
    ['an absolute-form URL', [200, 400, 404], head(`GET http://evil.example${path}`)],
    ['a URL of another host', [404], head('GET //evil.example/token?service=registry')],
    ['a URL with credentials', [200, 400, 404], head(`GET http://alice:password@localhost${path}`)],
    ['an asterisk', [400, 404], head('OPTIONS *')],
    ['CONNECT', [0, 400, 404, 405], head('CONNECT localhost:443')],
    ['%zz in the path', [400, 404], head('GET /%zz')],
    ['%zz in the query', [400], head('GET /token?service=registr%zz')],
    ['%ff in the query', [400], head('GET /token?service=registry%ff')],
    ['%00 in the query', [400], head('GET /token?service=registry%00')],
    ['%ff in a scope', [200], head('GET /token?service=registry&scope=repository:a%ff:pull')],
    [
      'raw UTF-8 in the URL',
      [200, 400],
      Buffer.from(head('GET /token?service=regis\u00adtry'), 'utf8'),
    ],
    ['a raw NUL in the URL', [400], head('GET /token?service=\0registry')],
    ['a raw space in the URL', [400], head('GET /token?service=registry &scope=x')],
    ['a fragment', [200, 400], head('GET /token?service=registry#x')],
    ['a dotted path', [404], head('GET /x/../token?service=registry')],
    [
      'both TE and CL',
      [400],
      post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    ],
    ['two lengths', [400], post(['Content-Length: 5', 'Content-Length: 6'], 'a=b&c')],
    ['a negative length', [400], post(['Content-Length: -1'], '')],
    ['a length that is no number', [400], post(['Content-Length: 5x'], 'a=b&c')],
    ['an unknown transfer coding', [400, 501], post(['Transfer-Encoding: x'], '')],
    ['a bad chunk size', [400], post(['Transfer-Encoding: chunked'], 'zz\r\nabc\r\n0\r\n\r\n')],
    ['a folded header', [400], head(`GET ${path}`, ['X-A: b\r\n c'])],
    ['a header without a colon', [400], head(`GET ${path}`, ['nonsense'])],
    ['a space before the colon', [400], head(`GET ${path}`, ['Authorization : x'])],
    ['a NUL in a header', [400], head(`GET ${path}`, ['X-A: a\0b'])],
    [
      'bytes beyond ASCII in a header',
      [401],
      head(`GET ${path}`, ['Authorization: Basic \xff\xfe']),
    ],
    ['line breaks alone', [200, 400], head(`GET ${path}`).replaceAll('\r\n', '\n')],
    ['a method that nobody knows', [400], head(`YANK ${path}`)],
    ['HTTP/2 at once', [400], 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS at once', [400], Buffer.from('160301020001000001fc0303', 'hex')],
    [
      'an upgrade',
      [200, 400, 404],
      head(`GET ${path}`, ['Upgrade: websocket', 'Connection: upgrade']),
    ],
    ['Expect: 100-continue', [100], post(['Expect: 100-continue', 'Content-Length: 3'], 'a=b')],
    ['another expectation', [400, 417], post(['Expect: miracles', 'Content-Length: 3'], 'a=b')],
    ['a URL of 20 kB', [431], head(`GET ${path}&x=${'y'.repeat(20_000)}`)],
    ['a header of 17 kB', [431], head(`GET ${path}`, [`X-A: ${'y'.repeat(17_000)}`])],
    [
      '2,000 headers',
      [200, 431],
      head(
        `GET ${path}`,
        Array.from({ length: 2_000 }, (_, index) => `X${index}: y`),
      ),
    ],
  ])('%s: %j', async (_name, statuses, bytes) => {
    const answer = await rawRequest(server.port, bytes)
    expect(statuses, answer.text).toContain(answer.status)
    expect(answer.text).not.toMatch(/\n\s+at |node_modules/)
    if (answer.status !== 200) expect(answer.text).not.toContain('"token"')
  })

  test('a URL of another host is only text: nothing is fetched from there or signed for it', async () => {
    const answer = await rawRequest(server.port, head(`GET http://evil.example${path}`))
    expect(answer.headers).not.toHaveProperty('location')
    expect(answer.text).not.toContain('evil.example')
  })

  test('of two requests in one packet both are answered', async () => {
    const two = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n${head(`GET ${path}`)}`
    const { text } = await rawRequest(server.port, two)
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  })

  test('what stands behind a form is not its next request', async () => {
    const smuggled = post(['Content-Length: 3'], `a=bGET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const { text } = await rawRequest(server.port, smuggled)
    // The connection was to be closed after the first answer.
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  })
})

test('afterwards the server is as well as before', async () => {
  expect(server.process.isRunning).toBe(true)
  expect((await ask(`${server.url}${path}`)).status).toBe(200)
  expect(server.log().filter(({ level }) => level === 'error')).toEqual([])
  expect(server.process.stderr).toBe('')
})

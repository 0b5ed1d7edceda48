/** A22: a request that is too big is cut off early. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { startPublicServer } from './public-server.ts'
import { head, pour, rawRequest } from './raw-http.ts'
import { expectRefusal } from './refusal.ts'
import { residentMegabytes } from './resident-memory.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startPublicServer()
})
afterAll(() => server?.stop())

const form = 'Content-Type: application/x-www-form-urlencoded'
const gigabyte = `Content-Length: ${2 ** 30}`

/** A request's head without a word about its connection: it is the server that must end it. */
const start = (line: string, ...headers: readonly string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: x', ...headers].join('\r\n')}\r\n\r\n`

describe('A22: a big request', () => {
  const bytes = Buffer.alloc(16_384, 'x')
  const chunk = Buffer.from(`4000\r\n${bytes}\r\n`)
  test.each([
    ['a form of 1 GB', 413, start('POST /token', form, gigabyte), bytes],
    ['an endless form', 413, start('POST /token', form, 'Transfer-Encoding: chunked'), chunk],
    ['1 GB of another kind', 400, start('POST /token', gigabyte), bytes],
    ['1 GB behind a GET', 200, start('GET /token?service=registry', gigabyte), bytes],
    ['1 GB behind a PUT', 405, start('PUT /token', gigabyte), bytes],
    ['1 GB for nobody', 404, start('POST /nothing', gigabyte), bytes],
    ['1 GB for the health check', 200, start('GET /healthz', gigabyte), bytes],
    ['1 GB for the readiness check', 200, start('GET /readyz', gigabyte), bytes],
  ])(
    '%s is answered with %i long before its end, and the connection ends',
    async (_name, status, head, piece) => {
      const memory = residentMegabytes(server.process.pid)
      const { answered, closed, sent, ...answer } = await pour(server.port, head, piece, 10_000)
      if (status >= 400) expectRefusal({ ...answer, text: answer.body }, status)
      else expect(answer.status).toBe(status)
      // A form that takes its time has 30 s.
      expect(answered).toBeLessThan(10_000)
      expect(closed, 'the connection ends').toBe(true)
      // The server reads 64 kB at most; the rest is what the kernel's buffers on both sides took.
      expect(sent).toBeLessThan(8 * 2 ** 20)
      expect(residentMegabytes(server.process.pid) - memory).toBeLessThan(20)
    },
  )

  test.each([
    [
      'a form of 17 kB',
      413,
      head('POST /token', [form, 'Content-Length: 17000']) + 'x'.repeat(17_000),
    ],
    [
      'a form of 60 kB',
      413,
      head('POST /token', [form, 'Content-Length: 60000']) + 'x'.repeat(60_000),
    ],
    ['a URL of 20 kB', 431, head(`GET /token?service=registry&x=${'y'.repeat(20_000)}`)],
    ['a header of 17 kB', 431, head('GET /token?service=registry', [`X-A: ${'y'.repeat(17_000)}`])],
    ['a login of 17 kB', 431, head('GET /token', [`Authorization: Basic ${'y'.repeat(17_000)}`])],
    [
      '1 MB announced, and 100 Continue awaited',
      413,
      head('POST /token', [form, 'Content-Length: 1000000', 'Expect: 100-continue']),
    ],
  ])('%s is answered with %i, and the client sees it', async (_name, status, request) => {
    const { text } = await rawRequest(server.port, request)
    expect(text).toMatch(new RegExp(`HTTP/1\\.1 ${status} `))
  })
})

test('A22: a form that its client does not finish is no failure of the server', async () => {
  await rawRequest(
    server.port,
    `${start('POST /token', form, 'Content-Length: 100')}grant_type=`,
    200,
  )
  await server.process.waitForOutput(/the form ended before it was complete/)
  expect(server.log().filter(({ level }) => level === 'error')).toEqual([])
})

/** B38: whatever a client writes, each event is one JSON line of at most 8 kB. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { ask, basic, formType } from './ask.ts'
import { startPublicServer } from './public-server.ts'
import { head, rawRequest } from './raw-http.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startPublicServer()
})
afterAll(() => server?.stop())

const forged = '{"level":"info","event":"token","subject":"admin","client":"6.6.6.6"}'
const hostile = [
  `x\n${forged}`,
  `x\r\n${forged}\r\n`,
  `x\u2028${forged}\u2029`,
  `x\u0085${forged}`,
  '\u001b[2J\u001b[31mroot\u0007\u009b31m',
  '\u0000\u0000',
  '"}\n{"event":"token',
  '\\u000a\\n',
  '\u202eredro',
  '\ud800',
  '%0a%0d',
  '$'.repeat(8_000),
  '\u0000'.repeat(3_000),
  '\u{1f433}'.repeat(1_200),
  '"\\'.repeat(3_000),
]

test('B38: users, services, scopes, paths and headers cannot write a line of the log', async () => {
  const token = `${server.url}/token`
  let requests = 0
  const send = async (...args: Parameters<typeof ask>) => {
    requests += 1
    const { status } = await ask(...args).catch(() => ({ status: 0 }))
    expect(status, JSON.stringify(args[0]).slice(0, 200)).toBeLessThan(500)
  }
  for (const text of hostile) {
    const escaped = encodeURIComponent(Buffer.from(text).toString())
    await send(`${token}?service=registry`, { headers: { authorization: basic(text, 'x') } })
    await send(`${token}?service=registry`, { headers: { authorization: basic('x', text) } })
    await send(`${token}?service=registry&scope=${escaped}`)
    await send(`${token}?service=registry&scope=repository:${escaped}:pull`)
    await send(`${token}?service=registry&scope=repository:a:pull,${escaped}`)
    await send(`${token}?service=${escaped}`)
    await send(`${token}?service=registry&account=${escaped}`)
    await send(`${token}?service=registry&${escaped}=1`)
    await send(`${token}?service=registry&client_id=${escaped}`)
    await send(`${server.url}/${escaped}`)
    for (const name of ['username', 'service', 'scope', 'client_id', 'grant_type']) {
      const form = {
        grant_type: 'password',
        client_id: 'c',
        service: 'registry',
        username: 'u',
        password: 'p',
      }
      await send(token, {
        method: 'POST',
        headers: { 'content-type': formType },
        body: new URLSearchParams({ ...form, [name]: text }).toString(),
      })
    }
    for (const name of [
      'user-agent',
      'x-request-id',
      'x-forwarded-for',
      'referer',
      'host',
      'cookie',
    ]) {
      // What the client library would refuse to send.
      requests += 1
      const value = Buffer.from(text).toString('latin1')
      await rawRequest(server.port, head('GET /token?service=registry', [`${name}: ${value}`]))
    }
  }
  // A query that is full to the brim: many scopes, each of them long.
  const scopes = Array.from(
    { length: 32 },
    (_, index) => `scope=repository:${index}/${'\u0001'.repeat(20)}a:pull`,
  )
  await send(`${token}?service=registry&${scopes.join('&').replaceAll('\u0001', '%01')}`)
  const long = Array.from(
    { length: 32 },
    (_, index) => `scope=repository:${index}/${'a'.repeat(240)}:pull`,
  )
  await send(`${token}?service=registry&${long.join('&')}`, {
    headers: { authorization: basic('u'.repeat(900), 'x') },
  })
  expect(
    (await ask(`${token}?service=registry`, { headers: { 'user-agent': 'the last one' } })).status,
  ).toBe(200)

  await server.stop()
  const lines = server.process.stdout.split('\n')
  expect(lines.pop()).toBe('')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(8_192)
  const tokens = events.filter(({ event }) => event === 'token')
  // Some requests never reach the program: Node's own parser refuses them.
  expect(tokens.length).toBeGreaterThan(requests / 2)
  expect(tokens.length).toBeLessThanOrEqual(requests + 1)
  expect(new Set(tokens.map(({ requestId }) => requestId)).size).toBe(tokens.length)
  for (const event of events) {
    expect(event['client'] ?? '127.0.0.1').toBe('127.0.0.1')
    expect(event).not.toMatchObject({ subject: 'admin' })
    expect(['info', 'warn']).toContain(event['level'])
  }
  // What a terminal would obey, or another program take for the end of a line, is escaped.
  expect(server.process.stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202e]/u)
  expect(server.process.stderr).toBe('')
})

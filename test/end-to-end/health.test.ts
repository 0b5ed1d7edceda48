/** What the health routes say; how soon they do is for health.drill.test.ts. */

import bcrypt from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { ask } from './ask.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: { authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }] },
    files: { htpasswd: `alice:${bcrypt.hashSync('password', 4)}\n` },
  })
})
afterAll(() => server?.stop())

test('they say what they are asked, and are kept by no cache', async () => {
  const health = await ask(`${server.url}/healthz`)
  expect([health.status, health.text, health.headers['cache-control']]).toEqual([
    200,
    'ok\n',
    'no-store',
  ])
  const ready = await ask(`${server.url}/readyz`)
  expect(ready.json()).toEqual({
    ready: true,
    parts: {
      config: { state: 'ok' },
      database: { state: 'ok' },
      rules: { state: 'ok' },
      signing: { state: 'ok' },
      'backend htpasswd': { state: 'ok' },
      'backend accounts': { state: 'ok' },
    },
  })
  for (const path of ['/healthz', '/readyz']) {
    expect((await ask(`${server.url}${path}`, { method: 'HEAD' })).status).toBe(200)
  }
})

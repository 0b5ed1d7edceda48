/** B29: no token is too large for the proxies on its way. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { startNginx } from '../support/nginx.ts'
import { describeWithParts } from '../support/parts.ts'
import { startRegistry } from '../support/registry.ts'
import { ask, claimsOf, getToken, postToken } from './ask.ts'
import { expectRefusal } from './refusal.ts'

const largest = 7_500
const alice = { user: 'alice', password: 'password' }
let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: {
      rules: [{ name: 'all', who: ['authenticated'], may: ['*'], on: ['**'] }],
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
    },
    files: { htpasswd: 'alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n' },
  })
})
afterAll(() => server?.stop())

/** Repositories of the longest name, and all that can be asked of them. */
const scopes = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const start = `r${index}/`
    return `repository:${start}${'n'.repeat(255 - start.length)}:pull,push,delete`
  })
const tokenOf = (text: string) => String((JSON.parse(text) as Record<string, unknown>)['token'])

/** The token of the most long scopes that are answered, and how many they are. */
async function largestToken(): Promise<{ readonly token: string; readonly count: number }> {
  for (let count = 32; count > 0; count -= 1) {
    const answer = await getToken(server, scopes(count), alice)
    if (answer.status === 200) return { token: tokenOf(answer.text), count }
  }
  throw new Error('no long scope at all is answered')
}

test('B29: 32 scopes of the longest names are a clear 400, and fewer fit into 7.5 kB', async () => {
  for (const send of [getToken, postToken]) {
    const message = expectRefusal(await send(server, scopes(32), alice), 400)
    expect(message).toMatch(/7500 bytes.*fewer/)
  }
  const { token, count } = await largestToken()
  expect(token.length).toBeLessThanOrEqual(largest)
  expect(count).toBeGreaterThanOrEqual(10)
  const answer = await getToken(server, scopes(count), alice)
  expect((await claimsOf(answer, server)).access).toHaveLength(count)
})

test('B29: what is asked and not granted does not count', async () => {
  const answer = await getToken(server, scopes(32))
  expect((await claimsOf(answer, server)).access).toEqual([])
  expect(tokenOf(answer.text).length).toBeLessThan(1_500)
})

describeWithParts('B29: through the shipped proxy', ['nginx', 'registry 2'], () => {
  test('the largest token opens the registry behind nginx', async () => {
    await using registry = await startRegistry({
      version: 2,
      realm: `${server.url}/token`,
      service: 'registry',
      issuer: 'dockwarden',
      rootCertBundle: server.rootCertBundle,
    })
    await using nginx = await startNginx({ auth: server.host, registry: registry.host })
    const { token } = await largestToken()
    expect(token.length).toBeGreaterThan(largest - 600)
    const headers = { authorization: `Bearer ${token}` }
    expect((await ask(`http://127.0.0.1:${nginx.port}/v2/`, { headers })).status).toBe(200)
    const [name] = scopes(1)[0]?.split(':').slice(1) ?? []
    const path = `http://127.0.0.1:${nginx.port}/v2/${name}/blobs/uploads/`
    expect((await ask(path, { method: 'POST', headers })).status).toBe(202)
  })
})

/** A3: a weaker token never becomes a stronger one. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { describeWithParts } from '../support/parts.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { ask, basic, claimsOf, formType, getToken, type Login } from './ask.ts'
import { expectRefusal } from './refusal.ts'

const alice: Login = { user: 'alice', password: 'password' }
let server: Dockwarden
beforeAll(async () => {
  server = await startDockwarden({
    config: {
      services: [{ name: 'registry' }, { name: 'other registry' }],
      rules: [
        { name: 'all', who: ['user:alice'], may: ['*'], on: ['**'] },
        { name: 'catalog', who: ['user:alice'], may: ['*'], on: ['registry:catalog'] },
      ],
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
    },
    files: { htpasswd: 'alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n' },
  })
})
afterAll(() => server?.stop())

const tokenFor = async (scopes: readonly string[], service = 'registry') =>
  String((await getToken(server, scopes, alice, service)).json()['token'])

test('A3: a token is no credential at /token, wherever it is put', async () => {
  const token = await tokenFor(['repository:a:pull'])
  const path = `${server.url}/token?service=registry&scope=repository:a:pull,push`
  const claims = JSON.parse(Buffer.from(String(token.split('.')[1]), 'base64url').toString())
  for (const authorization of [
    `Bearer ${token}`,
    `bearer ${token}`,
    basic('alice', token),
    basic('', token),
    basic('<token>', token),
    basic('oauth2accesstoken', token),
    basic(String(claims['jti']), token),
  ]) {
    expectRefusal(await ask(path, { headers: { authorization } }), 401)
  }
  for (const form of [
    { grant_type: 'refresh_token', refresh_token: token },
    { grant_type: 'password', username: 'alice', password: token },
    { grant_type: 'password', username: '<token>', password: token },
  ]) {
    const body = new URLSearchParams({
      ...form,
      client_id: 'c',
      service: 'registry',
      scope: 'repository:a:push',
    })
    expectRefusal(
      await ask(`${server.url}/token`, {
        method: 'POST',
        headers: { 'content-type': formType },
        body: body.toString(),
      }),
      401,
    )
  }
  // In the query it is not looked at: the request is an anonymous one.
  const anonymous = await ask(`${path}&access_token=${token}&token=${token}`)
  expect((await claimsOf(anonymous, server)).access).toEqual([])
})

describeWithParts('A3: at the real registry', ['registry 2'], () => {
  let registry: Registry
  beforeAll(async () => {
    registry = await startRegistry({
      version: 2,
      realm: `${server.url}/token`,
      service: 'registry',
      issuer: 'dockwarden',
      rootCertBundle: server.rootCertBundle,
    })
  })
  afterAll(() => registry?.stop())

  const knock = (token: string, method: string, path: string) =>
    ask(`${registry.url}${path}`, { method, headers: { authorization: `Bearer ${token}` } })

  /** What each request to the registry needs, from the weakest on. */
  const requests = [
    { needs: 'repository:a/b:pull', method: 'GET', path: '/v2/a/b/tags/list', accepted: 404 },
    {
      needs: 'repository:a/b:pull,push',
      method: 'POST',
      path: '/v2/a/b/blobs/uploads/',
      accepted: 202,
    },
    {
      needs: 'repository:a/b:delete',
      method: 'DELETE',
      path: `/v2/a/b/manifests/sha256:${'0'.repeat(64)}`,
      accepted: 404,
    },
    { needs: 'registry:catalog:*', method: 'GET', path: '/v2/_catalog', accepted: 200 },
    { needs: 'repository:c:pull', method: 'GET', path: '/v2/c/tags/list', accepted: 404 },
  ] as const

  test('each token opens what it is for, and nothing else', async () => {
    for (const { needs: held } of requests) {
      const token = await tokenFor([held])
      for (const { needs, method, path, accepted } of requests) {
        const { status } = await knock(token, method, path)
        const covers =
          needs === held || (held.endsWith('pull,push') && needs === 'repository:a/b:pull')
        expect(status, `${held} at ${method} ${path}`).toBe(covers ? accepted : 401)
      }
    }
  })

  test('a pull token cannot be made a push token by changing it', async () => {
    const [header = '', payload = '', signature = ''] = (
      await tokenFor(['repository:a/b:pull'])
    ).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    claims.access[0].actions = ['pull', 'push']
    const changed = Buffer.from(JSON.stringify(claims)).toString('base64url')
    const none = Buffer.from('{"typ":"JWT","alg":"none"}').toString('base64url')
    for (const token of [
      `${header}.${changed}.${signature}`,
      `${header}.${changed}.`,
      `${none}.${changed}.`,
      `${none}.${changed}.${signature}`,
    ]) {
      expect((await knock(token, 'POST', '/v2/a/b/blobs/uploads/')).status).toBe(401)
    }
  })

  test('a mount needs the right to pull its source', async () => {
    const token = await tokenFor(['repository:a/b:pull,push'])
    const mount = `/v2/a/b/blobs/uploads/?mount=sha256:${'0'.repeat(64)}&from=secret/x`
    expect((await knock(token, 'POST', mount)).status).toBe(401)
  })

  test('a token for one registry is refused by another', async () => {
    const token = await tokenFor(['repository:a/b:pull,push'], 'other registry')
    for (const { method, path } of [...requests, { method: 'GET', path: '/v2/' }]) {
      expect((await knock(token, method, path)).status).toBe(401)
    }
    expect((await knock(await tokenFor([]), 'GET', '/v2/')).status).toBe(200)
  })

  test('a token of another Dockwarden is refused', async () => {
    await using stranger = await startDockwarden({
      config: {
        rules: [{ name: 'all', who: ['anyone'], may: ['*'], on: ['**'] }],
        authentication: [{ htpasswd: { file: 'htpasswd' } }],
      },
      files: { htpasswd: '' },
    })
    const answer = await getToken(stranger, ['repository:a/b:pull,push'])
    const token = String(answer.json()['token'])
    expect((await knock(token, 'GET', '/v2/')).status).toBe(401)
  })
})

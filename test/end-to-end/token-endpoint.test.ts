/** What `/token` answers to the many ways in which real clients ask. */

import { Agent } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { type Ask, ask, basic, claimsOf, formType } from './ask.ts'
import { expectRefusal } from './refusal.ts'

let server: Dockwarden
beforeAll(async () => {
  const hash = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' // "password"
  server = await startDockwarden({
    config: {
      services: [{ name: 'registry' }, { name: 'Bureau 1 & more', token_lifetime: '60s' }],
      rules: [
        { name: 'public', who: ['anonymous', 'authenticated'], may: ['pull'], on: ['public/**'] },
        { name: 'own', who: ['user:alice'], may: ['push', 'delete'], on: ['alice/**'] },
      ],
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
    },
    files: { htpasswd: `alice:${hash}\n` },
  })
})
afterAll(() => server?.stop())

const authorization = basic('alice', 'password')
const send = (path: string, options?: Ask) => ask(`${server.url}${path}`, options)
const grant = 'grant_type=password&client_id=c&service=registry&username=alice&password=password'
const post = (body: string, headers: Record<string, string> = {}, path = '/token') =>
  send(path, { method: 'POST', headers: { 'content-type': formType, ...headers }, body })
const own = (...actions: string[]) => [{ type: 'repository', name: 'alice/a', actions }]

describe('every path that a registry may have told', () => {
  const paths = ['/token', '/token/', '/auth', '/auth/', '/auth/token', '/auth/token/']
  test.each(paths)('%s answers GET, HEAD and POST itself, without a redirect', async (path) => {
    const query = `${path}?service=registry&scope=repository:alice/a:pull`
    const got = await send(query, { headers: { authorization } })
    expect((await claimsOf(got, server)).access).toEqual(own('pull'))
    expect(got.headers['content-type']).toMatch(/^application\/json/)
    expect(got.headers['cache-control']).toBe('no-store')
    expect(got.json()).not.toHaveProperty('scope')

    const posted = await post(`${grant}&scope=repository:alice/a:pull`, {}, path)
    expect((await claimsOf(posted, server)).access).toEqual(own('pull'))

    const headed = await send(query, { method: 'HEAD', headers: { authorization } })
    expect(headed.status).toBe(200)
    expect(headed.text).toBe('')
    expect(headed.headers['content-length']).toBe(got.headers['content-length'])
    expectRefusal(await send(path, { method: 'DELETE' }), 405)
  })

  test.each([
    '/Token',
    '/token//',
    '//token',
    '/tokens',
    '/v2/token',
    '/auth/token/x',
    '/token%2f',
  ])('%s is another path, and no redirect', async (path) => {
    const { status, headers } = await send(`${path}?service=registry`)
    // Express matches paths in any case; what counts is that nothing else happens.
    expect([200, 400, 401, 404]).toContain(status)
    expect(headers).not.toHaveProperty('location')
  })
})

describe('a GET', () => {
  test.each([
    ['docker login', 'account=alice&client_id=docker&offline_token=true&service=registry', []],
    [
      'docker pull',
      'account=alice&scope=repository%3Aalice%2Fa%3Apull&service=registry',
      own('pull'),
    ],
    ['crane', 'scope=repository%3Aalice%2Fa%3Apush%2Cpull&service=registry', own('push', 'pull')],
    [
      'crane after a 401: one value with spaces',
      'scope=repository%3Aalice%2Fa%3Apull%20repository%3Aalice%2Fa%3Apush,pull&service=registry',
      own('pull', 'push'),
    ],
    ['an empty scope', 'service=registry&scope=', []],
    ['a hint of another account', 'account=root&service=registry', []],
    [
      'a realm with its own query',
      'x=1&y=2&service=registry&scope=repository:alice/a:pull',
      own('pull'),
    ],
    ['skopeo delete', 'service=registry&scope=repository:alice/a:*', own('*')],
  ])('as %s sends it', async (_name, query, access) => {
    const claims = await claimsOf(
      await send(`/token?${query}`, { headers: { authorization } }),
      server,
    )
    expect(claims.sub).toBe('alice')
    const sorted = (list: readonly { actions: readonly string[] }[]) =>
      list.map((entry) => ({ ...entry, actions: [...entry.actions].sort() }))
    expect(sorted(claims.access)).toEqual(sorted(access))
  })

  test('without credentials is anonymous, and sub is empty', async () => {
    const answer = await send(
      '/token?account=alice&service=registry&scope=repository:public/a:pull,push&scope=repository:alice/a:pull',
    )
    const claims = await claimsOf(answer, server)
    expect(claims.sub).toBe('')
    expect(claims.access).toEqual([{ type: 'repository', name: 'public/a', actions: ['pull'] }])
  })

  test('two credentials are refused, whichever a proxy may have looked at', async () => {
    const answer = await send('/token?service=registry', {
      headers: { authorization: [authorization, basic('root', 'x')] },
    })
    expectRefusal(answer, 401)
  })

  test('credentials in the query are none', async () => {
    const query = 'service=registry&username=alice&password=password&scope=repository:alice/a:pull'
    const claims = await claimsOf(await send(`/token?${query}`), server)
    expect([claims.sub, claims.access]).toEqual(['', []])
  })

  test('a service may have any name, and its own lifetime', async () => {
    const answer = await send(`/token?service=${encodeURIComponent('Bureau 1 & more')}`, {
      headers: { authorization },
    })
    await claimsOf(answer, server, 'Bureau 1 & more')
    expect(answer.json()['expires_in']).toBe(60)
    expect((await send('/token?service=registry')).json()['expires_in']).toBe(300)
  })

  test('every token has an id of its own', async () => {
    const ids = new Set<string>()
    for (let index = 0; index < 20; index += 1) {
      ids.add((await claimsOf(await send('/token?service=registry'), server)).jti)
    }
    expect(ids.size).toBe(20)
  })
})

describe('a POST', () => {
  test.each([
    ['containerd, with a charset', `${formType}; charset=utf-8`],
    ['another spelling of the type', 'Application/X-WWW-Form-URLEncoded'],
    ['another charset: a form is UTF-8, whatever it says', `${formType}; charset=latin1`],
    ['a parameter that nobody knows', `${formType};boundary=x`],
  ])('as %s', async (_name, type) => {
    const answer = await post(`${grant}&scope=repository:alice/a:pull`, { 'content-type': type })
    expect((await claimsOf(answer, server)).access).toEqual(own('pull'))
  })

  test('in chunks, without a length, as podman sends it', async () => {
    const body = `${grant}&scope=repository:alice/a:pull&scope=repository:public/x:pull,push`
    const answer = await post(body, { 'transfer-encoding': 'chunked' })
    const claims = await claimsOf(answer, server)
    expect(claims.access).toHaveLength(2)
    expect(answer.json()['scope']).toBe('repository:alice/a:pull repository:public/x:pull')
  })

  test.each([
    ['all that was asked', 'repository:alice/a:push,pull', 'repository:alice/a:push,pull'],
    ['a part', 'repository:public/a:pull,push', 'repository:public/a:pull'],
    ['nothing', 'repository:other/a:pull', ''],
    [
      'several, parted by spaces',
      'repository:alice/a:pull+repository:public/b:pull',
      'repository:alice/a:pull repository:public/b:pull',
    ],
    ['no scope at all', '', ''],
  ])('is told what was granted: %s', async (_name, scope, granted) => {
    const body = (await post(`${grant}&scope=${scope}`)).json()
    expect(String(body['scope']).split(/[ ,]/).sort()).toEqual(granted.split(/[ ,]/).sort())
  })

  test('ignores the query and the Authorization header: the form says who and what', async () => {
    const path = '/token?service=other&scope=repository:alice/b:pull&username=root'
    const answer = await post(
      `${grant}&scope=repository:alice/a:pull`,
      { authorization: basic('alice', 'wrong') },
      path,
    )
    if (answer.status === 401) return
    const claims = await claimsOf(answer, server)
    expect([claims.sub, claims.access]).toEqual(['alice', own('pull')])
  })

  test.each([
    ['a wrong password', grant.replace('password=password', 'password=wrong')],
    ['an empty password', grant.replace('password=password', 'password=')],
    ['an empty user', grant.replace('username=alice', 'username=')],
    ['a user with a colon', grant.replace('username=alice', 'username=alice%3Apassword')],
    ['a NUL', grant.replace('password=password', 'password=password%00')],
    [
      'an identity token, which nobody has',
      'grant_type=refresh_token&client_id=docker&service=registry&refresh_token=x&scope=repository:public/a:pull',
    ],
    [
      'an empty identity token',
      'grant_type=refresh_token&client_id=docker&service=registry&refresh_token=',
    ],
  ])('with %s: 401', async (_name, body) => {
    expectRefusal(await post(body), 401)
  })

  test('with an identity token and none in it: 400', async () => {
    expectRefusal(await post('grant_type=refresh_token&client_id=docker&service=registry'), 400)
  })

  test('gives no identity token, however it is asked for one', async () => {
    const answer = await post(`${grant}&access_type=offline`)
    expect(answer.json()).not.toHaveProperty('refresh_token')
  })
})

test('many requests share one connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let index = 0; index < 20; index += 1) {
    const { headers } = await send('/token?service=registry', { agent })
    expect(headers['connection']).not.toBe('close')
  }
  agent.destroy()
})

test('nothing but anonymous rules decides what a request without credentials and scope gets', async () => {
  const noAnonymous = {
    rules: [{ name: 'own', who: ['authenticated'], may: ['pull'], on: ['**'] }],
    authentication: [{ htpasswd: { file: 'htpasswd' } }],
  }
  await using other = await startDockwarden({
    config: noAnonymous,
    files: { htpasswd: 'alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n' },
  })
  const refused = await ask(`${other.url}/token?service=registry`)
  expectRefusal(refused, 401)
  expect(refused.headers['www-authenticate']).toMatch(/^Basic /)
  // With a scope it is an ordinary pull, which may be allowed less than it asked.
  const answer = await ask(`${other.url}/token?service=registry&scope=repository:a:pull`)
  expect((await claimsOf(answer, other)).access).toEqual([])
})

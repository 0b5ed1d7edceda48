/** B12, B33, B34, B35: every refusal over HTTP, its status and its body. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Dockwarden } from '../support/dockwarden.ts'
import { type Ask, ask, basic, claimsOf, formType } from './ask.ts'
import { startPublicServer } from './public-server.ts'
import { expectRefusal } from './refusal.ts'

let server: Dockwarden
beforeAll(async () => {
  const hash = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' // "password"
  server = await startPublicServer(`alice:${hash}\nmüller:${hash}\n`)
})
afterAll(() => server?.stop())

const good = 'grant_type=password&client_id=c&service=registry&username=alice&password=password'
const scope = 'repository:a:pull'

const send = (path: string, options?: Ask) => ask(`${server.url}${path}`, options)
const form = (body: string | Buffer, headers: Record<string, string> = {}) =>
  send('/token', { method: 'POST', headers: { 'content-type': formType, ...headers }, body })
const header = (authorization: string | readonly string[], path = '/token?service=registry') =>
  send(path, { headers: { authorization } })

describe('B12: a refusal is a registry error with a request id, and tells nothing of the inside', () => {
  test.each<[string, number, () => Promise<Awaited<ReturnType<typeof ask>>>]>([
    ['no service', 400, () => send('/token')],
    ['an unknown path', 404, () => send('/nothing')],
    ['the root', 404, () => send('/')],
    ['a path below a known one', 404, () => send('/token/x')],
    ['a path that does not decode', 404, () => send('/%zz')],
    ['a path of bytes that are no UTF-8', 404, () => send('/%ff')],
    ['PUT', 405, () => send('/token?service=registry', { method: 'PUT' })],
    ['a wrong password', 401, () => header(basic('alice', 'wrong'))],
    ['an unknown user', 401, () => header(basic('nobody', 'wrong'))],
    ['a large form', 413, () => form(`${good}&x=${'y'.repeat(20_000)}`)],
    ['a form in another language', 400, () => form(good, { 'content-type': 'application/json' })],
    ['no content type', 400, () => send('/token', { method: 'POST', body: good })],
    ['a compressed form', 400, () => form(good, { 'content-encoding': 'gzip' })],
    ['1,000 parameters', 400, () => form(`${good}${'&x=1'.repeat(1_000)}`)],
    ['prototype parameters', 400, () => form('__proto__=1&constructor=2&toString=3')],
  ])('%s: %i', async (_name, status, answer) => {
    expectRefusal(await answer(), status)
  })

  test('405 names the methods that there are', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      const answer = await send('/token?service=registry', { method })
      expectRefusal(answer, 405)
      expect(answer.headers['allow']?.split(/, */).sort()).toEqual(['GET', 'HEAD', 'POST'])
    }
  })

  test('401 shows browsers where to type, and nothing that docker would print twice', async () => {
    const answer = await header(basic('alice', 'wrong'))
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="[^"]+"/)
    expect(answer.headers['www-authenticate']).not.toContain('Bearer')
  })
})

describe('B33: only scope may be repeated', () => {
  test.each(['service', 'account', 'client_id', 'offline_token', 'anything'])(
    'GET with two %s: 400',
    async (name) => {
      const value = { service: 'registry', offline_token: 'true' }[name] ?? 'x'
      const service = name === 'service' ? '' : 'service=registry&'
      expectRefusal(await send(`/token?${service}${name}=${value}&${name}=${value}`), 400)
    },
  )
  test.each([
    'service',
    'grant_type',
    'client_id',
    'username',
    'password',
    'access_type',
    'refresh_token',
    'x',
  ])('POST with two %s: 400', async (name) => {
    const missing = { access_type: 'online', refresh_token: 'r', x: '1' }[name]
    const value = missing ?? new URLSearchParams(good).get(name)
    const once = missing === undefined ? '' : `&${name}=${value}`
    expectRefusal(await form(`${good}${once}&${name}=${value}`), 400)
  })
  test.each([
    'service[]=registry',
    'service[0]=registry',
    'service[$ne]=x',
    'Service=registry',
    'service.x=registry',
    'service',
    'service=',
    '=registry',
    'service%00=registry',
    '',
    '&&&',
    'service=registry&offline_token=2',
    'service=registry&client_id=%0a',
    'service=registry&client_id=%c3%a9',
  ])('GET ?%s: 400', async (query) => {
    expectRefusal(await send(`/token?${query}`), 400)
  })
  test.each([
    ['nothing', ''],
    ['no grant type', good.replace('grant_type=password', 'x=1')],
    ['a grant type that nobody knows', good.replace('=password&', '=authorization_code&')],
    ['a grant type that objects have', good.replace('=password&', '=__proto__&')],
    ['another spelling', good.replace('=password&', '=Password&')],
    ['no client', good.replace('client_id=c', 'x=1')],
    ['no service', good.replace('service=registry', 'x=1')],
    ['no user', good.replace('username=alice', 'x=1')],
    ['no password', good.replace('&password=password', '')],
    ['an access type that nobody knows', `${good}&access_type=sometimes`],
    ['JSON', '{"grant_type":"password","service":"registry"}'],
    ['bytes', Buffer.from([0, 255, 128, 38, 61])],
  ])('POST with %s: 400', async (_name, body) => {
    expectRefusal(await form(body), 400)
  })

  test('32 scopes are answered and 33 are not', async () => {
    const scopes = (count: number) =>
      Array.from({ length: count }, (_, index) => `&scope=repository:r${index}:pull`).join('')
    expect(
      (await claimsOf(await send(`/token?service=registry${scopes(32)}`), server)).access.length,
    ).toBe(32)
    expectRefusal(await send(`/token?service=registry${scopes(33)}`), 400)
    const joined = Array.from({ length: 33 }, (_, index) => `repository:r${index}:pull`).join('+')
    expectRefusal(await send(`/token?service=registry&scope=${joined}`), 400)
    expectRefusal(await form(`${good}&scope=${joined}`), 400)
  })
})

describe('B34: a Basic header is read to the letter, and never as anonymous', () => {
  const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')
  test.each<[string, string | readonly string[]]>([
    ['as docker sends it', `Basic ${base64('alice:password')}`],
    ['in lower case', `basic ${base64('alice:password')}`],
    ['in upper case', `BASIC ${base64('alice:password')}`],
    ['with two spaces', `Basic  ${base64('alice:password')}`],
    ['without padding', `Basic ${base64('alice:password').replace(/=+$/, '')}`],
    ['with a name in UTF-8', `Basic ${base64('müller:password')}`],
  ])('%s: 200', async (_name, authorization) => {
    expect((await claimsOf(await header(authorization), server)).sub).toMatch(/alice|müller/)
  })
  test.each<[string, string | readonly string[]]>([
    ['empty', ''],
    ['the scheme alone', 'Basic'],
    ['the scheme and a space', 'Basic '],
    ['another scheme', `Bearer ${base64('alice:password')}`],
    ['another scheme, like ours', `Basicx ${base64('alice:password')}`],
    ['no scheme', base64('alice:password')],
    ['no colon', `Basic ${base64('alice')}`],
    ['an empty name', `Basic ${base64(':password')}`],
    ['an empty password', `Basic ${base64('alice:')}`],
    ['a colon alone', `Basic ${base64(':')}`],
    ['nothing encoded', `Basic ${base64('')}`],
    ['plain text', 'Basic alice:password'],
    ['text behind the padding', `Basic ${base64('alice:password!')}==x`],
    [
      'a space inside',
      `Basic ${base64('alice:password').slice(0, 6)} ${base64('alice:password').slice(6)}`,
    ],
    ['a second value', `Basic ${base64('alice:password')}, Basic ${base64('alice:password')}`],
    ['base64url', 'Basic YWxpY2U6cGFzc3dvcmQ_Pz8-'],
    ['bytes that are no UTF-8', `Basic ${base64(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))}`],
    ['a name in Latin-1', `Basic ${base64(Buffer.from('müller:password', 'latin1'))}`],
    ['a NUL in the name', `Basic ${base64('alice\0:password')}`],
    ['a NUL in the password', `Basic ${base64('alice:password\0')}`],
    ['a line break in the password', `Basic ${base64('alice:password\n')}`],
    ['a space behind the name', `Basic ${base64('alice :password')}`],
    ['another case', `Basic ${base64('Alice:password')}`],
    ['a password that goes on', `Basic ${base64('alice:password:')}`],
    ['a name of 1,025 characters', `Basic ${base64(`${'a'.repeat(1025)}:password`)}`],
    ['a password of 8,000 bytes', `Basic ${base64(`alice:${'p'.repeat(8_000)}`)}`],
    ['a name that objects have', `Basic ${base64('__proto__:password')}`],
    ['another such name', `Basic ${base64('constructor:password')}`],
  ])('%s: 401', async (_name, authorization) => {
    expectRefusal(await header(authorization, `/token?service=registry&scope=${scope}`), 401)
  })
})

describe('B35: a token is signed only for a service of the configuration', () => {
  test.each([
    'other',
    'Registry',
    'REGISTRY',
    'registry ',
    ' registry',
    'registry\0',
    'registry\n',
    'registry/',
    'registry,other',
    '*',
    '__proto__',
    'constructor',
    'toString',
    'registrу', // a Cyrillic у
    'r'.repeat(4_000),
  ])('%j: 400', async (service) => {
    const query = encodeURIComponent(service)
    for (const authorization of [undefined, basic('alice', 'password')]) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await send(`/token?service=${query}&scope=${scope}`, { headers })
      expectRefusal(answer, 400)
      expect(answer.text).not.toContain('token"')
    }
    expectRefusal(await form(good.replace('service=registry', `service=${query}`)), 400)
  })
})

import { describe, expect, test } from 'vitest'
import { readTokenForm, readTokenQuery } from '../../src/token/token-request.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const password = 'grant_type=password&service=s&client_id=c&username=alice&password=secret'

describe('a GET', () => {
  test('asks for a service and scopes, repeated or parted by spaces', () => {
    const { service, scopes, malformedScopes, proof } = readTokenQuery(
      'account=bob&service=my%20registry&scope=repository:a:pull&scope=repository:b:push+repository:c:pull%20x',
      [],
    )
    expect(service).toBe('my registry')
    expect(scopes.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(malformedScopes).toEqual(['x'])
    expect(proof).toEqual({ kind: 'none' })
  })

  test('is who its Authorization header says, whatever account says', () => {
    const { proof } = readTokenQuery('service=s&account=bob', [basic('alice:secret')])
    expect(proof).toMatchObject({ kind: 'password', credentials: { username: 'alice' } })
  })

  test.each([
    ['a header of another scheme', ['Bearer abc']],
    ['an identity token as containerd sends it', [basic(':token')]],
    ['an empty header', ['']],
    ['two headers', [basic('a:b'), basic('a:b')]],
  ])('with %s is malformed, and never anonymous', (_name, headers) => {
    expect(readTokenQuery('service=s', headers).proof).toEqual({ kind: 'malformed' })
  })

  test.each(['1', 't', 'T', 'TRUE', 'true', 'True', '0', 'f', 'F', 'FALSE', 'false', 'False'])(
    'takes offline_token=%s',
    (value) => expect(readTokenQuery(`service=s&offline_token=${value}`, []).service).toBe('s'),
  )

  test.each([
    ['no service', 'scope=repository:a:pull', 'service'],
    ['an empty service', 'service=', 'service'],
    ['B33: two services', 'service=a&service=b', 'more than once'],
    ['B33: two accounts', 'service=a&account=a&account=b', 'more than once'],
    ['B33: two of what nobody knows', 'service=a&x=1&x=2', 'more than once'],
    ['an offline_token that is no boolean', 'service=a&offline_token=maybe', 'offline_token'],
    ['an empty offline_token', 'service=a&offline_token=', 'offline_token'],
    ['a client_id that does not print', 'service=a&client_id=%00', 'client_id'],
    [
      '33 scopes',
      `service=a&${Array.from({ length: 33 }, (_, i) => `scope=repository:r${i}:pull`).join('&')}`,
      '32',
    ],
    [
      '33 malformed scopes',
      `service=a&scope=${Array.from({ length: 33 }, (_, i) => `x${i}`).join('+')}`,
      '32',
    ],
  ])('with %s is refused', (_name, query, message) => {
    expect(() => readTokenQuery(query, [])).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining(message),
      }),
    )
  })

  test('with 32 scopes is fine', () => {
    const query = Array.from({ length: 32 }, (_, i) => `scope=repository:r${i}:pull`).join('&')
    expect(readTokenQuery(`service=a&${query}`, []).scopes).toHaveLength(32)
  })
})

describe('a POST', () => {
  test('of grant_type=password is who its user name and password say', () => {
    const { proof, scopes } = readTokenForm(
      `${password}&scope=repository:a:pull repository:b:pull&scope=repository:c:pull`,
    )
    expect(proof).toMatchObject({ kind: 'password', credentials: { username: 'alice' } })
    expect(scopes).toHaveLength(3)
  })

  test('of grant_type=refresh_token offers an identity token', () => {
    const form = 'grant_type=refresh_token&service=s&client_id=c&refresh_token=x'
    expect(readTokenForm(form).proof).toEqual({ kind: 'identity_token' })
  })

  test.each([
    'username=alice&password=',
    'username=&password=secret',
    'username=a:b&password=secret',
  ])('with %s is malformed', (pair) => {
    const form = `grant_type=password&service=s&client_id=c&${pair}`
    expect(readTokenForm(form).proof).toEqual({ kind: 'malformed' })
  })

  test.each([
    ['no grant type', password.replace('grant_type=password&', ''), 'grant_type'],
    [
      'a grant type of another flow',
      password.replace('=password', '=authorization_code'),
      'grant_type',
    ],
    ['no client_id', password.replace('client_id=c&', ''), 'client_id'],
    ['no service', password.replace('service=s&', ''), 'service'],
    ['no user name', password.replace('username=alice&', ''), 'username'],
    ['no password', password.replace('&password=secret', ''), 'password'],
    ['no refresh token', 'grant_type=refresh_token&service=s&client_id=c', 'refresh_token'],
    ['B33: two passwords', `${password}&password=other`, 'more than once'],
    ['B33: two grant types', `${password}&grant_type=password`, 'more than once'],
    ['an unknown access type', `${password}&access_type=sideways`, 'access_type'],
    ['JSON', '{"grant_type":"password"}', 'grant_type'],
    ['nothing', '', 'grant_type'],
    ['__proto__', `${password}&__proto__=1&__proto__=2`, 'more than once'],
  ])('with %s is refused', (_name, form, message) => {
    expect(() => readTokenForm(form)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining(message),
      }),
    )
  })
})

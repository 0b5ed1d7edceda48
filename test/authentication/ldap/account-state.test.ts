/** States of accounts: what a directory says of them, and who is told. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEntryState, readRefusal } from '../../../src/authentication/ldap/account-state.ts'
import type { DirectoryEntry } from '../../../src/authentication/ldap/directory-session.ts'
import type { LdapSettings } from '../../../src/authentication/ldap/settings.ts'
import { passwordOf, people } from '../../support/directory-entries.ts'
import { describeWithParts } from '../../support/parts.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { login } from '../login.ts'
import { openBackend, openldapSettings } from './backend.ts'

type Signs = LdapSettings['accountState']

const now = new Date('2026-06-01T12:00:00Z')

function entryOf(attributes: Readonly<Record<string, string>>): DirectoryEntry {
  const values = (attribute: string) => {
    const value = attributes[attribute]
    return value === undefined ? [] : [value]
  }
  return {
    dn: 'cn=x',
    values,
    bytes: (attribute) => values(attribute).map((each) => Buffer.from(each)),
    isCut: () => false,
  }
}

describe('B8: the sub-codes of Active Directory', () => {
  const text = (code: string) => `80090308: LdapErr: DSID-0C090439, comment, data ${code}, v1db1`
  const told = ['532', '533', '701', '773']
  const untold = ['52e', '525', '530', '531', '775', '', 'zzz']

  for (const code of told) {
    test(`${code} proves that the password was right: it is told, and no guess`, () => {
      const obstacle = readRefusal({ code: 49, diagnostic: text(code) }, 'active_directory')
      expect(obstacle).toMatchObject({ isWrongPassword: false, tell: expect.any(String) })
    })
  }
  for (const code of untold) {
    test(`${code || 'none'} proves nothing: it is not told, and a guess`, () => {
      const obstacle = readRefusal({ code: 49, diagnostic: text(code) }, 'active_directory')
      expect(obstacle.isWrongPassword).toBe(true)
      expect(obstacle).not.toHaveProperty('tell')
    })
  }
  test('other directories cannot use them to make us tell something', () => {
    for (const signs of ['openldap', 'none'] as const)
      for (const code of told)
        expect(readRefusal({ code: 49, diagnostic: text(code) }, signs)).not.toHaveProperty('tell')
    expect(
      readRefusal({ code: 53, diagnostic: text('532') }, 'active_directory'),
    ).not.toHaveProperty('tell')
  })
})

describe('what an entry says', () => {
  const over = '20260601115959Z'
  const ahead = '20260601120001.5Z'
  const filetime = (date: string) =>
    String((BigInt(Date.parse(date)) + 11_644_473_600_000n) * 10_000n)
  const cases: readonly (readonly [string, Signs, Record<string, string>, RegExp | undefined])[] = [
    [
      'a normal account',
      'active_directory',
      { useraccountcontrol: '512', pwdlastset: '1', accountexpires: '0' },
      undefined,
    ],
    ['disabled', 'active_directory', { useraccountcontrol: '514' }, /disabled/],
    ['expires never', 'active_directory', { accountexpires: '9223372036854775807' }, undefined],
    [
      'expired a second ago',
      'active_directory',
      { accountexpires: filetime('2026-06-01T11:59:59Z') },
      /expired/,
    ],
    [
      'expires in a second',
      'active_directory',
      { accountexpires: filetime('2026-06-01T12:00:01Z') },
      undefined,
    ],
    ['must change', 'active_directory', { useraccountcontrol: '512', pwdlastset: '0' }, /changed/],
    [
      'a password that never expires',
      'active_directory',
      { useraccountcontrol: '66048', pwdlastset: '0' },
      undefined,
    ],
    [
      'rubbish',
      'active_directory',
      { useraccountcontrol: 'x', accountexpires: '-1', pwdlastset: '' },
      undefined,
    ],
    ['nothing', 'openldap', {}, undefined],
    ['a reset password', 'openldap', { pwdreset: 'TRUE' }, /changed/],
    ['locked for good', 'openldap', { pwdaccountlockedtime: '000001010000Z' }, /disabled/],
    ['locked once', 'openldap', { pwdaccountlockedtime: over }, undefined],
    ['nsAccountLock', 'openldap', { nsaccountlock: 'true' }, /disabled/],
    ['nsAccountLock off', 'openldap', { nsaccountlock: 'FALSE' }, undefined],
    ['Kerberos password over', 'openldap', { krbpasswordexpiration: over }, /password has expired/],
    ['Kerberos password ahead', 'openldap', { krbpasswordexpiration: ahead }, undefined],
    [
      'Kerberos principal over',
      'openldap',
      { krbprincipalexpiration: over },
      /account has expired/,
    ],
    ['password over', 'openldap', { passwordexpirationtime: over }, /password has expired/],
    [
      'password reset by an administrator',
      'openldap',
      { passwordexpirationtime: '19700101000000Z' },
      /changed/,
    ],
    [
      'rubbish',
      'openldap',
      { krbpasswordexpiration: '2026', passwordexpirationtime: '99999999999999Z' },
      undefined,
    ],
    ['nothing is read', 'none', { useraccountcontrol: '514', nsaccountlock: 'TRUE' }, undefined],
  ]
  for (const [what, signs, attributes, reason] of cases) {
    test(`${signs}: ${what}`, () => {
      const obstacle = readEntryState(entryOf(attributes), signs, now)
      if (reason === undefined) expect(obstacle).toBeUndefined()
      else
        expect(obstacle).toMatchObject({
          reason: expect.stringMatching(reason),
          isWrongPassword: false,
        })
    })
  }
})

describeWithParts('states of an OpenLDAP server', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd

  beforeAll(async () => {
    const policy = { pwdMaxFailure: 3, pwdLockoutDuration: 300, pwdMaxAge: 1_000_000 }
    slapd = await startSlapd({ policy: { ...policy, pwdMustChange: 'TRUE' } })
  })
  afterAll(async () => await slapd.stop())

  const set = (dn: string, attribute: string, value: string) =>
    slapd.modify(`dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n\n`)
  const refusalOf = async (person: string, password: string) =>
    await login(openBackend(openldapSettings([slapd.url])).backend, person, password)

  const told: readonly (readonly [string, 'alice' | 'bob' | 'carol', string, string, RegExp])[] = [
    ['must change', 'alice', 'pwdReset', 'TRUE', /must be changed/],
    ['expired', 'bob', 'pwdChangedTime', '20200101000000Z', /has expired/],
  ]
  for (const [what, person, attribute, value, tell] of told) {
    test(`${what}: told with the right password alone`, async () => {
      await set(people[person], attribute, value)
      expect(await refusalOf(person, passwordOf(person))).toMatchObject({
        kind: 'rejected',
        isWrongPassword: false,
        tell: expect.stringMatching(tell),
      })
      const wrong = await refusalOf(person, 'wrong')
      expect(wrong).toMatchObject({ kind: 'rejected', isWrongPassword: true })
      expect(wrong).not.toHaveProperty('tell')
    })
  }

  for (const [what, person, time] of [
    ['locked', 'carol', new Date().toISOString().replace(/[-:T]|\.\d+/g, '')],
    ['locked for good', 'dave', '000001010000Z'],
  ] as const) {
    test(`${what}: refused and not told, whatever the password`, async () => {
      await set(people[person], 'pwdAccountLockedTime', time)
      for (const password of [passwordOf(person), 'wrong']) {
        const verdict = await refusalOf(person, password)
        expect(verdict).toMatchObject({ kind: 'rejected', isWrongPassword: true })
        expect(verdict).not.toHaveProperty('tell')
      }
    })
  }

  const stampOf = async (person: string) => {
    const candidate = await openBackend(openldapSettings([slapd.url])).backend.find(person)
    await candidate?.release()
    return candidate?.passwordStamp
  }

  test('the stamp changes when the account is unlocked: what was refused before may be right now', async () => {
    const change = (how: string) =>
      slapd.modify(`dn: ${people.carol}\nchangetype: modify\n${how}\n`)
    const locked = await stampOf('carol')
    expect(locked).toContain('pwdAccountLockedTime')
    await change('delete: pwdAccountLockedTime')
    expect(await stampOf('carol')).not.toBe(locked)
  })

  test('the stamp changes with the password, and with no guess', async () => {
    const { backend } = openBackend(openldapSettings([slapd.url]))
    const stamp = () => stampOf('sam')
    await slapd.setPassword(people.sam, 'first')
    const before = await stamp()
    expect(before).toMatch(/^pwdChangedTime \d+Z$/)
    await login(backend, 'sam', 'wrong')
    expect(await stamp()).toBe(before)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    await slapd.setPassword(people.sam, 'another')
    expect(await stamp()).not.toBe(before)
  })
})

/** Logins at a real 389 Directory Server, on which FreeIPA rests. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server389, start389ds } from '../../support/389ds.ts'
import { passwordOf, people, suffix } from '../../support/directory-entries.ts'
import { describeWithParts } from '../../support/parts.ts'
import { login } from '../login.ts'
import { type Changes, openBackend, openldapSettings } from './backend.ts'

const parts = ['ns-slapd', 'certutil', 'pk12util', 'openssl', 'ldapmodify', 'ldapsearch'] as const

describeWithParts('389 Directory Server', parts, () => {
  let server: Server389

  beforeAll(async () => {
    server = await start389ds()
    const policy = ['passwordLockout', 'passwordExp', 'passwordMustChange'].map(
      (name) => `replace: ${name}\n${name}: on\n-\n`,
    )
    await server.modify(
      `dn: cn=config\nchangetype: modify\n${policy.join('')}replace: passwordMaxFailure\npasswordMaxFailure: 3\n\n`,
    )
  })
  afterAll(async () => await server.stop())

  const open = (changes: Changes = {}) => {
    const { tls } = openldapSettings([server.ldapsUrl])
    return openBackend(
      openldapSettings([server.ldapsUrl], {
        tls: { ...tls, caFile: server.caFile },
        ...changes,
        user: { idAttribute: 'nsUniqueId' },
        groups: { bases: [`ou=groups,${suffix}`], ...changes.groups },
      }),
    ).backend
  }
  const set = (dn: string, attribute: string, value: string) =>
    server.modify(
      `dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n\n`,
    )

  test('accepts a person with the groups of every mode', async () => {
    const id = (await server.read(people.alice, 'nsUniqueId'))?.get('nsuniqueid')?.[0]
    const expected = ['company', 'developers', 'engineering']
    for (const mode of ['search', 'member_of'] as const) {
      const verdict = await login(open({ groups: { mode } }), 'alice', passwordOf('alice'))
      expect(verdict).toMatchObject({
        kind: 'accepted',
        subject: { id: `corp:${id}`, name: 'alice' },
      })
      const names =
        verdict.kind === 'accepted' ? verdict.subject.groups.map(({ name }) => name) : []
      expect(names.sort(), mode).toEqual(mode === 'search' ? ['builders', ...expected] : expected)
    }
  })

  test('accepts a DN that needs every kind of escaping', async () => {
    expect(await login(open(), 'sam', passwordOf('sam'))).toMatchObject({ kind: 'accepted' })
  })

  test('nsAccountLock is refused and not told, whatever the password', async () => {
    await set(people.dave, 'nsAccountLock', 'true')
    for (const password of [passwordOf('dave'), 'wrong']) {
      const verdict = await login(open(), 'dave', password)
      expect(verdict).toMatchObject({ kind: 'rejected', isWrongPassword: true })
      expect(verdict).not.toHaveProperty('tell')
    }
  })

  const states = [
    ['expired', 'carol', '20200101000000Z', /has expired/],
    ['must change', 'bob', '19700101000000Z', /must be changed/],
  ] as const
  for (const [what, person, time, tell] of states) {
    test(`${what}: told with the right password alone`, async () => {
      await set(people[person], 'passwordExpirationTime', time)
      const right = await login(open(), person, passwordOf(person))
      expect(right).toMatchObject({
        kind: 'rejected',
        isWrongPassword: false,
        tell: expect.stringMatching(tell),
      })
      const wrong = await login(open(), person, 'wrong')
      expect(wrong).toMatchObject({ kind: 'rejected', isWrongPassword: true })
      expect(wrong).not.toHaveProperty('tell')
    })
  }

  test('a locked account is refused and not told, whatever the password', async () => {
    for (let guess = 0; guess < 3; guess += 1) await login(open(), 'alice', 'wrong')
    for (const password of [passwordOf('alice'), 'wrong']) {
      const verdict = await login(open(), 'alice', password)
      expect(verdict).toMatchObject({ kind: 'rejected', isWrongPassword: true })
      expect(verdict).not.toHaveProperty('tell')
    }
  })
})

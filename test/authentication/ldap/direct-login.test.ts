/** Logins that bind with what was typed. */

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { passwordOf, people, suffix } from '../../support/directory-entries.ts'
import { describeWithParts } from '../../support/parts.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { login } from '../login.ts'
import { type Changes, openBackend, openldapSettings } from './backend.ts'

describeWithParts('direct bind', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd
  let seen = 0

  beforeAll(async () => {
    slapd = await startSlapd({ readers: 'users' })
  })
  afterAll(async () => await slapd.stop())
  beforeEach(async () => {
    seen = (await slapd.log()).length
  })

  const template = `uid={user},ou=people,${suffix}`
  const open = (changes: Changes = {}) =>
    openBackend(openldapSettings([slapd.url], { bind: { kind: 'direct', template }, ...changes }))
  const logged = async (kind: string) =>
    (await slapd.log()).slice(seen).filter((each) => each.kind === kind)

  test('accepts a person as the entry names them, with their groups', async () => {
    const { backend } = open({ groups: { bases: [`ou=groups,${suffix}`] } })
    const uuid = (await slapd.read(people.alice, 'entryUUID'))?.get('entryuuid')?.[0]
    const verdict = await login(backend, 'ALICE', passwordOf('alice'))
    expect(verdict).toMatchObject({
      kind: 'accepted',
      subject: { id: `corp:${uuid}`, name: 'alice', backend: 'corp' },
    })
    const names = verdict.kind === 'accepted' && verdict.subject.groups.map(({ name }) => name)
    expect(names).toContain('company')
    expect((await logged('BIND')).map(({ dn }) => dn)).toEqual([people.alice])
    await expect.poll(() => slapd.connections()).toBe(0)
  })

  test('asks the directory nothing before the password is there', async () => {
    const { backend } = open()
    expect(await backend.find('mallory')).toMatchObject({ account: 'mallory' })
    expect(await backend.knows(['alice'])).toEqual([])
    expect(await slapd.log()).toHaveLength(seen)
  })

  test('refuses a wrong password and an unknown name alike', async () => {
    const { backend } = open()
    for (const name of ['alice', 'mallory'])
      expect(await login(backend, name, 'wrong')).toMatchObject({
        kind: 'rejected',
        isWrongPassword: true,
      })
  })

  test('A4: an empty password is refused without a connection', async () => {
    const { backend } = open()
    expect(await login(backend, 'alice', '')).toMatchObject({ kind: 'rejected' })
    expect(await slapd.log()).toHaveLength(seen)
  })

  test('B5: what could leave its place in a DN never gets there', async () => {
    const { backend } = open()
    const hostile = [
      'alice,ou=people',
      'alice+cn=x',
      '#616c',
      'a"b',
      'a\\2c',
      '*',
      'a=b',
      '{user}',
      'é',
    ]
    for (const name of [
      ...hostile,
      '..',
      'alice@example.org',
      'EXTERNAL ',
      '-',
      'a--b',
      '$&',
      "$'",
    ])
      expect(await login(backend, name, 'any'), name).toEqual({ kind: 'unknown' })
    expect(await slapd.log()).toHaveLength(seen)
  })

  test('who does not fit the filter is refused, though the password is right', async () => {
    const { backend } = open({ user: { filter: '(uid=bob)' } })
    expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({
      kind: 'rejected',
      isWrongPassword: false,
    })
  })

  test('a template that would bind the bare name is refused', () => {
    expect(() => open({ bind: { kind: 'direct', template: '{user}' } })).toThrow(TypeError)
  })
})

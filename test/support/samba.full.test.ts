/** The answers of a domain controller on which the reading of its diagnostics rests. */

import { readFileSync } from 'node:fs'
import { Client } from 'ldapts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { passwordOf } from './directory-entries.ts'
import { describeAsRoot } from './parts.ts'
import { type Samba, startSamba } from './samba.ts'
import {
  domainGroups,
  domainPeople,
  domainServiceAccount,
  lockoutThreshold,
} from './samba-entries.ts'

const parts = ['samba', 'samba-tool', 'ldapmodify', 'ldapsearch'] as const

describeAsRoot('Samba', parts, () => {
  let samba: Samba

  beforeAll(async () => {
    samba = await startSamba()
  })
  afterAll(async () => await samba.stop())

  const connect = (): Client =>
    new Client({
      url: samba.ldapsUrl,
      tlsOptions: { ca: [readFileSync(samba.caFile)], servername: samba.serverName },
    })

  /** `bound`, or the code within the diagnostic message. */
  const bind = async (name: string, password = passwordOf(name)): Promise<string | undefined> => {
    const client = connect()
    try {
      await client.bind(`${name}@ad.test`, password)
      return 'bound'
    } catch (error) {
      return / data (\w+)/.exec((error as Error).message)?.[1] ?? String(error)
    } finally {
      await client.unbind()
    }
  }

  const states = { disabled: '533', expired: '701', changing: '773', outdated: '532' }
  for (const [name, code] of Object.entries(states))
    test(`says of ${name} only to the right password that it is`, async () => {
      expect(await bind(name)).toBe(code)
      expect(await bind(name, 'wrong')).toBe('52e')
    })

  test('binds everybody else', async () => {
    for (const name of ['alice', 'bob', 'josé', 'sam', 'forgetful'])
      expect(await bind(name), name).toBe('bound')
  })

  test('locks an account out, and unlocks it', async () => {
    for (let guess = 0; guess < lockoutThreshold; guess += 1)
      expect(await bind('forgetful', 'wrong')).toBe('52e')
    expect(await bind('forgetful')).toBe('775')
    const state = await samba.read(domainPeople.forgetful, 'badPwdCount', 'lockoutTime')
    expect(state?.get('badpwdcount')).toEqual([`${lockoutThreshold}`])
    await samba.tool('user', 'unlock', 'forgetful')
    expect(await bind('forgetful')).toBe('bound')
  })

  test('finds groups within groups, round a loop', async () => {
    const client = connect()
    await client.bind(domainServiceAccount.dn, domainServiceAccount.password)
    const { searchEntries } = await client.search(samba.suffix, {
      filter: `(member:1.2.840.113556.1.4.1941:=${domainPeople.alice})`,
      attributes: ['cn'],
    })
    await client.unbind()
    const { admins, ...others } = domainGroups
    expect(searchEntries.map(({ dn }) => dn).sort()).toEqual(Object.values(others).sort())
    expect((await samba.search('(cn=admins)', 'member')).length).toBe(2)
  })

  test('keeps its accounts over a stop', async () => {
    await samba.setPassword(domainPeople.bob, 'another')
    await samba.stop()
    await samba.start()
    expect(await bind('bob', 'another')).toBe('bound')
  })
})

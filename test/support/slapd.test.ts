/** What the test directory can show: without this, a test against it would prove nothing. */

import { readFileSync } from 'node:fs'
import { Client } from 'ldapts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { groups, passwordOf, people, serviceAccount, sharedMail } from './directory-entries.ts'
import { describeWithParts } from './parts.ts'
import { type Slapd, startSlapd } from './slapd.ts'

describeWithParts('slapd', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd

  beforeAll(async () => {
    slapd = await startSlapd({ policy: { pwdMaxFailure: 3, pwdLockoutDuration: 300 } })
  })
  afterAll(async () => await slapd.stop())

  const bind = async (dn: string, password: string, url = slapd.url): Promise<string> => {
    const tlsOptions = { ca: [readFileSync(slapd.caFile)], host: '127.0.0.1' }
    const client = new Client({ url, ...(url.startsWith('ldaps') ? { tlsOptions } : {}) })
    try {
      await client.bind(dn, password)
      return 'bound'
    } catch (error) {
      return (error as Error).constructor.name
    } finally {
      await client.unbind()
    }
  }

  test('locks an account after as many wrong passwords as its policy says', async () => {
    for (let guess = 0; guess < 3; guess += 1)
      expect(await bind(people.bob, 'wrong')).toBe('InvalidCredentialsError')
    expect(await bind(people.bob, passwordOf('bob'))).toBe('InvalidCredentialsError')
    const state = await slapd.read(people.bob, 'pwdFailureTime', 'pwdAccountLockedTime')
    expect(state?.get('pwdfailuretime')).toHaveLength(3)
    expect(state?.get('pwdaccountlockedtime')).toHaveLength(1)
  })

  test('accepts every person over TLS, and a bind without a password', async () => {
    for (const [uid, dn] of Object.entries(people))
      if (uid !== 'bob') expect(await bind(dn, passwordOf(uid), slapd.ldapsUrl), uid).toBe('bound')
    expect(await bind(people.alice, '')).toBe('bound')
  })

  test('shows memberOf to the service account', async () => {
    const client = new Client({ url: slapd.url })
    await client.bind(serviceAccount.dn, serviceAccount.password)
    const found = async (filter: string) =>
      (await client.search(slapd.suffix, { filter, attributes: ['memberOf', 'uid'] })).searchEntries
    const [alice] = await found('(uid=alice)')
    expect([alice?.['memberOf']].flat().sort()).toEqual(
      [groups.developers, groups['admins of contractors']].sort(),
    )
    expect(await found(`(mail=${sharedMail})`)).toHaveLength(2)
    await client.unbind()
  })

  test('answers below ou=errors as the entry is named', async () => {
    const answers = { 'code-51': 'BusyError', 'code-53': 'UnwillingToPerformError', drop: 'Error' }
    for (const [name, answer] of Object.entries(answers))
      expect(await bind(`cn=${name},ou=errors,${slapd.suffix}`, passwordOf(name))).toBe(answer)
  })

  test('tells what was asked, and counts its connections', async () => {
    const before = (await slapd.log()).length
    const client = new Client({ url: slapd.url })
    await client.startTLS({ ca: [readFileSync(slapd.caFile)], host: '127.0.0.1' })
    await client.bind(serviceAccount.dn, serviceAccount.password)
    await client.search(slapd.suffix, { filter: '(cn=a"b)', attributes: ['cn', 'mail'] })
    expect(slapd.connections()).toBe(1)
    const requests = (await slapd.log()).slice(before)
    expect(requests).toMatchObject([
      { kind: 'EXT', isEncrypted: false },
      { kind: 'BIND', dn: serviceAccount.dn, isEncrypted: true, result: 0 },
      {
        kind: 'SRCH',
        dn: slapd.suffix,
        scope: 2,
        filter: '(cn=a"b)',
        attributes: ['cn', 'mail'],
        result: 0,
        entries: 0,
      },
    ])
    await client.unbind()
  })

  test('keeps its entries and ports over a stop, and answers again after a freeze', async () => {
    await slapd.setPassword(people.dave, 'new')
    await slapd.modify(
      `dn: ${people.dave}\nchangetype: modify\nreplace: pwdChangedTime\npwdChangedTime: 20200101000000Z\n`,
    )
    await slapd.delete(people.carol)
    await slapd.stop()
    await slapd.start()
    expect(await bind(people.dave, 'new')).toBe('bound')
    expect(await slapd.read(people.carol)).toBeUndefined()
    expect((await slapd.read(people.dave, 'pwdChangedTime'))?.get('pwdchangedtime')).toEqual([
      '20200101000000Z',
    ])
    const before = await slapd.log()
    slapd.freeze()
    const answer = bind(people.dave, 'new')
    expect(await slapd.log()).toEqual(before)
    slapd.thaw()
    expect(await answer).toBe('bound')
  })
})

/** What stands between us and a directory does what it says: tests of failures are built on it. */

import { readFileSync } from 'node:fs'
import { Client } from 'ldapts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { passwordOf, people } from './directory-entries.ts'
import { answering, startHostileDirectory } from './hostile-directory.ts'
import { bindResponse, requests, searchDone, searchEntry } from './ldap-messages.ts'
import { type ProxyFault, startLdapProxy } from './ldap-proxy.ts'
import { describeWithParts } from './parts.ts'
import { type Slapd, startSlapd } from './slapd.ts'

describeWithParts('a proxy before slapd', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd

  beforeAll(async () => {
    slapd = await startSlapd()
  })
  afterAll(async () => await slapd.stop())

  const password = passwordOf('alice')
  const logIn = async (url: string, isEncrypted: boolean): Promise<string> => {
    const client = new Client({ url, timeout: 2000, connectTimeout: 20_000 })
    try {
      const tls = { ca: [readFileSync(slapd.caFile)], host: '127.0.0.1' }
      if (isEncrypted) await client.startTLS(tls)
      await client.bind(people.alice, password)
      return 'bound'
    } catch (error) {
      return (error as Error).message
    } finally {
      await client.unbind()
    }
  }

  test('keeps what both sides say', async () => {
    await using proxy = await startLdapProxy(slapd.port)
    expect(await logIn(proxy.url, true)).toBe('bound')
    expect(proxy.from('client').includes(password)).toBe(false)
    expect(proxy.from('server').length).toBeGreaterThan(500)
    expect(await logIn(proxy.url, false)).toBe('bound')
    expect(proxy.from('client').includes(password)).toBe(true)
    expect(proxy.accepted).toBe(2)
  })

  const faults: readonly (readonly [ProxyFault, RegExp])[] = [
    [{ kind: 'cut', from: 'server', after: 6 }, /closed/],
    [{ kind: 'cut', from: 'client', after: 0 }, /closed/],
    [{ kind: 'silence' }, /timed out/],
  ]
  for (const [fault, message] of faults)
    test(`fails by ${JSON.stringify(fault)}`, async () => {
      await using proxy = await startLdapProxy(slapd.port)
      proxy.fault = fault
      expect(await logIn(proxy.url, false)).toMatch(message)
    })

  test('is slow', async () => {
    await using proxy = await startLdapProxy(slapd.port)
    proxy.fault = { kind: 'delay', milliseconds: 100 }
    const before = performance.now()
    expect(await logIn(proxy.url, false)).toBe('bound')
    expect(performance.now() - before).toBeGreaterThan(99)
  })

  test('answers StartTLS in the place of the directory', async () => {
    await using proxy = await startLdapProxy(slapd.port)
    const before = (await slapd.log()).length
    proxy.fault = { kind: 'StartTLS refused' }
    expect(await logIn(proxy.url, true)).toMatch(/0x34/)
    expect(await logIn(proxy.url, false)).toBe('bound')
    proxy.fault = { kind: 'StartTLS granted, then plaintext' }
    expect(await logIn(proxy.url, true)).not.toBe('bound')
    proxy.fault = { kind: 'StartTLS unanswered' }
    expect(await logIn(proxy.url, true)).toMatch(/timed out/)
    expect((await slapd.log()).slice(before).map(({ kind }) => kind)).not.toContain('EXT')
  })
})

test('a directory of canned answers is understood', async () => {
  await using directory = await startHostileDirectory(
    answering(({ id, tag }) => {
      if (tag === requests.bind) return [bindResponse(id, 0)]
      if (tag !== requests.search) return undefined
      return [searchEntry(id, 'cn=a', { cn: ['a', 'b'] }), searchDone(id)]
    }),
  )
  const client = new Client({ url: directory.url })
  await client.bind('cn=a', 'b')
  expect((await client.search('cn=a')).searchEntries).toEqual([{ dn: 'cn=a', cn: ['a', 'b'] }])
  await client.unbind()
})

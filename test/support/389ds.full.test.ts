/** What 389 Directory Server does in its own way. */

import { readFileSync } from 'node:fs'
import { Client } from 'ldapts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server389, start389ds } from './389ds.ts'
import { groups, passwordOf, people, serviceAccount } from './directory-entries.ts'
import { describeWithParts } from './parts.ts'

const parts = ['ns-slapd', 'certutil', 'pk12util', 'openssl', 'ldapmodify', 'ldapsearch'] as const

describeWithParts('389 Directory Server', parts, () => {
  let server: Server389

  beforeAll(async () => {
    server = await start389ds()
  })
  afterAll(async () => await server.stop())

  const bound = async (dn: string, password: string): Promise<Client> => {
    const ca = [readFileSync(server.caFile)]
    const client = new Client({ url: server.ldapsUrl, tlsOptions: { ca, host: '127.0.0.1' } })
    await client.bind(dn, password)
    return client
  }

  test('binds every person over TLS', async () => {
    for (const [uid, dn] of Object.entries(people))
      await (await bound(dn, passwordOf(uid))).unbind()
  })

  test('shows in memberOf the groups within groups as well, round a loop', async () => {
    const client = await bound(serviceAccount.dn, serviceAccount.password)
    const found = await client.search(server.suffix, {
      filter: '(uid=alice)',
      attributes: ['memberOf'],
    })
    await client.unbind()
    const { developers, engineering, company, 'admins of contractors': admins } = groups
    expect([found.searchEntries[0]?.['memberOf']].flat().sort()).toEqual(
      [developers, engineering, company, admins].sort(),
    )
  })

  test('refuses a bind without a password, with "unwilling to perform"', async () => {
    await expect(bound(people.alice, '')).rejects.toThrow('0x35')
  })
})

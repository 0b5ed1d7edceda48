import { once } from 'node:events'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { EqualityFilter } from 'ldapts'
import { beforeAll, describe, expect, test } from 'vitest'
import type { DirectorySession } from '../../../src/authentication/ldap/directory-session.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { atEnd } from '../../support/at-end.ts'
import { makeCertificate } from '../../support/certificate.ts'
import {
  type Person,
  passwordOf,
  people,
  serviceAccount,
  suffix,
} from '../../support/directory-entries.ts'
import { answering, startHostileDirectory } from '../../support/hostile-directory.ts'
import {
  bindResponse,
  requests,
  searchDone,
  searchEntry,
  searchReference,
} from '../../support/ldap-messages.ts'
import { startLdapProxy } from '../../support/ldap-proxy.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { testDirectory } from './directory.ts'

const errors = `ou=errors,${suffix}`
let slapd: Slapd
beforeAll(async () => {
  slapd = await startSlapd()
})

const servicePassword = new Password(serviceAccount.password)

for (const mode of ['none', 'starttls', 'ldaps'] as const) {
  test(`${mode}: binds, finds and binds again`, async () => {
    const url = mode === 'ldaps' ? slapd.ldapsUrl : slapd.url
    const before = (await slapd.log()).length
    const { within } = testDirectory([url], { tls: { mode, caFile: slapd.caFile } })
    await within(async (session) => {
      expect(await session.bind(serviceAccount.dn, servicePassword)).toBeUndefined()
      const { entries, isTruncated } = await session.search({
        base: suffix,
        scope: 'sub',
        filter: new EqualityFilter({ attribute: 'uid', value: Buffer.from('josé') }),
        attributes: ['uid', 'objectClass', 'description'],
        limit: 1,
      })
      expect(isTruncated).toBe(false)
      expect(entries.map(({ dn }) => dn)).toEqual([people.josé])
      const [josé] = entries
      expect(josé?.values('UID')).toEqual(['josé'])
      expect(josé?.bytes('uid')).toEqual([Buffer.from('josé')])
      expect(josé?.values('objectclass')).toEqual(['inetOrgPerson'])
      expect(josé?.values('description')).toEqual([])
      expect(await session.bind(people.josé, new Password(passwordOf('josé')))).toBeUndefined()
      expect(await session.bind(people.josé, new Password('wrong'))).toMatchObject({ code: 49 })
    })
    const binds = (await slapd.log()).slice(before).filter(({ kind }) => kind === 'BIND')
    expect(binds.map(({ isEncrypted }) => isEncrypted)).toEqual(
      [1, 2, 3].map(() => mode !== 'none'),
    )
    await expect.poll(() => slapd.connections()).toBe(0)
  })
}

describe('a server that wants a client certificate', () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${maxVersion}: gets it, and it is told where there is none`, async () => {
      const { authority: caFile, certificate: certFile, key: keyFile } = await makeCertificate()
      const own = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
      const asked = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(caFile) }
      const server = createServer({ ...own, ...asked, maxVersion })
      server.on(
        'secureConnection',
        answering(({ id, tag }) => (tag === requests.bind ? [bindResponse(id, 0)] : [])),
      )
      atEnd(() => server.close())
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const url = `ldaps://127.0.0.1:${(server.address() as AddressInfo).port}`
      const bind = (session: DirectorySession) => session.bind(serviceAccount.dn, servicePassword)
      const shown = testDirectory([url], {
        tls: { caFile, clientCertificate: { certFile, keyFile } },
      })
      expect(await shown.within(bind)).toBeUndefined()
      await expect(testDirectory([url], { tls: { caFile } }).within(bind)).rejects.toMatchObject({
        kind: 'connection',
        message: expect.stringMatching(/ wants a client certificate.*tls\.client_cert/),
        keys: expect.arrayContaining(['tls.client_cert']),
      })
    })
  }
})

test('a base that is not there, a filter that is none: the operator has to look', async () => {
  const { within } = testDirectory([slapd.url])
  const search = {
    base: suffix,
    scope: 'sub',
    filter: '(uid=*)',
    attributes: ['uid'],
    limit: 5,
  } as const
  const bound = (work: (session: DirectorySession) => Promise<unknown>) =>
    within(async (session) => {
      await session.bind(serviceAccount.dn, servicePassword)
      return await work(session)
    })
  const cases = [
    { change: { base: `ou=nobody,${suffix}` }, says: /result code 32 \(noSuchObject/ },
    { change: { base: 'nonsense' }, says: /result code 34 \(invalidDNSyntax/ },
    { change: { filter: '(uid=*' }, says: /\(uid=\* is not a filter/ },
    {
      change: { base: `cn=referral,${errors}` },
      says: /result code 10 \(referral: never followed/,
    },
    { change: { base: `cn=code-50,${errors}` }, says: /result code 50 \(insufficientAccessRights/ },
  ]
  for (const { change, says } of cases) {
    const attempt = bound((session) => session.search({ ...search, ...change }))
    await expect(attempt).rejects.toMatchObject({ kind: 'configuration' })
    await expect(attempt).rejects.toThrow(says)
  }
})

describe('a bind of a person', () => {
  const bindAs = (name: string) => {
    const { within } = testDirectory([slapd.url])
    return within((session) => session.bind(`cn=${name},${errors}`, new Password('a password')))
  }

  for (const code of [19, 49, 53]) {
    test(`result code ${code} is an answer: no`, async () => {
      expect(await bindAs(`code-${code}`)).toMatchObject({ code })
    })
  }

  test("a refusal keeps the directory's words", async () => {
    const refusal = await bindAs('adtext')
    expect(refusal?.diagnostic).toBe('80090308: LdapErr: DSID-0C090439, data 532, v1db1')
  })

  for (const code of [8, 13, 32, 34, 50]) {
    test(`result code ${code} is no answer: the settings are wrong`, async () => {
      await expect(bindAs(`code-${code}`)).rejects.toMatchObject({ kind: 'configuration' })
    })
  }

  for (const code of [3, 51, 52, 80]) {
    test(`result code ${code} is no answer: the server is in trouble`, async () => {
      await expect(bindAs(`code-${code}`)).rejects.toMatchObject({ kind: 'connection' })
    })
  }

  for (const name of ['drop', 'predrop']) {
    test(`${name}: no answer, and no second bind`, async () => {
      const before = (await slapd.log()).length
      await expect(bindAs(name)).rejects.toMatchObject({ kind: 'connection' })
      const binds = (await slapd.log()).slice(before).filter(({ kind }) => kind === 'BIND')
      expect(binds).toHaveLength(1)
    })
  }
})

for (const [name, password] of [
  ['empty', ''],
  ['beginning with a NUL', '\0secret'],
] as const) {
  test(`A4: a password that is ${name} is refused, and nothing is sent`, async () => {
    const proxy = await startLdapProxy(slapd.port)
    const { within } = testDirectory([proxy.url])
    const refusal = await within((session) => session.bind(people.alice, new Password(password)))
    expect(refusal).toMatchObject({ code: 49 })
    expect(proxy.from('client').length).toBe(0)
  })
}

for (const name of ['EXTERNAL', 'PLAIN', 'DIGEST-MD5', 'SCRAM-SHA-1', 'alice', '']) {
  test(`"${name}" is nothing to bind as`, async () => {
    const { within } = testDirectory([slapd.url])
    const attempt = within((session) => session.bind(name, new Password('a password')))
    await expect(attempt).rejects.toThrow(TypeError)
  })
}

describe('a search', () => {
  const find = (limit: number, server = slapd) =>
    testDirectory([server.url]).within(async (session) => {
      await session.bind(serviceAccount.dn, servicePassword)
      const base = `ou=people,${suffix}`
      const filter = '(objectClass=person)'
      return await session.search({ base, scope: 'one', filter, attributes: ['cn'], limit })
    })

  test('gives as many as asked for, and says that there are more', async () => {
    const count = Object.keys(people).length
    for (const limit of [1, 2, count - 1, count, count + 1]) {
      const { entries, isTruncated } = await find(limit)
      expect(entries).toHaveLength(Math.min(limit, count))
      expect(isTruncated).toBe(limit < count)
    }
  })

  test("says that there are more also where it is the server's own limit", async () => {
    const directory = await startHostileDirectory(
      answering(({ id, tag }) =>
        tag === requests.bind
          ? [bindResponse(id, 0)]
          : [searchEntry(id, 'uid=a', {}), searchReference(id, 'ldap://b'), searchDone(id, 4)],
      ),
    )
    await using _ = directory
    const { within } = testDirectory([directory.url])
    const found = await within((session) =>
      session.search({ base: '', scope: 'sub', filter: '(a=b)', attributes: [], limit: 100 }),
    )
    expect(found.isTruncated).toBe(true)
    expect(found.entries.map(({ dn }) => dn)).toEqual(['uid=a'])
  })

  test('keeps to the limit where the server does not', async () => {
    const directory = await startHostileDirectory(
      answering(({ id }) => [
        ...['a', 'b', 'c', 'd', 'e'].map((uid) => searchEntry(id, `uid=${uid}`, {})),
        searchDone(id),
      ]),
    )
    await using _ = directory
    const { within } = testDirectory([directory.url])
    const found = await within((session) =>
      session.search({ base: '', scope: 'sub', filter: '(a=b)', attributes: [], limit: 2 }),
    )
    expect(found.isTruncated).toBe(true)
    expect(found.entries.map(({ dn }) => dn)).toEqual(['uid=a', 'uid=b'])
  })

  test('keeps bytes that are no text, and finds attributes by any spelling', async () => {
    const guid = Buffer.from([0, 0xff, 0xfe, 0x80])
    const directory = await startHostileDirectory(
      answering(({ id }) => [
        searchEntry(id, 'uid=a', { objectGUID: [guid], Mail: ['a@x', 'b@x'], __proto__: ['x'] }),
        searchDone(id),
      ]),
    )
    await using _ = directory
    const { within } = testDirectory([directory.url])
    const { entries } = await within((session) =>
      session.search({ base: '', scope: 'sub', filter: '(a=b)', attributes: [], limit: 1 }),
    )
    expect(entries[0]?.bytes('objectguid')).toEqual([guid])
    expect(entries[0]?.values('mail')).toEqual(['a@x', 'b@x'])
    expect(entries[0]?.values('toString')).toEqual([])
  })

  test('takes no attribute for the name of the entry', async () => {
    const directory = await startHostileDirectory(
      answering(({ id }) => [searchEntry(id, 'uid=a', { dn: ['uid=admin'] }), searchDone(id)]),
    )
    await using _ = directory
    const { within } = testDirectory([directory.url])
    const attempt = within((session) =>
      session.search({ base: '', scope: 'sub', filter: '(a=b)', attributes: [], limit: 1 }),
    )
    await expect(attempt).rejects.toThrow(/called dn/)
  })
})

test('C10: an IPv6 address in brackets is connected to, and checked against the certificate', async () => {
  const [right, wrong] = [
    await makeCertificate(),
    await makeCertificate(['localhost'], 'wrong name'),
  ]
  for (const { certificate, key, authority } of [right, wrong]) {
    const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
    server.listen(0, '::1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { within } = testDirectory([`ldaps://[::1]:${port}`], { tls: { caFile: authority } })
    const attempt = within(async () => 'connected')
    if (certificate === right.certificate) await expect(attempt).resolves.toBe('connected')
    else await expect(attempt).rejects.toThrow(/for another name: .*::1/)
    server.close()
  }
})

test('C9: a name that cannot be looked up is named', async () => {
  const { within } = testDirectory(['ldaps://ldap.invalid:636'])
  const attempt = within(async () => undefined)
  await expect(attempt).rejects.toMatchObject({ kind: 'connection' })
  await expect(attempt).rejects.toThrow(/the name ldap\.invalid has no address/)
})

test('a CA file that cannot be used is for the operator, and no server is asked', async () => {
  const folder = temporaryFolder('ca')
  const caFile = join(folder, 'ca.crt')
  const { within, servers } = testDirectory([slapd.ldapsUrl], { tls: { caFile } })
  const attempt = () => within(async () => 'connected')
  await expect(attempt()).rejects.toThrow(`${caFile} cannot be read (ENOENT)`)
  writeFileSync(caFile, 'no certificate')
  await expect(attempt()).rejects.toMatchObject({ kind: 'configuration' })
  expect(servers.status()).toEqual({ ok: true })
  // A file that is put right needs no restart, and neither does another CA's.
  copyFileSync(slapd.caFile, caFile)
  await expect(attempt()).resolves.toBe('connected')
  // Once there was a good one, what cannot be used changes nothing.
  writeFileSync(caFile, 'no certificate')
  await expect(attempt()).resolves.toBe('connected')
  rmSync(caFile)
  await expect(attempt()).resolves.toBe('connected')
  copyFileSync((await makeCertificate()).authority, caFile)
  await expect(attempt()).rejects.toThrow(/not trusted/)
})

describe('what a password policy says beside a bind', () => {
  const states: readonly {
    name: string
    person: Person
    ldif: string
    password?: string
    refusal: object | undefined
  }[] = [
    { name: 'nothing', person: 'alice', ldif: '', refusal: undefined },
    {
      name: 'must_change, with a bind that succeeds',
      person: 'bob',
      ldif: 'replace: pwdReset\npwdReset: TRUE',
      refusal: { code: 0, policy: 'must_change' },
    },
    {
      name: 'expired, where the password was right',
      person: 'carol',
      ldif: 'replace: pwdChangedTime\npwdChangedTime: 20200101000000Z',
      refusal: { code: 49, policy: 'expired' },
    },
    {
      name: 'nothing, where an expired password was wrong',
      person: 'dave',
      ldif: 'replace: pwdChangedTime\npwdChangedTime: 20200101000000Z',
      password: 'wrong',
      refusal: { code: 49, policy: undefined },
    },
    {
      name: 'locked',
      person: 'josé',
      ldif: 'replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z',
      refusal: { code: 49, policy: 'locked' },
    },
  ]
  let own: Slapd
  beforeAll(async () => {
    own = await startSlapd({
      policy: { pwdMaxAge: 86_400, pwdMustChange: 'TRUE', pwdMaxFailure: 3 },
    })
  })
  for (const { name, person, ldif, password, refusal } of states) {
    test(name, async () => {
      if (ldif !== '')
        await own.modify(
          `dn:: ${Buffer.from(people[person]).toString('base64')}\nchangetype: modify\n${ldif}\n`,
        )
      const { within } = testDirectory([own.url], { accountState: 'openldap' })
      const said = await within((session) =>
        session.bind(people[person], new Password(password ?? passwordOf(person))),
      )
      if (refusal === undefined) expect(said).toBeUndefined()
      else expect(said).toMatchObject(refusal)
    })
  }
})

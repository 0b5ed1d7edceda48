import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { DirectorySession } from '../../../src/authentication/ldap/directory-session.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { type Certificate, makeCertificate } from '../../support/certificate.ts'
import { passwordOf, people, serviceAccount } from '../../support/directory-entries.ts'
import { answering, startHostileDirectory } from '../../support/hostile-directory.ts'
import { bindResponse, extendedResponse, isStartTls } from '../../support/ldap-messages.ts'
import { type LdapProxy, type ProxyFault, startLdapProxy } from '../../support/ldap-proxy.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { type DirectoryOptions, type TestDirectory, testDirectory } from './directory.ts'

/** What a login says, until something throws. */
async function logIn(session: DirectorySession): Promise<void> {
  await session.bind(serviceAccount.dn, new Password(serviceAccount.password))
  await session.bind(people.alice, new Password(passwordOf('alice')))
}

/** A passive observer sees no part of a password, and no bind at all. */
function expectSecrecy(proxy: LdapProxy): void {
  const seen = proxy.from('client')
  for (const secret of ['the password', serviceAccount.dn, people.alice]) {
    expect(seen.includes(secret)).toBe(false)
  }
}

/** Of whoever meets silence. */
const connect = 400

let good: Certificate
let slapd: Slapd
beforeAll(async () => {
  good = await makeCertificate()
  slapd = await startSlapd({ certificate: good })
})

/** The directory behind a proxy that records. */
async function behindProxy(
  mode: 'ldaps' | 'starttls' | 'none',
  target: Slapd,
  caFile: string | undefined,
  deadlines: DirectoryOptions['deadlines'] = {},
): Promise<TestDirectory & { proxy: LdapProxy }> {
  const proxy = await startLdapProxy(mode === 'ldaps' ? target.ldapsPort : target.port)
  const url = mode === 'ldaps' ? proxy.ldapsUrl : proxy.url
  return { proxy, ...testDirectory([url], { tls: { mode, caFile }, deadlines }) }
}

test('A6: without TLS the observer sees the passwords, so the tests below can fail', async () => {
  const { proxy, within } = await behindProxy('none', slapd, undefined)
  await within(logIn)
  expect(() => expectSecrecy(proxy)).toThrow()
})

for (const mode of ['ldaps', 'starttls'] as const) {
  test(`A6: ${mode}: a login that succeeds shows no password`, async () => {
    const { proxy, within } = await behindProxy(mode, slapd, good.authority)
    await within(logIn)
    expectSecrecy(proxy)
  })

  const certificates: readonly {
    readonly name: string
    readonly make: () => Promise<Certificate>
    readonly trust: (certificate: Certificate) => string | undefined
    readonly says: RegExp
  }[] = [
    {
      name: 'of another CA',
      make: () => makeCertificate(),
      trust: () => good.authority,
      says: /has a certificate of a CA that is not trusted here .*ca_file/,
    },
    {
      name: 'for another name',
      make: () => makeCertificate(['ldap.example.com'], 'wrong name'),
      trust: ({ authority }) => authority,
      says: /has a certificate for another name: .*127\.0\.0\.1/,
    },
    {
      name: 'that has expired',
      make: () => makeCertificate([], 'expired'),
      trust: ({ authority }) => authority,
      says: /has a certificate that is refused: certificate has expired/,
    },
    {
      name: 'signed by itself',
      make: async () => {
        const { authority } = await makeCertificate()
        return { authority, certificate: authority, key: join(dirname(authority), 'ca.key') }
      },
      trust: () => undefined,
      says: /has a certificate of a CA that is not trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    },
  ]
  for (const { name, make, trust, says } of certificates) {
    test(`A6: ${mode}: a certificate ${name} is refused before anything is said`, async () => {
      const certificate = await make()
      await using other = await startSlapd({ certificate })
      const { proxy, within } = await behindProxy(mode, other, trust(certificate))
      await expect(within(logIn)).rejects.toMatchObject({ kind: 'connection' })
      await expect(within(logIn)).rejects.toThrow(says)
      expectSecrecy(proxy)
      await expect.poll(() => other.connections()).toBe(0)
    })
  }

  test(`A6: ${mode}: a lost connection is not opened again for the next bind`, async () => {
    const { proxy, session } = await behindProxy(mode, slapd, good.authority)
    for (const isBound of [false, true]) {
      const lost = await session()
      const { accepted } = proxy
      if (isBound) await lost.bind(serviceAccount.dn, new Password(serviceAccount.password))
      proxy.drop()
      for (const _ of ['first', 'second']) {
        await expect(
          lost.bind(people.alice, new Password(passwordOf('alice'))),
        ).rejects.toMatchObject({ kind: 'connection' })
      }
      await lost.close()
      expect(proxy.accepted).toBe(accepted)
    }
    expectSecrecy(proxy)
  })
}

test('A6: no variable of the environment makes a wrong certificate good', async () => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  try {
    const { proxy, within } = await behindProxy('ldaps', slapd, (await makeCertificate()).authority)
    await expect(within(logIn)).rejects.toThrow(/not trusted/)
    expectSecrecy(proxy)
  } finally {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  }
})

test('A6: a TLS mode never speaks plain LDAP, whatever the URL says', async () => {
  const proxy = await startLdapProxy(slapd.port)
  const { within } = testDirectory([proxy.url], { tls: { mode: 'ldaps' } })
  await expect(within(logIn)).rejects.toMatchObject({ kind: 'connection' })
  expect(proxy.from('client').subarray(0, 2)).toEqual(Buffer.from([0x16, 0x03]))
  expectSecrecy(proxy)
})

test('A6: a server_name takes the place of the host in the check', async () => {
  const named = await makeCertificate(['ldap.example.com'], 'wrong name')
  await using other = await startSlapd({ certificate: named })
  const tls = { caFile: named.authority }
  const right = testDirectory([other.ldapsUrl], { tls: { ...tls, serverName: 'ldap.example.com' } })
  await right.within(logIn)
  const wrong = testDirectory([other.ldapsUrl], { tls: { ...tls, serverName: 'localhost' } })
  await expect(wrong.within(logIn)).rejects.toThrow(/another name/)
})

describe('StartTLS', () => {
  const faults: readonly { readonly kind: ProxyFault['kind']; readonly says: RegExp }[] = [
    { kind: 'StartTLS refused', says: /refuses StartTLS: .*\(result code 52\)/ },
    { kind: 'StartTLS unanswered', says: /no answer to StartTLS within \d+ ms/ },
    { kind: 'StartTLS granted, then silence', says: /no end of the TLS handshake within \d+ ms/ },
    // slapd takes the handshake for LDAP.
    { kind: 'StartTLS granted, then plaintext', says: /ldap:\/\/\S+ / },
  ]
  for (const { kind, says } of faults) {
    test(`A6: ${kind}: refused, and not a word in clear`, async () => {
      const { proxy, within } = await behindProxy('starttls', slapd, good.authority, { connect })
      proxy.fault = { kind } as ProxyFault
      const start = performance.now()
      await expect(within(logIn)).rejects.toThrow(says)
      // An operation has 20 s, a login 60.
      expect(performance.now() - start).toBeLessThan(10_000)
      expectSecrecy(proxy)
      await expect.poll(() => slapd.connections()).toBe(0)
    })
  }

  test('A6: what somebody puts behind the answer is not taken for what the server says in TLS', async () => {
    // The beginning of "the bind succeeded", which the first byte within TLS would complete.
    const forged = bindResponse(2, 0, '0').subarray(0, -1)
    const directory = await startHostileDirectory(
      answering((request) =>
        isStartTls(request) ? [extendedResponse(request.id, 0), forged] : [],
      ),
    )
    const { within } = testDirectory([directory.url], { tls: { mode: 'starttls' } })
    await expect(within(logIn)).rejects.toThrow(/sent more than the answer to StartTLS/)
    expect(directory.received().includes('the password')).toBe(false)
    await expect.poll(() => directory.connections()).toBe(0)
  })
})

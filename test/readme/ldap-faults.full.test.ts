/** docs/ldap.md, "When it does not work": each row brought about, and the log says what stands there. */

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atEnd } from '../support/at-end.ts'
import { makeCertificate } from '../support/certificate.ts'
import { groups, passwordOf, people, serviceAccount, suffix } from '../support/directory-entries.ts'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { speakingHttp, startHostileDirectory } from '../support/hostile-directory.ts'
import { type LdapProxy, startLdapProxy } from '../support/ldap-proxy.ts'
import { formatLdif } from '../support/ldif.ts'
import { describeWithParts } from '../support/parts.ts'
import { startProcess } from '../support/process.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { tableRows } from './markdown.ts'
import { root } from './readme.ts'

const document = readFileSync(join(root, 'docs/ldap.md'), 'utf8')
const rows = tableRows(document, 'When it does not work')

/** Lines of the `ldap` entry, and who logs in how; `alice` if nobody is named, with the right password. */
interface Fault {
  readonly lines: object
  readonly person?: string
  readonly passwords?: readonly string[]
}

describeWithParts('When it does not work', ['slapd', 'ldapmodify', 'openssl'], () => {
  let slapd: Slapd
  let proxy: LdapProxy
  let server: Dockwarden
  beforeAll(async () => {
    // More groups than slapd gives at once by itself.
    const many = Array.from({ length: 501 }, (_, index) =>
      formatLdif(`cn=g${index},ou=contractors,${suffix}`, {
        objectClass: 'groupOfNames',
        cn: `g${index}`,
        member: people.dave,
      }),
    )
    slapd = await startSlapd({ ldif: many.join('') })
    proxy = await startLdapProxy(slapd.port)
    server = await startDockwarden()
    const secret = { mode: 0o600 }
    writeFileSync(join(server.folder, 'ldap-password'), serviceAccount.password, secret)
    writeFileSync(join(server.folder, 'wrong-password'), 'wrong', secret)
    writeFileSync(join(server.folder, 'open-password'), serviceAccount.password)
    chmodSync(join(server.folder, 'open-password'), 0o644)
  })
  afterAll(async () => {
    await server?.stop()
    await proxy?.[Symbol.asyncDispose]()
    await slapd?.stop()
  })

  const bind = { dn: serviceAccount.dn, password_file: 'ldap-password' }
  const asFault = (name: string) => ({
    dn: `cn=${name},ou=errors,${suffix}`,
    password: passwordOf(name),
  })
  const viaProxy = (fault: LdapProxy['fault'], lines: object = {}): Fault => {
    proxy.fault = fault
    return { lines: { urls: `ldap://127.0.0.1:${proxy.port}`, ...lines } }
  }
  const withCertificate = async (fault: 'wrong name' | 'expired'): Promise<Fault> => {
    const certificate = await makeCertificate(['ldap.example.org'], fault)
    const other = await startSlapd({ certificate })
    return { lines: { urls: other.ldapsUrl, tls: { ca_file: other.caFile } } }
  }

  /** alice is in a group whose names are 1.2 MB, and in one that is in 50 others, one within the other. */
  const bulkyDirectory = async (): Promise<Slapd> => {
    const unit = (ou: string) =>
      formatLdif(`ou=${ou},${suffix}`, { objectClass: 'organizationalUnit', ou })
    const group = (dn: string, cn: string | readonly string[], member: string) =>
      formatLdif(dn, { objectClass: 'groupOfNames', cn, member })
    const names = Array.from({ length: 40 }, (_, index) => `${index}${'x'.repeat(30_000)}`)
    const level = (index: number) => `cn=level${index},ou=deep,${suffix}`
    const deep = Array.from({ length: 50 }, (_, index) =>
      group(level(index), `level${index}`, index === 0 ? people.alice : level(index - 1)),
    )
    const huge = group(`cn=huge,ou=huge,${suffix}`, ['huge', ...names], people.alice)
    const other = await startSlapd()
    await other.add([unit('huge'), huge, unit('deep'), ...deep].join(''))
    return other
  }

  /** Of a program that takes no connections, with as many waiting as the kernel keeps for it. */
  const fullPort = async (): Promise<number> => {
    const port = await freePort()
    const listen = `require('net').createServer().listen({ host: '127.0.0.1', port: ${port}, backlog: 1 })`
    const listener = startProcess(process.execPath, ['-e', listen])
    await listener.waitForPort(port)
    listener.freeze()
    for (let waiting = 0; waiting < 3; waiting += 1) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      atEnd(() => socket.destroy())
    }
    return port
  }

  /** The beginning of a row → what brings it about. */
  const faults: Readonly<Record<string, () => Fault | Promise<Fault>>> = {
    'cannot be found: the name … has no address': () => ({
      lines: { urls: 'ldaps://no-such-host.invalid' },
    }),
    'refuses connections (ECONNREFUSED)': async () => ({
      lines: { urls: `ldaps://127.0.0.1:${await freePort()}` },
    }),
    'gave no connection within … ms': async () => ({
      lines: { urls: `ldaps://127.0.0.1:${await fullPort()}`, connect_timeout: '200ms' },
    }),
    'did not answer … within … ms': () =>
      viaProxy({ kind: 'silence' }, { tls: { mode: 'none' }, operation_timeout: '200ms' }),
    'gave no end of the TLS handshake within … ms': () =>
      viaProxy({ kind: 'StartTLS granted, then silence' }, { connect_timeout: '200ms' }),
    'does not speak … or newer': async () => {
      const { certificate, key } = await makeCertificate()
      const files = { cert: readFileSync(certificate), key: readFileSync(key) }
      const port = await freePort()
      const older = createServer({ ...files, maxVersion: 'TLSv1.2' }).listen(port, '127.0.0.1')
      atEnd(() => older.close())
      const tls = { min_version: 'TLSv1.3' }
      return { lines: { urls: `ldaps://127.0.0.1:${port}`, tls } }
    },
    'wants a client certificate': async () => {
      const { authority, certificate, key } = await makeCertificate()
      const files = { cert: readFileSync(certificate), key: readFileSync(key) }
      const asked = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(authority) }
      const port = await freePort()
      const strict = createServer({ ...files, ...asked }).listen(port, '127.0.0.1')
      atEnd(() => strict.close())
      return { lines: { urls: `ldaps://127.0.0.1:${port}`, tls: { ca_file: authority } } }
    },
    'does not speak TLS on this port': async () => {
      const { port } = await startHostileDirectory(speakingHttp)
      return { lines: { urls: `ldaps://127.0.0.1:${port}` } }
    },
    'something that is not LDAP': async () => ({
      lines: { urls: (await startHostileDirectory(speakingHttp)).url },
    }),
    'before secure TLS connection was established': () => ({
      lines: { urls: `ldaps://127.0.0.1:${slapd.port}` },
    }),
    'refuses StartTLS': () => viaProxy({ kind: 'StartTLS refused' }),
    'has a certificate of a CA that is not trusted here': async () => ({
      lines: { tls: { ca_file: (await makeCertificate()).authority } },
    }),
    'has a certificate for another name': () => withCertificate('wrong name'),
    'has a certificate that is refused: certificate has expired': () => withCertificate('expired'),
    'refused the search account … (code 49': () => ({
      lines: { bind: { ...bind, password_file: 'wrong-password' } },
    }),
    '… cannot be read (ENOENT)': () => ({ lines: { bind: { ...bind, password_file: 'none' } } }),
    'is open to everybody on this machine': () => ({
      lines: { bind: { ...bind, password_file: 'open-password' } },
    }),
    'result code 8 (strongerAuthRequired': () => ({ lines: { bind: asFault('code-8') } }),
    'result code 13 (confidentialityRequired': () => ({ lines: { bind: asFault('code-13') } }),
    'result code 32 (noSuchObject': () => ({ lines: { user: { base: `ou=nowhere,${suffix}` } } }),
    'result code 50 (insufficientAccessRights': () => ({ lines: { bind: asFault('code-50') } }),
    'result code 1 (operationsError': () => ({ lines: { bind: asFault('code-1') } }),
    'result code 10 (referral': () => ({ lines: { bind: asFault('referral') } }),
    'the name is that of several entries': () => ({
      lines: { user: { login_attributes: ['mail'] } },
      person: 'shared@example.org',
    }),
    'has no single … that the search account may read': () => ({
      lines: { user: { id_attribute: 'employeeNumber' } },
    }),
    'is no name that a token can bear': () => ({
      lines: { user: { name_attribute: 'cn' } },
      person: 'sam',
    }),
    'too many wrong passwords for one account': () => ({
      lines: {},
      person: 'carol',
      passwords: ['1', '2', '3', '4', '5'],
    }),
    'is no Active Directory': () => ({ lines: { groups: { mode: 'ad_nested' } } }),
    'there are several groups named …': () => ({ lines: {}, person: 'bob' }),
    'so much of one person is not read': async () => {
      const { ldapsUrl, caFile } = await bulkyDirectory()
      const base = `ou=huge,${suffix}`
      return { lines: { urls: ldapsUrl, tls: { ca_file: caFile }, groups: { base } } }
    },
    'questions within the time of a login': async () => {
      const { port, caFile } = await bulkyDirectory()
      const far = await startLdapProxy(port)
      far.fault = { kind: 'delay', milliseconds: 25 }
      const groups = { base: `ou=deep,${suffix}`, depth: 50 }
      const urls = `ldap://127.0.0.1:${far.port}`
      return { lines: { urls, tls: { ca_file: caFile }, groups, login_deadline: '1s' } }
    },
    "more of the person's groups than the directory gives at once": () => ({
      lines: {
        groups: { base: groups.developers.replace('cn=developers,ou=groups', 'ou=contractors') },
      },
      person: 'dave',
    }),
  }

  const told = rows.flatMap(([says = '']) =>
    [...says.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
  )
  const patternOf = (text: string) =>
    new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.+'))

  test.each(told)('%s', async (text) => {
    const fault = faults[text]
    if (fault === undefined) throw new Error(`nothing here brings about: ${text}`)
    const { lines, person = 'alice', passwords = [passwordOf(person)] } = await fault()
    const entry = {
      preset: 'openldap',
      urls: slapd.ldapsUrl,
      base: suffix,
      bind,
      tls: { ca_file: slapd.caFile },
      ...lines,
    }
    const before = server.process.stdout.length
    await server.reload({ authentication: [{ ldap: entry }], rules: [] })
    for (const password of passwords) {
      const login = Buffer.from(`${person}:${password}`).toString('base64')
      const headers = { authorization: `Basic ${login}` }
      await fetch(`${server.url}/token?service=registry`, { headers })
    }
    const said = () => server.process.stdout.slice(before)
    await expect.poll(said).toMatch(patternOf(text))
  })

  test('a row names lines that there are', () => {
    const example = readFileSync(join(root, 'deploy/dockwarden.example.yml'), 'utf8')
    const lines = rows.flatMap(([, , change = '']) =>
      [...change.matchAll(/`([a-z_.]+)`/g)].map(([, key = '']) => key),
    )
    expect(lines).toContain('tls.ca_file')
    for (const key of lines) expect(example).toMatch(new RegExp(`\\b${key.split('.').at(-1)}:`))
  })
})

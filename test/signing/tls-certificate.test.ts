import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { checkServerIdentity, connect } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { openCertificateAuthority } from '../../src/signing/certificate-authority.ts'
import { ensureTlsCertificate } from '../../src/signing/tls-certificate.ts'
import { describeWithParts } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { recordedLog } from './recorded-log.ts'

const day = 24 * 60 * 60 * 1000
/** An hour ahead: the certificates of openssl begin when they are made. */
const start = Date.now() + 60 * 60 * 1000

interface Changes {
  readonly host?: string
  readonly now?: number
  readonly groupReadableKey?: boolean
  readonly log?: ReturnType<typeof recordedLog>
}

function ensure(folder: string, changes: Changes = {}) {
  const { host = 'registry.example.com', now = start, log = recordedLog(), ...rest } = changes
  return ensureTlsCertificate({ folder, host, clock: () => new Date(now), log, ...rest })
}

const modeOf = (...path: string[]) => (statSync(join(...path)).mode & 0o777).toString(8)
const read = (...path: string[]) => readFileSync(join(...path), 'utf8')
const leafOf = (folder: string) => new X509Certificate(read(folder, 'tls.crt'))
const contents = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, read(folder, name)]))

describe('a certificate of our own', () => {
  test('is made with its CA, names the host and localhost, and lives 397 days', async () => {
    const folder = join(temporaryFolder('tls'), 'tls')
    const made = await ensure(folder)
    expect(made).toMatchObject({ origin: 'made', keyFile: join(folder, 'tls.key') })
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
    const leaf = leafOf(folder)
    expect(leaf.subjectAltName).toBe(
      'DNS:registry.example.com, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    )
    expect(leaf.ca).toBe(false)
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(made.notAfter.getTime()).toBeGreaterThan(start + 396 * day)
    expect(made.notAfter.getTime()).toBeLessThanOrEqual(start + 397 * day)
  })

  test('B32: its keys are for their owner only; the folder and the certificates for all', async () => {
    const folder = join(temporaryFolder('tls'), 'tls')
    await ensure(folder)
    const modes = ['ca.key', 'tls.key', 'ca.crt', 'tls.crt', '.'].map((name) =>
      modeOf(folder, name),
    )
    expect(modes).toEqual(['600', '600', '644', '644', '755'])
  })

  test('lets the group read the server key where that is asked, also later; never the CA key', async () => {
    const folder = join(temporaryFolder('tls'), 'tls')
    await ensure(folder)
    await ensure(folder, { groupReadableKey: true })
    expect([modeOf(folder, 'tls.key'), modeOf(folder, 'ca.key')]).toEqual(['640', '600'])
    await expect(ensure(folder)).rejects.toThrow(/tls\.key is open to other users .* chmod 0600/)
  })

  test.each([
    'registry',
    'registry.example.com',
    'REGISTRY.Example.com',
    'my_registry',
    'xn--mnchen-3ya.example',
    '192.0.2.7',
    '2001:db8::7',
    'localhost',
    `${'a'.repeat(63)}.${'b'.repeat(63)}.example`,
  ])('opens a TLS connection to %s for whoever trusts the CA', async (host) => {
    const folder = temporaryFolder('tls')
    await ensure(folder, { host })
    const server = createServer({ cert: read(folder, 'tls.crt'), key: read(folder, 'tls.key') })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const open = (ca: string, name: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({
          host: '127.0.0.1',
          port,
          ca,
          checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
        })
        socket.once('secureConnect', () => resolve('open'))
        socket.once('secureConnect', () => socket.destroy())
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
      })
    try {
      expect(await open(read(folder, 'ca.crt'), host)).toBe('open')
      expect(await open(read(folder, 'ca.crt'), 'localhost')).toBe('open')
      expect(await open(read(folder, 'ca.crt'), 'other.example.com')).toBe(
        'ERR_TLS_CERT_ALTNAME_INVALID',
      )
    } finally {
      server.close()
    }
  })

  test.each([
    '',
    'https://registry.example.com',
    'registry.example.com:5000',
    'registry.example.com/',
    '*.example.com',
    'registry.example.com.',
    'münchen.example',
    '300.1.2.3',
    '1.2.3',
    '[::1]',
    'a b',
    'a\nb',
    'a,DNS:evil',
    '-a.example',
    `${'a'.repeat(64)}.example`,
  ])('is not made for %j, which is no host', async (host) => {
    const folder = join(temporaryFolder('tls'), 'tls')
    await expect(ensure(folder, { host })).rejects.toMatchObject({
      code: 'misconfigured',
      message: expect.stringContaining('is no host that a certificate can name'),
    })
    expect(existsSync(folder)).toBe(false)
  })

  test('is kept while it is good', async () => {
    const folder = temporaryFolder('tls')
    await ensure(folder)
    const before = contents(folder)
    expect((await ensure(folder, { now: start + 366 * day })).origin).toBe('kept')
    expect(contents(folder)).toEqual(before)
  })

  const reasons: readonly [name: string, then: Changes, spoil?: (folder: string) => void][] = [
    ['under 30 days are left', { now: start + 368 * day }],
    ['it has expired', { now: start + 800 * day }],
    ['the host has another name', { host: 'new.example.com' }],
    ['the host is an address now', { host: '192.0.2.7' }],
    ['the certificate is gone', {}, (folder) => rmSync(join(folder, 'tls.crt'))],
  ]
  test.each(reasons)('is made anew, with the same key and CA, when %s', async (_, then, spoil) => {
    const folder = temporaryFolder('tls')
    await ensure(folder)
    const before = contents(folder)
    spoil?.(folder)
    expect((await ensure(folder, then)).origin).toBe('made')
    const after = contents(folder)
    expect(after['tls.crt']).not.toBe(before['tls.crt'])
    expect({ ...after, 'tls.crt': '' }).toEqual({ ...before, 'tls.crt': '' })
    expect((await ensure(folder, then)).origin).toBe('kept')
  })

  test('gets a new key when the old one is gone', async () => {
    const folder = temporaryFolder('tls')
    await ensure(folder)
    rmSync(join(folder, 'tls.key'))
    expect((await ensure(folder)).origin).toBe('made')
    expect((await ensure(folder)).origin).toBe('kept')
  })

  test('is not made below the token CA', async () => {
    const folder = temporaryFolder('keys')
    const options = { folder, clock: () => new Date(), log: recordedLog() }
    await openCertificateAuthority({ ...options, purpose: 'token' })
    await expect(ensure(folder)).rejects.toThrow(/the other CA, .* need one folder each/)
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'ca.key'])
  })
})

describeWithParts("somebody's own certificate", ['openssl'], () => {
  /** own root → intermediate → wildcard certificate, RSA and EC; each file is one certificate or key. */
  let own: string

  beforeAll(async () => {
    own = temporaryFolder('own')
    const script = `umask 077
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.crt -subj "/O=Example/CN=Root" -days 3000
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -out middle.csr -subj "/CN=Middle"
      printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign\\nsubjectKeyIdentifier=hash\\n' > middle.ext
      openssl x509 -req -in middle.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2000 -extfile middle.ext -out middle.crt
      leaf() {
        openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "/CN=$2"
        printf "basicConstraints=CA:FALSE\\n$3\\n" > $1.ext
        openssl x509 -req -in $1.csr -CA middle.crt -CAkey middle.key -CAcreateserial -days $4 -extfile $1.ext -out $1.crt
      }
      leaf wildcard any "subjectAltName=DNS:*.example.com" 365
      leaf named registry.example.com "keyUsage=digitalSignature" 365
      leaf short any "subjectAltName=DNS:registry.example.com" 20`
    const { code, output } = await run('sh', ['-ec', script], { cwd: own })
    expect(code, output).toBe(0)
  })

  function folderWith(chain: readonly string[], key?: string): string {
    const folder = temporaryFolder('tls')
    const pem = chain.map((name) => read(own, `${name}.crt`)).join('')
    if (chain.length > 0) writeFileSync(join(folder, 'tls.crt'), pem)
    if (key !== undefined) copyFileSync(join(own, `${key}.key`), join(folder, 'tls.key'))
    return folder
  }

  test.each([
    ['alone', ['wildcard']],
    ['with its chain', ['wildcard', 'middle']],
    ['with its chain and the root', ['wildcard', 'middle', 'root']],
  ])('is left as it is: a wildcard %s', async (_, chain) => {
    const folder = folderWith(chain, 'wildcard')
    const before = contents(folder)
    const log = recordedLog()
    expect(await ensure(folder, { log })).toMatchObject({ origin: 'given' })
    expect(contents(folder)).toEqual(before)
    expect(log.lines).toEqual([])
  })

  test('is left as it is also where our own was before, or its own CA lies beside it', async () => {
    const folder = temporaryFolder('tls')
    await ensure(folder)
    copyFileSync(join(own, 'wildcard.crt'), join(folder, 'tls.crt'))
    copyFileSync(join(own, 'wildcard.key'), join(folder, 'tls.key'))
    expect((await ensure(folder)).origin).toBe('given')

    copyFileSync(join(own, 'root.crt'), join(folder, 'ca.crt'))
    copyFileSync(join(own, 'root.key'), join(folder, 'ca.key'))
    expect((await ensure(folder)).origin).toBe('given')
    rmSync(join(folder, 'ca.key'))
    expect((await ensure(folder)).origin).toBe('given')
  })

  test('is warned of when under 30 days are left', async () => {
    const log = recordedLog()
    expect((await ensure(folderWith(['short'], 'short'), { log })).origin).toBe('given')
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { daysLeft: 19 } }])
  })

  interface Fault {
    readonly name: string
    readonly chain: readonly string[]
    readonly key?: string
    readonly changes?: Changes
    readonly says: RegExp
  }
  const faults: readonly Fault[] = [
    { name: 'no key', chain: ['wildcard'], says: /tls\.key: not there, but .*tls\.crt is: put it/ },
    {
      name: 'no certificate',
      chain: [],
      key: 'wildcard',
      says: /tls\.crt: not there, but .*tls\.key is/,
    },
    {
      name: 'another key',
      chain: ['wildcard', 'middle'],
      key: 'short',
      says: /tls\.crt: it does not belong to the key .*tls\.key/,
    },
    {
      name: 'the issuer first',
      chain: ['middle', 'wildcard'],
      key: 'wildcard',
      says: /tls\.crt: wrong order: the server's own certificate must come first/,
    },
    {
      name: 'the chain in the wrong order',
      chain: ['wildcard', 'root', 'middle'],
      key: 'wildcard',
      says: /tls\.crt: wrong order: behind "CN=any" must come its issuer, "CN=Middle", not "O=Example, CN=Root"$/,
    },
    {
      name: 'expired',
      chain: ['wildcard'],
      key: 'wildcard',
      changes: { now: start + 366 * day },
      says: /tls\.crt: expired on .*: put a renewed one/,
    },
    {
      name: 'not valid yet',
      chain: ['wildcard'],
      key: 'wildcard',
      changes: { now: start - 2 * day },
      says: /tls\.crt: valid from .* clock right\?/,
    },
    {
      name: 'another host',
      chain: ['wildcard'],
      key: 'wildcard',
      changes: { host: 'registry.example.org' },
      says: /tls\.crt: it does not name the host registry\.example\.org; it names DNS:\*\.example\.com$/,
    },
    {
      name: 'a wildcard for two labels',
      chain: ['wildcard'],
      key: 'wildcard',
      changes: { host: 'a.registry.example.com' },
      says: /does not name the host/,
    },
    {
      name: 'a wildcard for the domain itself',
      chain: ['wildcard'],
      key: 'wildcard',
      changes: { host: 'example.com' },
      says: /does not name the host/,
    },
    {
      name: 'a name for an address',
      chain: ['wildcard'],
      key: 'wildcard',
      changes: { host: '192.0.2.7' },
      says: /does not name the host/,
    },
    {
      name: 'the host in the common name only',
      chain: ['named'],
      key: 'named',
      says: /it names nothing \(clients do not look at the common name\)/,
    },
  ]
  test.each(faults)('is refused: $name', async ({ chain, key, changes, says }) => {
    const folder = folderWith(chain, key)
    const before = contents(folder)
    const refusal = ensure(folder, changes)
    await expect(refusal).rejects.toMatchObject({ code: 'misconfigured' })
    await expect(refusal).rejects.toThrow(says)
    expect(contents(folder)).toEqual(before)
  })

  test('B32: is refused where others may read its key; the group may, where that is asked', async () => {
    const folder = folderWith(['wildcard'], 'wildcard')
    chmodSync(join(folder, 'tls.key'), 0o640)
    await expect(ensure(folder)).rejects.toThrow(/mode 0640\); close it with: chmod 0600/)
    expect((await ensure(folder, { groupReadableKey: true })).origin).toBe('given')
    chmodSync(join(folder, 'tls.key'), 0o644)
    await expect(ensure(folder, { groupReadableKey: true })).rejects.toThrow(/chmod 0640/)
  })

  test('openssl accepts our own below our CA, and its chain', async () => {
    const folder = temporaryFolder('tls')
    await ensure(folder)
    const [ca, certificate] = [join(folder, 'ca.crt'), join(folder, 'tls.crt')]
    const args = ['-purpose', 'sslserver', '-verify_hostname', 'registry.example.com']
    const verified = await run('openssl', [
      'verify',
      '-x509_strict',
      '-CAfile',
      ca,
      ...args,
      certificate,
    ])
    expect(verified.output).toBe(`${certificate}: OK\n`)
    expect(read(folder, 'tls.crt')).toBe(`${leafOf(folder)}${read(folder, 'ca.crt')}`)
  })
})

test('a folder in the way is one clear line', async () => {
  const folder = temporaryFolder('tls')
  mkdirSync(join(folder, 'tls.crt'))
  await expect(ensure(folder)).rejects.toThrow(
    /^cannot read .*tls\.crt: it is a folder and not a file$/,
  )
})

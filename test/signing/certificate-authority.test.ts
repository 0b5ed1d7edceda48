import { generateKeyPairSync, X509Certificate } from 'node:crypto'
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
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  openCertificateAuthority,
  publishCertificate,
} from '../../src/signing/certificate-authority.ts'
import { describeWithParts } from '../support/parts.ts'
import { run, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { recordedLog } from './recorded-log.ts'

const day = 24 * 60 * 60 * 1000
const log = recordedLog()
const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8)

function open(folder: string, now = new Date()): Promise<CertificateAuthority> {
  return openCertificateAuthority({ folder, purpose: 'token', clock: () => now, log })
}

async function madeFolder(): Promise<string> {
  const folder = temporaryFolder('ca')
  await open(folder)
  return folder
}

/** Without a mask that would hide a mode set wrong. */
async function withUmask<Result>(mask: number, work: () => Promise<Result>): Promise<Result> {
  const before = process.umask(mask)
  try {
    return await work()
  } finally {
    process.umask(before)
  }
}

describe('a new CA', () => {
  test('is made at the first start, and the same at every start after it', async () => {
    const folder = join(temporaryFolder('ca'), 'deep', 'keys')
    const first = await open(folder)
    const again = await open(folder)
    expect(again.certificate.fingerprint256).toBe(first.certificate.fingerprint256)
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'ca.key'])
  })

  test.each(['000', '022', '077'])(
    'B32: has a private key file of its own, umask %s',
    async (mask) => {
      const folder = join(temporaryFolder('ca'), 'keys')
      await withUmask(Number.parseInt(mask, 8), () => open(folder))
      expect(modeOf(folder)).toBe('700')
      expect(modeOf(join(folder, 'ca.key'))).toBe('600')
      expect(modeOf(join(folder, 'ca.crt'))).toBe('644')
    },
  )

  test('leaves the mode of a folder that exists as it is', async () => {
    const folder = temporaryFolder('ca')
    chmodSync(folder, 0o755)
    await open(folder)
    expect(modeOf(folder)).toBe('755')
  })

  test('lives ten years from yesterday on, for a clock that runs behind', async () => {
    const { certificate, notAfter } = await open(
      temporaryFolder('ca'),
      new Date('2026-03-01T12:00:00Z'),
    )
    expect(new Date(certificate.validFrom)).toEqual(new Date('2026-02-28T12:00:00Z'))
    expect(notAfter).toEqual(new Date('2036-03-01T12:00:00Z'))
  })

  test('has a serial number that nobody can guess', async () => {
    const serials = await Promise.all(
      Array.from(
        { length: 8 },
        async () => (await open(temporaryFolder('ca'))).certificate.serialNumber,
      ),
    )
    expect(new Set(serials).size).toBe(8)
    for (const serial of serials) expect(serial.length).toBeGreaterThan(24)
  })

  test('is one CA, however many processes start at once', async () => {
    const folder = join(temporaryFolder('ca'), 'keys')
    const module = new URL('../../dist/signing/certificate-authority.js', import.meta.url).href
    const script = fileURLToPath(new URL('open-authority.mjs', import.meta.url))
    const runs = Array.from({ length: 4 }, () =>
      startProcess(process.execPath, [script, module, folder, 'wait']),
    )
    await Promise.all(runs.map((each) => each.waitForOutput(/ready\n/)))
    for (const each of runs) each.write('')
    for (const each of runs) expect(await each.exit()).toEqual({ code: 0, signal: null })
    const expected = new X509Certificate(readFileSync(join(folder, 'ca.crt'))).fingerprint256
    for (const { output } of runs) expect(output).toBe(`ready\n${expected} ${expected}\n`)
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'ca.key'])
  })

  test('waits for the certificate of a process that has just written its key', async () => {
    const made = await madeFolder()
    const folder = temporaryFolder('ca')
    copyFileSync(join(made, 'ca.key'), join(folder, 'ca.key'))
    const opening = open(folder)
    setTimeout(() => copyFileSync(join(made, 'ca.crt'), join(folder, 'ca.crt')), 200)
    expect((await opening).certificateFile).toBe(join(folder, 'ca.crt'))
  })

  test('may be copied to where others read it', async () => {
    const folder = await madeFolder()
    const copy = join(temporaryFolder('trust'), 'ca.crt')
    for (const _ of [1, 2]) {
      await withUmask(0o077, async () => publishCertificate(await open(folder), copy))
      expect(readFileSync(copy, 'utf8')).toBe(readFileSync(join(folder, 'ca.crt'), 'utf8'))
      expect(modeOf(copy)).toBe('644')
    }
  })
})

describe('files that do not do are refused with what to do, and left as they are', () => {
  interface Fault {
    readonly name: string
    readonly spoil: (folder: string) => void | Promise<void>
    readonly says: RegExp
  }
  const keyOf = (folder: string) => join(folder, 'ca.key')
  const certificateOf = (folder: string) => join(folder, 'ca.crt')
  const pem = (namedCurve: string) =>
    generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' })

  const faults: readonly Fault[] = [
    {
      name: 'a key without its certificate',
      spoil: (folder) => rmSync(certificateOf(folder)),
      says: /ca\.key is there, but not its certificate .*ca\.crt: copy it back/,
    },
    {
      name: 'a certificate without its key',
      spoil: (folder) => rmSync(keyOf(folder)),
      says: /ca\.crt is there, but not its key .*ca\.key: restore the key from its backup/,
    },
    {
      name: 'the key of another CA',
      spoil: async (folder) => copyFileSync(keyOf(await madeFolder()), keyOf(folder)),
      says: /ca\.key does not belong to a certificate in .*ca\.crt: restore both/,
    },
    {
      name: 'a key of another curve',
      spoil: (folder) => writeFileSync(keyOf(folder), pem('P-384')),
      says: /ca\.key is not a P-256 \(prime256v1\) key/,
    },
    {
      name: 'an empty key',
      spoil: (folder) => writeFileSync(keyOf(folder), ''),
      says: /ca\.key holds no private key in PEM form; restore it/,
    },
    {
      name: 'a key cut short',
      spoil: (folder) => writeFileSync(keyOf(folder), readFileSync(keyOf(folder)).subarray(0, 100)),
      says: /ca\.key holds no private key in PEM form/,
    },
    {
      name: 'an encrypted key',
      spoil: (folder) =>
        writeFileSync(
          keyOf(folder),
          generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
            type: 'pkcs8',
            format: 'pem',
            cipher: 'aes-256-cbc',
            passphrase: 'secret',
          }),
        ),
      says: /ca\.key is encrypted/,
    },
    {
      name: 'a certificate file with other things in it',
      spoil: (folder) => writeFileSync(certificateOf(folder), 'hello'),
      says: /ca\.crt holds no certificate in PEM form/,
    },
    {
      name: 'a broken certificate',
      spoil: (folder) =>
        writeFileSync(
          certificateOf(folder),
          '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        ),
      says: /ca\.crt holds a broken certificate/,
    },
    {
      name: 'a folder in the place of the key',
      spoil: (folder) => {
        rmSync(keyOf(folder))
        mkdirSync(keyOf(folder), { mode: 0o700 })
      },
      says: /cannot read .*ca\.key: it is a folder/,
    },
    ...[0o640, 0o604, 0o620, 0o602, 0o644, 0o666].map((mode) => ({
      name: `B32: a key that others may open (${mode.toString(8)})`,
      spoil: (folder: string) => chmodSync(keyOf(folder), mode),
      says: new RegExp(
        `ca\\.key is open to other users \\(mode 0${mode.toString(8)}\\); close it with: chmod 0600 .*ca\\.key$`,
      ),
    })),
  ]
  test.each(faults)('$name', async ({ spoil, says }) => {
    const folder = await madeFolder()
    await spoil(folder)
    const before = contents(folder)
    const refusal = open(folder)
    await expect(refusal).rejects.toMatchObject({ name: 'AppError', code: 'misconfigured' })
    await expect(refusal).rejects.toThrow(says)
    expect(contents(folder)).toEqual(before)
  })

  test('a key that is open to others is refused before it is read', async () => {
    const folder = await madeFolder()
    writeFileSync(join(folder, 'ca.key'), 'garbage')
    chmodSync(join(folder, 'ca.key'), 0o644)
    await expect(open(folder)).rejects.toThrow(/open to other users/)
  })

  test('an expired CA, and one from the future', async () => {
    const folder = await madeFolder()
    const { notAfter } = await open(folder)
    await expect(open(folder, new Date(notAfter.getTime() - 1000))).resolves.toBeDefined()
    await expect(open(folder, notAfter)).rejects.toThrow(/expired on .*keys\/README\.md/)
    await expect(open(folder, new Date(Date.now() - 2 * day))).rejects.toThrow(/clock right\?/)
  })

  test('the CA of the TLS server: its certificates would sign tokens', async () => {
    const folder = temporaryFolder('ca')
    const options = { folder, clock: () => new Date(), log } as const
    await openCertificateAuthority({ ...options, purpose: 'tls' })
    await expect(open(folder)).rejects.toThrow(/the other CA, .* need one folder each/)
  })

  test('a folder that cannot be made or written', async () => {
    const folder = temporaryFolder('ca')
    const file = join(folder, 'file')
    writeFileSync(file, '')
    await expect(open(file)).rejects.toThrow(/is a file and not a folder/)
    await expect(open(join(file, 'keys'))).rejects.toThrow(/is a file and not a folder/)
    await expect(open(join(file, 'keys'))).rejects.toMatchObject({ code: 'misconfigured' })

    const closed = join(folder, 'closed')
    mkdirSync(closed, { mode: 0o555 })
    chmodSync(folder, 0o755)
    const module = new URL('../../dist/signing/certificate-authority.js', import.meta.url).href
    const script = fileURLToPath(new URL('open-authority.mjs', import.meta.url))
    const { output } = await run(process.execPath, [script, module, closed, 'now', '65534'])
    expect(output).toMatch(
      /^misconfigured: cannot write .*closed\/ca\.key: permission denied; .*\n$/,
    )
    expect(output.match(/\n/g)).toHaveLength(1)
  })
})

describeWithParts('openssl', ['openssl'], () => {
  test('accepts the CA, and reads what it should say', async () => {
    const folder = await madeFolder()
    const file = join(folder, 'ca.crt')
    const verified = await run('openssl', ['verify', '-x509_strict', '-CAfile', file, file])
    expect(verified.output).toBe(`${file}: OK\n`)
    const { output } = await run('openssl', ['x509', '-in', file, '-noout', '-text'])
    expect(output).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/)
    expect(output).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
    expect(output).toMatch(/Subject Key Identifier: *\n/)
    expect(output).toMatch(/NIST CURVE: P-256/)
    const key = await run('openssl', ['pkey', '-in', join(folder, 'ca.key'), '-check', '-noout'])
    expect(key.output).toMatch(/Key is valid/)
  })

  test('makes a CA that is taken as it is; keys/README.md says how', async () => {
    const folder = temporaryFolder('ca')
    const readme = readFileSync(new URL('../../keys/README.md', import.meta.url), 'utf8')
    const command = /```sh\n( *umask 077[\s\S]*?)```/.exec(readme)?.[1] ?? 'false'
    const made = await run('sh', ['-ec', command], { cwd: folder })
    expect(made).toMatchObject({ code: 0 })
    const next = join(folder, 'next-keys')
    expect(existsSync(join(next, 'ca.key'))).toBe(true)
    const { certificate } = await open(next)
    expect(certificate.ca).toBe(true)
  })
})

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  )
}

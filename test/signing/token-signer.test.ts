import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compactVerify, decodeProtectedHeader, importX509, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { openCertificateAuthority } from '../../src/signing/certificate-authority.ts'
import { keyIdOf } from '../../src/signing/key-id.ts'
import {
  longestTokenLifetime,
  type OpenTokenSigner,
  openTokenSigner,
} from '../../src/signing/token-signer.ts'
import { describeWithParts } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { recordedLog } from './recorded-log.ts'

const minute = 60 * 1000
const hour = 60 * minute
const day = 24 * hour
const start = Date.parse('2026-05-01T12:00:00Z')

/** A signer below a new CA, and a clock that the test sets. */
async function opened(now = start) {
  const keysFolder = temporaryFolder('keys')
  const log = recordedLog()
  const time = { now }
  const clock = () => new Date(time.now)
  const signer = await openTokenSigner({ keysFolder, clock, log })
  const ca = new X509Certificate(readFileSync(join(keysFolder, 'ca.crt')))
  return { signer, time, log, ca, keysFolder, clock }
}

const lasting = (now: number, seconds = 300) => ({
  iss: 'dockwarden',
  exp: Math.floor(now / 1000) + seconds,
})

async function signed(signer: OpenTokenSigner, now: number, seconds?: number) {
  const token = await signer.sign(lasting(now, seconds))
  const header = decodeProtectedHeader(token)
  const certificate = new X509Certificate(Buffer.from(header.x5c?.[0] ?? '', 'base64'))
  return { token, header, certificate }
}

const keyIds = (tokens: readonly string[]) =>
  new Set(tokens.map((token) => decodeProtectedHeader(token).kid))

describe('a token', () => {
  test('is accepted by an independent verifier, with the claims that it was given', async () => {
    const { signer } = await opened()
    const claims = { ...lasting(start), sub: 'älïce', access: [{ type: 'repository' }] }
    const token = await signer.sign(claims)
    const x5c = decodeProtectedHeader(token).x5c?.[0]
    const pem = `-----BEGIN CERTIFICATE-----\n${x5c}\n-----END CERTIFICATE-----`
    const options = { algorithms: ['ES256'], currentDate: new Date(start) }
    const { payload } = await jwtVerify(token, await importX509(pem, 'ES256'), options)
    expect(payload).toEqual(claims)
  })

  test('says JWT, ES256, the libtrust id of its key, and one certificate in standard base64', async () => {
    const { signer } = await opened()
    const { header, certificate } = await signed(signer, start)
    expect(header).toEqual({
      typ: 'JWT',
      alg: 'ES256',
      kid: keyIdOf(certificate.publicKey),
      x5c: [certificate.raw.toString('base64')],
    })
  })

  test('is below 1.3 kB for one repository', async () => {
    const { signer } = await opened()
    const access = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }]
    const claims = { ...lasting(start), sub: 'alice', aud: 'registry.example.com', nbf: 0, iat: 0 }
    const token = await signer.sign({ ...claims, jti: 'x'.repeat(36), access } as typeof claims)
    expect(token.length).toBeLessThan(1300)
  })

  test('holds only where nothing in it was changed', async () => {
    const { signer } = await opened()
    const { token, certificate } = await signed(signer, start)
    const { publicKey } = certificate
    await expect(compactVerify(token, publicKey)).resolves.toBeDefined()
    for (let index = 0; index < token.length; index += 37) {
      const changed = `${token.slice(0, index)}${token[index] === 'A' ? 'B' : 'A'}${token.slice(index + 1)}`
      await expect(compactVerify(changed, publicKey)).rejects.toThrow()
    }
  })
})

describe('the leaf', () => {
  test('is signed by the CA, is no CA, and may do nothing but sign', async () => {
    const { signer, ca } = await opened()
    const { certificate } = await signed(signer, start)
    expect(certificate.checkIssued(ca)).toBe(true)
    expect(certificate.verify(ca.publicKey)).toBe(true)
    expect(certificate.ca).toBe(false)
    expect(certificate.subject).toBe('CN=dockwarden token signing')
  })

  test('is valid from an hour ago for seven days on', async () => {
    const { signer } = await opened()
    const { certificate } = await signed(signer, start)
    expect(Date.parse(certificate.validFrom)).toBe(start - hour)
    expect(Date.parse(certificate.validTo)).toBe(start + 7 * day)
  })

  test('A20: lies on no disk; the file of the CA key is for its owner only', async () => {
    const { signer, keysFolder } = await opened()
    await signed(signer, start)
    expect(readdirSync(keysFolder).sort()).toEqual(['ca.crt', 'ca.key'])
    expect(statSync(join(keysFolder, 'ca.key')).mode & 0o777).toBe(0o600)
  })

  test('is another one at every start', async () => {
    const { signer, keysFolder, clock, log } = await opened()
    const second = await openTokenSigner({ keysFolder, clock, log })
    const tokens = [(await signed(signer, start)).token, (await signed(second, start)).token]
    expect(keyIds(tokens).size).toBe(2)
  })

  test('is replaced after a day; the sign that finds it due does not wait', async () => {
    const { signer, time, log } = await opened()
    const first = await signed(signer, time.now)
    time.now += day - 1
    expect((await signed(signer, time.now)).header.kid).toBe(first.header.kid)
    time.now += 1
    const due = Array.from({ length: 50 }, () => signer.sign(lasting(time.now)))
    expect(keyIds(await Promise.all(due))).toEqual(new Set([first.header.kid]))
    await inService(log, 2)
    const next = await signed(signer, time.now)
    expect(next.header.kid).not.toBe(first.header.kid)
    expect(Date.parse(next.certificate.validTo)).toBe(start + 8 * day)
  })

  test('is made once, however many signs find it due', async () => {
    const { signer, time, log } = await opened()
    time.now += 30 * day
    const due = Array.from({ length: 50 }, () => signer.sign(lasting(time.now)))
    expect(keyIds(await Promise.all(due)).size).toBe(1)
    expect(log.lines.filter(({ message }) => /in service/.test(message))).toHaveLength(2)
  })

  test('outlives every token that it signs, and the leeway after it', async () => {
    const { signer, time } = await opened()
    for (const elapsed of [0, hour, day - 1, day, 5 * day, 7 * day - minute, 7 * day, 40 * day]) {
      time.now = start + elapsed
      for (const seconds of [60, 300, longestTokenLifetime]) {
        const { certificate } = await signed(signer, time.now, seconds)
        const end = time.now + seconds * 1000 + minute
        expect(Date.parse(certificate.validTo), `${elapsed}, ${seconds}`).toBeGreaterThanOrEqual(
          end,
        )
        expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(time.now)
      }
    }
  })

  test('is made anew where the clock was set back before it', async () => {
    const { signer, time, log } = await opened()
    const first = await signed(signer, time.now)
    time.now -= 3 * hour
    const second = await signed(signer, time.now)
    expect(second.header.kid).not.toBe(first.header.kid)
    expect(Date.parse(second.certificate.validFrom)).toBe(time.now - hour)

    // Still valid here, but not for a registry whose clock runs behind.
    time.now -= 59 * minute
    await signed(signer, time.now)
    await inService(log, 3)
    const third = await signed(signer, time.now)
    expect(Date.parse(third.certificate.validFrom)).toBe(time.now - hour)
  })
})

describe('the end of the CA', () => {
  test('is warned of from 90 days before it, once a day', async () => {
    const { signer, time, log, ca } = await opened()
    const end = Date.parse(ca.validTo)
    const warnings = () => log.lines.filter(({ level }) => level === 'warn')

    time.now = end - 91 * day
    await signed(signer, time.now)
    expect(signer.status()).toEqual({ ok: true, caDaysLeft: 91 })
    expect(warnings()).toEqual([])

    for (const [index, daysLeft] of [89, 88, 87].entries()) {
      time.now = end - daysLeft * day
      for (let count = 0; count < 3; count += 1) await signed(signer, time.now)
      await inService(log, 3 + index)
      expect(warnings()).toHaveLength(index + 1)
      expect(warnings().at(-1)?.fields).toMatchObject({ event: 'ca_ends', caDaysLeft: daysLeft })
    }
    expect(signer.status()).toEqual({
      ok: false,
      caDaysLeft: 87,
      detail: 'the token CA expires in 87 days',
    })
  })

  test('is the end of the last leaf, and of signing', async () => {
    const { signer, time, ca, log } = await opened()
    const end = Date.parse(ca.validTo)
    time.now = end - minute
    const { certificate } = await signed(signer, time.now)
    expect(Date.parse(certificate.validTo)).toBe(end)

    const made = log.lines.filter(({ message }) => /in service/.test(message)).length
    for (let count = 0; count < 5; count += 1) await signed(signer, time.now)
    expect(log.lines.filter(({ message }) => /in service/.test(message))).toHaveLength(made)

    time.now = end
    for (let count = 0; count < 3; count += 1) {
      await expect(signer.sign(lasting(time.now))).rejects.toMatchObject({
        code: 'unavailable',
        // B12: the client sees this; the file and what to do with it are for the operator.
        message: 'tokens cannot be signed at the moment',
        cause: { message: expect.stringMatching(/expired on .*keys\/README\.md/) },
      })
    }
    expect(signer.status()).toMatchObject({ ok: false, detail: expect.stringMatching(/expired/) })
    time.now = end - minute
    await expect(signed(signer, time.now)).resolves.toBeDefined()
  })
})

describe('a signer', () => {
  test.each([
    start / 1000 + longestTokenLifetime + 1,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    undefined,
  ])('refuses a token that would outlive its key, or never ends: exp %s', async (exp) => {
    const { signer } = await opened()
    await expect(signer.sign({ exp: exp as number })).rejects.toThrow(TypeError)
  })

  test('signs nothing after it was closed', async () => {
    const { signer } = await opened()
    signer.close()
    await expect(signer.sign(lasting(start))).rejects.toThrow(TypeError)
  })

  test('does not need the key files any more once it is open', async () => {
    const { signer, time, keysFolder } = await opened()
    rmSync(keysFolder, { recursive: true })
    time.now += 8 * day
    await expect(signed(signer, time.now)).resolves.toBeDefined()
  })

  test('logs no key and no token', async () => {
    const { signer, log, keysFolder } = await opened()
    const { token } = await signed(signer, start)
    const text = JSON.stringify(log.lines)
    const pem = readFileSync(join(keysFolder, 'ca.key'), 'utf8').split('\n')[1] ?? ''
    expect(text).not.toContain(pem)
    for (const part of token.split('.')) expect(text).not.toContain(part)
  })
})

describeWithParts('openssl', ['openssl'], () => {
  test('accepts the leaf below the CA', async () => {
    const { signer, ca, keysFolder } = await opened(Date.now())
    const { certificate } = await signed(signer, Date.now())
    const file = join(temporaryFolder('leaf'), 'leaf.crt')
    writeFileSync(file, certificate.toString())
    const args = ['verify', '-x509_strict', '-CAfile', join(keysFolder, 'ca.crt'), file]
    expect((await run('openssl', args)).output).toBe(`${file}: OK\n`)
    expect(ca.ca).toBe(true)
  })

  test('a CA that may not sign certificates is refused, one of any name is taken', async () => {
    const folder = temporaryFolder('keys')
    const command = `umask 077
      openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out ca.key
      openssl req -x509 -new -key ca.key -days 10 -subj "/O=Ünïted/CN=a, \\"b\\"" -utf8 -out ca.crt -addext "keyUsage=critical,$USAGE"`
    const make = (usage: string) =>
      run('sh', ['-ec', command], { cwd: folder, env: { USAGE: usage } })
    const open = () =>
      openTokenSigner({ keysFolder: folder, clock: () => new Date(), log: recordedLog() })

    expect(await make('cRLSign')).toMatchObject({ code: 0 })
    await expect(open()).rejects.toThrow(/not that of a CA .* keyCertSign/)
    expect(await make('keyCertSign')).toMatchObject({ code: 0 })
    await expect(open()).resolves.toBeDefined()
  })

  test('a certificate that is not that of a CA is refused', async () => {
    const folder = temporaryFolder('keys')
    const command = `umask 077
      openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out ca.key
      openssl req -x509 -new -key ca.key -days 10 -subj /CN=x -out ca.crt -addext basicConstraints=critical,CA:FALSE`
    expect(await run('sh', ['-ec', command], { cwd: folder })).toMatchObject({ code: 0 })
    const options = {
      folder,
      purpose: 'token',
      clock: () => new Date(),
      log: recordedLog(),
    } as const
    await expect(openCertificateAuthority(options)).rejects.toThrow(/not that of a CA/)
  })
})

/** Waits for a renewal in the background. */
async function inService(log: ReturnType<typeof recordedLog>, leaves: number): Promise<void> {
  const count = () => log.lines.filter(({ message }) => /in service/.test(message)).length
  await expect.poll(count).toBe(leaves)
}

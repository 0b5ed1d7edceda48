import { execFileSync } from 'node:child_process'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  PasswordVerifier,
  type PasswordVerifierOptions,
} from '../../../src/authentication/password/verifier.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { processorTimeOf } from '../../support/processor-time.ts'

const open: PasswordVerifier[] = []

function createVerifier(options?: PasswordVerifierOptions): PasswordVerifier {
  const verifier = new PasswordVerifier(options)
  open.push(verifier)
  return verifier
}

afterEach(async () => {
  for (const verifier of open.splice(0)) await verifier.close()
})

function htpasswd(password: string, ...options: string[]): string {
  const line = execFileSync('htpasswd', ['-n', '-i', ...options, 'user'], { input: password })
  return line.toString().trim().slice('user:'.length)
}

function openssl(kind: string, salt: string, passwords: readonly string[]): string[] {
  const options = ['passwd', `-${kind}`, '-salt', salt, '-stdin']
  return execFileSync('openssl', options, { input: passwords.join('\n') })
    .toString()
    .trim()
    .split('\n')
}

describe('a hash made by htpasswd fits its password and no other', () => {
  test.each([
    ['bcrypt', ['-B', '-C', '5']],
    ['apr1', ['-m']],
    ['SHA-1', ['-s']],
    ['SHA-256-crypt', ['-2']],
    ['SHA-512-crypt', ['-5']],
    ['SHA-512-crypt with rounds', ['-5', '-r', '1234']],
  ])('%s', async (_kind, options) => {
    const verifier = createVerifier()
    for (const password of ['secret', 'pässwörd 😀', 'a:b:c', ' spaces ', 'x'.repeat(64)]) {
      const storedHash = htpasswd(password, ...options)
      expect(await verifier.verify(storedHash, new Password(password)), password).toBe(true)
      for (const wrong of [
        `${password}x`,
        password.slice(1),
        password.toUpperCase(),
        '',
        storedHash,
      ]) {
        expect(await verifier.verify(storedHash, new Password(wrong)), wrong).toBe(false)
      }
    }
  })
})

describe('a hash made by OpenSSL fits at every length where the algorithm takes a turn', () => {
  const lengths = [1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 192, 252]
  const passwords = ['x', 'é', '😀'].flatMap((character) =>
    lengths.map((length) => character.repeat(Math.ceil(length / Buffer.byteLength(character)))),
  )
  test.each([
    ['apr1', 'saltsalt'],
    ['apr1', 's'],
    ['5', 'saltsalt'],
    ['6', 'saltsaltsaltsalt'],
    ['5', 'rounds=1000$abcdefghijklmnop'],
    ['6', 'rounds=1001$./'],
  ])('%s with salt %s', async (kind, salt) => {
    const verifier = createVerifier()
    for (const [index, storedHash] of openssl(kind, salt, passwords).entries()) {
      const password = passwords[index] ?? ''
      expect(await verifier.verify(storedHash, new Password(password)), password).toBe(true)
      expect(await verifier.verify(storedHash, new Password(`${password}y`)), password).toBe(false)
    }
  })
})

describe('A9: a password of more than 72 bytes never fits a bcrypt hash', () => {
  const longest = 'A'.repeat(72)
  test.each([
    ['the hash of its first 72 bytes', longest, `${longest}x`],
    ['the hash of another tail', `${longest}x`, `${longest}y`],
    ['the hash of itself, which htpasswd makes without a word', `${longest}x`, `${longest}x`],
    ['two-byte characters', 'é'.repeat(36), `${'é'.repeat(36)}x`],
    ['a character cut by the limit', `${'A'.repeat(70)}😀`, `${'A'.repeat(70)}😀`],
  ])('%s', async (_case, hashed, typed) => {
    const verifier = createVerifier()
    const storedHash = bcrypt.hashSync(hashed, 4)
    expect(bcrypt.compareSync(typed, storedHash)).toBe(true)
    expect(await verifier.verify(storedHash, new Password(typed))).toBe(false)
  })

  test('72 bytes fit', async () => {
    const verifier = createVerifier()
    for (const password of [longest, 'é'.repeat(36), '😀'.repeat(18)]) {
      expect(await verifier.verify(htpasswd(password, '-B'), new Password(password))).toBe(true)
    }
  })

  test('the other kinds read a password of any length whole', async () => {
    const verifier = createVerifier()
    const password = 'é'.repeat(120)
    for (const kind of ['apr1', '5', '6']) {
      const [storedHash = ''] = openssl(kind, 'salt', [password])
      expect(await verifier.verify(storedHash, new Password(password))).toBe(true)
      expect(await verifier.verify(storedHash, new Password(`${password}x`))).toBe(false)
    }
    const longest = '😀'.repeat(512)
    const digest = execFileSync('openssl', ['sha1', '-binary'], { input: longest })
    const storedHash = `{SHA}${digest.toString('base64')}`
    expect(await verifier.verify(storedHash, new Password(longest))).toBe(true)
    expect(await verifier.verify(storedHash, new Password(`${longest}x`))).toBe(false)
  })
})

describe('a hash to store', () => {
  test('is bcrypt of cost 10 and fits', async () => {
    const verifier = createVerifier()
    const password = new Password('correct horse')
    const storedHash = await verifier.hash(password)
    expect(storedHash).toMatch(/^\$2b\$10\$/)
    expect(await verifier.verify(storedHash, password)).toBe(true)
    expect(await verifier.hash(password)).not.toBe(storedHash)
  })

  test.each([
    ['A9: 73 bytes', 'A'.repeat(73), '73 bytes'],
    ['A9: 37 two-byte characters', 'é'.repeat(37), '74 bytes'],
    ['nothing', '', 'empty'],
    ['what no client can send', 'a\nb', 'control characters'],
    ['NUL', 'a\0b', 'control characters'],
  ])('is refused for %s, with the reason', async (_case, password, reason) => {
    const verifier = createVerifier()
    await expect(verifier.hash(new Password(password))).rejects.toMatchObject({
      name: 'AppError',
      code: 'invalid_request',
      message: expect.stringContaining(reason),
    })
  })
})

describe('a hash that cannot be used never fits and never throws', () => {
  test.each([
    'secret',
    '',
    '$2x$05$UhBG0SpKrSUsfAQVIPQ3O.gEpvuYpWU4h3Jup4GzKJi8BeTJ4w0rS',
    '$2b$03$UhBG0SpKrSUsfAQVIPQ3O.gEpvuYpWU4h3Jup4GzKJi8BeTJ4w0rS',
    '$2b$31$UhBG0SpKrSUsfAQVIPQ3O.gEpvuYpWU4h3Jup4GzKJi8BeTJ4w0rS',
    '$6$rounds=999999999$salt$x',
  ])('%s', async (storedHash) => {
    const verifier = createVerifier()
    for (const password of ['secret', storedHash, '']) {
      expect(await verifier.verify(storedHash, new Password(password))).toBe(false)
    }
  })
})

// Cost 11 takes over 100 ms to compute; from the cache it is there within a few.
describe('the cache of passwords that fitted', () => {
  const storedHash = bcrypt.hashSync('right', 11)
  const right = new Password('right')

  test('answers a repeated login without computing', async () => {
    const verifier = createVerifier()
    await verifier.verify(storedHash, right)
    expect(await processorTimeOf(() => verifier.verify(storedHash, right))).toBeLessThan(50)
    expect(await verifier.verify(storedHash, new Password('right '))).toBe(false)
  })

  test('holds each entry for its time, counted from the computation and not from the last use', async () => {
    const now = performance.now.bind(performance)
    let passed = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + passed)
    onTestFinished(() => clock.mockRestore())
    /** What the clock says is remembered for a millisecond. */
    const pass = async (milliseconds: number) => {
      passed += milliseconds
      await sleep(5)
    }
    const verifier = createVerifier({ cacheSeconds: 1_000 })
    await verifier.verify(storedHash, right)
    for (let use = 0; use < 5; use += 1) {
      await pass(150_000)
      expect(await processorTimeOf(() => verifier.verify(storedHash, right))).toBeLessThan(50)
    }
    await pass(250_001)
    expect(await processorTimeOf(() => verifier.verify(storedHash, right))).toBeGreaterThan(50)
  })

  test('misses when the stored hash has changed', async () => {
    const verifier = createVerifier()
    await verifier.verify(storedHash, right)
    expect(await verifier.verify(bcrypt.hashSync('new', 4), right)).toBe(false)
    const again = bcrypt.hashSync('right', 11)
    expect(await processorTimeOf(() => verifier.verify(again, right))).toBeGreaterThan(50)
  })

  test('does not take a longer password for a shorter one with the same start', async () => {
    const verifier = createVerifier()
    const long = bcrypt.hashSync('A'.repeat(72), 4)
    expect(await verifier.verify(long, new Password('A'.repeat(72)))).toBe(true)
    expect(await verifier.verify(long, new Password('A'.repeat(73)))).toBe(false)
  })

  test('never holds a no', async () => {
    const verifier = createVerifier()
    const wrong = new Password('wrong')
    await verifier.verify(storedHash, wrong)
    expect(await processorTimeOf(() => verifier.verify(storedHash, wrong))).toBeGreaterThan(50)
  })

  test('computes every time when it is off', async () => {
    const verifier = createVerifier({ cacheSeconds: 0 })
    await verifier.verify(storedHash, right)
    expect(await processorTimeOf(() => verifier.verify(storedHash, right))).toBeGreaterThan(50)
  })

  test('spares those who come at the same time with the same right password', async () => {
    const verifier = createVerifier({ workers: 1 })
    const one = await processorTimeOf(() => verifier.verify(storedHash, new Password('wrong')))
    const twenty = await processorTimeOf(() =>
      Promise.all(Array.from({ length: 20 }, () => verifier.verify(storedHash, right))),
    )
    expect(twenty).toBeLessThan(6 * one)
  })
})

describe('A23: a flood of logins', () => {
  const storedHash = bcrypt.hashSync('right', 12)

  test('is not worked off for those who will have gone before their turn comes', async () => {
    const verifier = createVerifier({ workers: 1, waitMilliseconds: 20 })
    const first = verifier.verify(storedHash, new Password('wrong'))
    const late = Array.from({ length: 8 }, () => verifier.refuse(new Password('x')))
    expect(await first).toBe(false)
    const ends = await processorTimeOf(async () => {
      for (const { status } of await Promise.allSettled(late)) expect(status).toBe('rejected')
    })
    expect(ends).toBeLessThan(100)
    expect(await verifier.verify(storedHash, new Password('right'))).toBe(true)
  })

  test('takes new logins as soon as there is room again', async () => {
    const verifier = createVerifier({ workers: 1, queueLength: 0 })
    const first = verifier.verify(storedHash, new Password('wrong'))
    await expect(verifier.refuse(new Password('x'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(await first).toBe(false)
    expect(await verifier.verify(storedHash, new Password('right'))).toBe(true)
  })
})

test('B22: closing does not wait for logins that nobody waits for any more', async () => {
  const verifier = new PasswordVerifier({ workers: 1 })
  // The first one waits for a worker to start.
  await verifier.refuse(new Password('x'))
  // A second of work each: with the queue, more than a service manager waits before it kills.
  const storedHash = `$2b$14$${'.'.repeat(53)}`
  const logins = Array.from({ length: 50 }, () => verifier.verify(storedHash, new Password('x')))
  const ends = Promise.allSettled(logins)
  // Until a worker has the first of them.
  await setImmediate()
  const start = performance.now()
  await verifier.close()
  expect(performance.now() - start).toBeLessThan(20_000)
  for (const end of await ends) {
    expect(end).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
  }
  await expect(verifier.refuse(new Password('x'))).rejects.toMatchObject({ code: 'unavailable' })
  await verifier.close()
})

test('a refusal costs what the dearest hash of the backends in use does, and no longer than they are', async () => {
  const verifier = createVerifier()
  const refusal = () => processorTimeOf(() => verifier.refuse(new Password('guess')))
  // The first one waits for a worker to start.
  await refusal()
  const [one, other] = [{}, {}]
  verifier.announce(one, [htpasswd('secret', '-B', '-C', '5')])
  verifier.announce(other, [htpasswd('secret', '-B', '-C', '12')])
  const dear = await refusal()
  verifier.withdraw(other)
  expect(await refusal()).toBeLessThan(dear / 5)
})

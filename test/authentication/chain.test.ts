import bcrypt from 'bcryptjs'
import { afterEach, describe, expect, test } from 'vitest'
import type {
  Accepted,
  Authenticator,
  Rejected,
  Verdict,
} from '../../src/authentication/authenticator.ts'
import { AuthenticatorChain, type AuthenticatorChainParts } from '../../src/authentication/chain.ts'
import type { LoginAttempt, LoginLimits } from '../../src/authentication/login-limits.ts'
import { PasswordVerifier } from '../../src/authentication/password/verifier.ts'
import { AppError } from '../../src/errors.ts'
import { type Credentials, Password } from '../../src/protocol/credentials.ts'
import { processorTimeOf } from '../support/processor-time.ts'
import { noLimits } from './login.ts'

const passwords = new PasswordVerifier({ workers: 1 })
const credentials: Credentials = { username: 'alice', password: new Password('secret') }
const asked: string[] = []
const released: string[] = []

afterEach(() => {
  asked.length = 0
  released.length = 0
})

/** @param answer undefined where it does not know the name */
function backend(name: string, answer: () => Accepted | Rejected | undefined): Authenticator {
  return {
    name,
    knows: async () => [],
    async find() {
      asked.push(name)
      const verdict = answer()
      if (verdict === undefined) return undefined
      let isHeld = true
      return {
        account: '1',
        passwordStamp: 'stamp',
        verify: async () => verdict,
        release: async () => {
          if (isHeld) released.push(name)
          isHeld = false
        },
      }
    },
  }
}

const accepted = (name: string): Accepted => ({
  kind: 'accepted',
  subject: { id: `${name}:1`, name: 'alice', kind: 'user', groups: [], backend: name },
})
const unknown = (name: string) => backend(name, () => undefined)
const rejecting = (name: string) =>
  backend(name, () => ({
    kind: 'rejected',
    reason: 'wrong password',
    backend: name,
    isWrongPassword: true,
  }))
const accepting = (name: string) => backend(name, () => accepted(name))
const failing = (name: string) =>
  backend(name, () => {
    throw new Error('no answer')
  })

function chainOf(
  backends: readonly Authenticator[],
  parts: Partial<AuthenticatorChainParts> = {},
): AuthenticatorChain {
  return new AuthenticatorChain({
    backends,
    limits: noLimits,
    passwords,
    refusalMilliseconds: 0,
    ...parts,
  })
}

function authenticate(...backends: Authenticator[]): Promise<Verdict> {
  return chainOf(backends).authenticate(credentials, '192.0.2.1')
}

describe('the chain', () => {
  test('ends with the backend that accepts', async () => {
    const verdict = await authenticate(unknown('a'), accepting('b'), accepting('c'))
    expect(verdict).toMatchObject({ kind: 'accepted', subject: { id: 'b:1', name: 'alice' } })
    expect(asked).toEqual(['a', 'b'])
  })

  test('ends with the backend that rejects: it owns the name', async () => {
    const verdict = await authenticate(unknown('a'), rejecting('b'), accepting('c'))
    expect(verdict).toMatchObject({ kind: 'rejected', backend: 'b' })
    expect(asked).toEqual(['a', 'b'])
  })

  test('asks the next one where a name is unknown, and says unknown when all do', async () => {
    expect(await authenticate(unknown('a'), unknown('b'))).toEqual({ kind: 'unknown' })
    expect(asked).toEqual(['a', 'b'])
  })

  describe('B3: somebody who typed ALICE and is called alice', () => {
    /** Knows these names alone, and calls whoever bears one of them alice. */
    const knowing = (name: string, ...names: string[]): Authenticator => ({
      ...accepting(name),
      find: async (username) =>
        names.includes(username) ? await accepting(name).find(username) : undefined,
    })
    const directory = knowing('directory', 'ALICE', 'alice')
    const file = knowing('file', 'alice')
    const cases: readonly [string, readonly Authenticator[], 'accepted' | 'rejected'][] = [
      ['is accepted where nobody else is called so', [knowing('file'), directory], 'accepted'],
      ['is accepted before a backend that knows alice', [directory, file], 'accepted'],
      ['is refused behind a backend that knows alice', [file, directory], 'rejected'],
      [
        'is refused where only another backend knows alice',
        [knowing('directory', 'ALICE'), file],
        'rejected',
      ],
    ]
    for (const [what, backends, kind] of cases) {
      test(what, async () => {
        const typed = { ...credentials, username: 'ALICE' }
        const verdict = await chainOf(backends).authenticate(typed, '192.0.2.1')
        const isWrongPassword = false
        expect(verdict).toMatchObject(kind === 'rejected' ? { kind, isWrongPassword } : { kind })
        expect(released).toHaveLength(asked.length)
      })
    }
  })

  test('without backends knows nobody', async () => {
    expect(await authenticate()).toEqual({ kind: 'unknown' })
  })

  test('passes a failure on and does not ask the next backend', async () => {
    await expect(authenticate(unknown('a'), failing('b'), accepting('c'))).rejects.toThrow(
      'no answer',
    )
    expect(asked).toEqual(['a', 'b'])
  })

  test('does the work of a wrong password for a name that nobody knows', async () => {
    const storedHash = bcrypt.hashSync('right', 11)
    const verifier = new PasswordVerifier({ workers: 1 })
    verifier.announce({}, [storedHash])
    await verifier.refuse(credentials.password)
    const known = await processorTimeOf(() => verifier.verify(storedHash, credentials.password))
    const chain = chainOf([unknown('a')], { passwords: verifier })
    const nobody = await processorTimeOf(() => chain.authenticate(credentials, '192.0.2.1'))
    expect(nobody).toBeGreaterThan(known / 2)
    await verifier.close()
  })

  test('A8: does the same work where somebody else has refused the password', async () => {
    const storedHash = bcrypt.hashSync('right', 11)
    const verifier = new PasswordVerifier({ workers: 1 })
    verifier.announce({}, [storedHash])
    await verifier.refuse(credentials.password)
    const time = async (directory: Authenticator): Promise<number> => {
      const chain = chainOf([{ ...directory, isElsewhere: true }], { passwords: verifier })
      return await processorTimeOf(() => chain.authenticate(credentials, '192.0.2.1'))
    }
    const nobody = await time(unknown('a'))
    expect(await time(rejecting('a'))).toBeGreaterThan(nobody / 2)
    expect(await time(accepting('a'))).toBeLessThan(nobody / 2)
    await verifier.close()
  })

  test('counts what somebody else has refused, also where there is no time for that work', async () => {
    const verifier = new PasswordVerifier({ workers: 1 })
    await verifier.close()
    const counted: Verdict[] = []
    const limits: LoginLimits = {
      admit() {},
      async attempt(_attempt, check) {
        const verdict = await check()
        counted.push(verdict)
        return verdict
      },
    }
    const chain = chainOf([{ ...rejecting('a'), isElsewhere: true }], {
      limits,
      passwords: verifier,
    })
    const login = chain.authenticate(credentials, '192.0.2.1')
    await expect(login).rejects.toMatchObject({ code: 'unavailable' })
    expect(counted).toMatchObject([{ kind: 'rejected', isWrongPassword: true }])
  })

  test('asks the limits who it is by the person and not by the name as typed, known or not', async () => {
    const attempts: LoginAttempt[] = []
    const limits: LoginLimits = {
      admit() {},
      attempt(attempt, check) {
        attempts.push(attempt)
        return check()
      },
    }
    for (const backends of [[unknown('a'), rejecting('b')], [unknown('a')]]) {
      await chainOf(backends, { limits }).authenticate(credentials, '192.0.2.1')
    }
    const login = { address: '192.0.2.1', ...credentials }
    expect(attempts).toEqual([
      { ...login, account: 'b/1', passwordStamp: 'stamp' },
      { ...login, account: undefined, passwordStamp: '' },
    ])
  })

  test('asks no backend where the limits do not admit it', async () => {
    const limits = { ...noLimits, admit: refuseAll }
    const login = chainOf([accepting('a')], { limits }).authenticate(credentials, '192.0.2.1')
    await expect(login).rejects.toMatchObject({ code: 'too_many_requests' })
    expect(asked).toEqual([])
  })

  test('gives back what finding took, whatever the end', async () => {
    const failingLimits = { ...noLimits, attempt: refuseAll }
    await authenticate(accepting('a'))
    await authenticate(rejecting('b'))
    const throttled = chainOf([accepting('c')], { limits: failingLimits })
    await expect(throttled.authenticate(credentials, '192.0.2.1')).rejects.toThrow()
    expect(released).toEqual(['a', 'b', 'c'])
  })

  test('gives it back before it asks whose the name is: that may take another connection', async () => {
    const seen: (readonly string[])[] = []
    const other = backend('a', () => {
      seen.push([...released])
      return undefined
    })
    const chain = chainOf([other, accepting('b'), unknown('c')])
    await chain.authenticate({ ...credentials, username: 'ALICE' }, '192.0.2.1')
    expect(seen).toEqual([[], ['b']])
  })

  test('A8: refuses no sooner than told, by whatever way, and lets the right ones through at once', async () => {
    const time = async (
      backends: Authenticator[],
      { refusalMilliseconds = 500, limits = noLimits } = {},
    ): Promise<number> => {
      const start = performance.now()
      const chain = chainOf(backends, { limits, refusalMilliseconds })
      await chain.authenticate(credentials, '192.0.2.1').catch(() => {})
      return performance.now() - start
    }
    // A timer may fire up to a millisecond early.
    expect(await time([unknown('a')])).toBeGreaterThan(498)
    expect(await time([rejecting('a')])).toBeGreaterThan(498)
    expect(await time([], { limits: { ...noLimits, admit: refuseAll } })).toBeGreaterThan(498)
    const long = { refusalMilliseconds: 20_000 }
    expect(await time([accepting('a')], long)).toBeLessThan(10_000)
    expect(await time([failing('a')], long)).toBeLessThan(10_000)
  })
})

function refuseAll(): never {
  throw new AppError('too_many_requests', 'Too many.')
}

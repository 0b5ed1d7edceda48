import bcrypt from 'bcryptjs'
import { afterEach, describe, expect, test } from 'vitest'
import type { Authenticator, Verdict } from '../../src/authentication/authenticator.ts'
import { AuthenticatorChain } from '../../src/authentication/chain.ts'
import { PasswordVerifier } from '../../src/authentication/password/verifier.ts'
import { type Credentials, Password } from '../../src/protocol/credentials.ts'

const passwords = new PasswordVerifier({ workers: 1 })
const credentials: Credentials = { username: 'alice', password: new Password('secret') }
const asked: string[] = []

afterEach(() => {
  asked.length = 0
})

function backend(name: string, answer: () => Verdict): Authenticator {
  return {
    name,
    async authenticate() {
      asked.push(name)
      return answer()
    },
  }
}

const unknown = (name: string) => backend(name, () => ({ kind: 'unknown' }))
const rejecting = (name: string) =>
  backend(name, () => ({ kind: 'rejected', reason: 'wrong password', backend: name }))
const accepting = (name: string) =>
  backend(name, () => ({
    kind: 'accepted',
    subject: { id: `${name}:1`, name: 'Alice', kind: 'user', groups: [], backend: name },
  }))
const failing = (name: string) =>
  backend(name, () => {
    throw new Error('no answer')
  })

function authenticate(...backends: Authenticator[]): Promise<Verdict> {
  return new AuthenticatorChain(backends, passwords).authenticate(credentials)
}

describe('the chain', () => {
  test('ends with the backend that accepts', async () => {
    const verdict = await authenticate(unknown('a'), accepting('b'), accepting('c'))
    expect(verdict).toMatchObject({ kind: 'accepted', subject: { id: 'b:1', name: 'Alice' } })
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
    verifier.announce('test', [storedHash])
    await verifier.refuse(credentials.password)
    const start = performance.now()
    await verifier.verify(storedHash, credentials.password)
    const known = performance.now() - start
    await new AuthenticatorChain([unknown('a')], verifier).authenticate(credentials)
    const nobody = performance.now() - start - known
    expect(nobody).toBeGreaterThan(known / 2)
    await verifier.close()
  })
})

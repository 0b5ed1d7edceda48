/** Several backends asked in the order written, behind the limits of how often a password may be tried. */

import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import type { Credentials } from '../protocol/credentials.ts'
import type { Accepted, Authenticator, Candidate, Rejected, Verdict } from './authenticator.ts'
import type { LoginLimits, LoginSource } from './login-limits.ts'
import type { PasswordVerifier } from './password/verifier.ts'

export interface AuthenticatorChainParts {
  readonly backends: readonly Authenticator[]
  readonly limits: LoginLimits
  readonly passwords: PasswordVerifier
  /**
   * A refusal comes this many milliseconds after the question, or twice as many, and so on. Equal work
   * makes equal time only within this process: a backend that asks somebody else needs a wait that covers
   * the way there.
   */
  readonly refusalMilliseconds: number
}

/**
 * The first backend that knows the name owns it: its verdict ends the walk. When none knows it, the
 * chain refuses with the same work and the same limits as for a wrong password, so that neither time
 * nor status tells known names from unknown ones. Nobody is accepted under a name that another backend
 * owns, however it was come by.
 */
export class AuthenticatorChain {
  readonly #parts: AuthenticatorChainParts

  constructor(parts: AuthenticatorChainParts) {
    this.#parts = parts
  }

  /**
   * @param address the client's IP address
   * @throws AppError too_many_requests where it has been tried too often; and what a backend throws
   *   that could not answer: the next one is not asked then
   */
  async authenticate(credentials: Credentials, address: string): Promise<Verdict> {
    const start = performance.now()
    try {
      const verdict = await this.#ask(credentials, address)
      if (verdict.kind !== 'accepted') await this.#waitSince(start)
      return verdict
    } catch (error) {
      const isThrottled = error instanceof AppError && error.code === 'too_many_requests'
      if (isThrottled) await this.#waitSince(start)
      throw error
    }
  }

  async #ask({ username, password }: Credentials, address: string): Promise<Verdict> {
    const { backends, limits, passwords } = this.#parts
    const login = { address, username, password }
    limits.admit(login)
    for (const backend of backends) {
      const candidate = await backend.find(username)
      if (candidate === undefined) continue
      try {
        return await this.#attempt(backend, candidate, login)
      } finally {
        await candidate.release()
      }
    }
    return await limits.attempt(
      { ...login, account: undefined, passwordStamp: '' },
      async () => {
        await passwords.refuse(password)
        return { kind: 'unknown' }
      },
      async () => {},
    )
  }

  async #attempt(
    backend: Authenticator,
    candidate: Candidate,
    login: LoginSource & Credentials,
  ): Promise<Verdict> {
    const { limits, passwords } = this.#parts
    const account = `${backend.name}/${candidate.account}`
    const attempt = { ...login, account, passwordStamp: candidate.passwordStamp }
    let failure: unknown
    const check = async (): Promise<Verdict> => {
      const verdict = await this.#verify(backend, candidate, login)
      const isGuess = verdict.kind === 'rejected' && verdict.isWrongPassword
      if (backend.isElsewhere && isGuess) {
        // A directory has counted the guess, so the limits must, though there be no time for the work.
        await passwords.refuse(login.password).catch((error: unknown) => {
          failure = error
        })
      }
      return verdict
    }
    const verdict = await limits.attempt(attempt, check, () => candidate.release())
    if (failure !== undefined) throw failure
    return verdict
  }

  /** A directory finds `alice` by `ALICE` and by a mail address too, whoever else is called alice. */
  async #verify(
    backend: Authenticator,
    candidate: Candidate,
    { username, password }: Credentials,
  ): Promise<Accepted | Rejected> {
    const verdict = await candidate.verify(password)
    if (verdict.kind === 'rejected' || verdict.subject.name === username) return verdict
    const { name } = verdict.subject
    // Whoever holds a connection while waiting for another one may wait for ever.
    await candidate.release()
    const owner = await this.#ownerOf(name, backend)
    if (owner === backend) return verdict
    return {
      kind: 'rejected',
      reason: `${name} is a name of ${owner.name}: who is called so by ${backend.name} as well cannot log in`,
      backend: backend.name,
      isWrongPassword: false,
      tell: `Somebody else is called ${name} here; ask whoever runs this registry.`,
    }
  }

  /** The first backend that knows the name; the one that gave it, where nobody can log in by it. */
  async #ownerOf(name: string, giver: Authenticator): Promise<Authenticator> {
    const { backends } = this.#parts
    for (const backend of backends) {
      // Asking it again would tell nothing.
      if (backend === giver && backend === backends.at(-1)) break
      const found = await backend.find(name)
      await found?.release()
      if (found !== undefined) return backend
    }
    return giver
  }

  async #waitSince(start: number): Promise<void> {
    const { refusalMilliseconds: step } = this.#parts
    if (step === 0) return
    const elapsed = performance.now() - start
    await sleep(Math.max(1, Math.ceil(elapsed / step)) * step - elapsed)
  }
}

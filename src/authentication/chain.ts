/** Several backends asked in the order written, as one {@link Authenticator}. */

import type { Credentials } from '../protocol/credentials.ts'
import type { Authenticator, Verdict } from './authenticator.ts'
import type { PasswordVerifier } from './password/verifier.ts'

/**
 * `accepted` and `rejected` end the walk: the backend that knows a name owns it. When none knows it,
 * the chain refuses with the same work as for a wrong password, so that timing does not tell known
 * names from unknown ones.
 */
export class AuthenticatorChain implements Authenticator {
  readonly name = 'chain'
  readonly #backends: readonly Authenticator[]
  readonly #passwords: PasswordVerifier

  constructor(backends: readonly Authenticator[], passwords: PasswordVerifier) {
    this.#backends = backends
    this.#passwords = passwords
  }

  async authenticate(credentials: Credentials): Promise<Verdict> {
    for (const backend of this.#backends) {
      const verdict = await backend.authenticate(credentials)
      if (verdict.kind !== 'unknown') return verdict
    }
    await this.#passwords.refuse(credentials.password)
    return { kind: 'unknown' }
  }
}

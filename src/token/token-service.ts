/** Answers a token request with the three questions: who is it, what may they, prove it. */

import { randomUUID } from 'node:crypto'
import type { Subject, Verdict } from '../authentication/authenticator.ts'
import { authorize } from '../authorization/authorize.ts'
import type { Circumstances } from '../authorization/conditions.ts'
import type { Policy } from '../authorization/policy.ts'
import type { Rule } from '../authorization/rule.ts'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Credentials } from '../protocol/credentials.ts'
import type { TokenSigner } from '../signing/token-signer.ts'
import { type Claims, claimsOf, type Grant } from './claims.ts'
import type { Proof, TokenRequest } from './token-request.ts'

/** Every backend together, behind the limits of logins. */
export interface Authentication {
  /** @param address the client's IP address */
  authenticate(credentials: Credentials, address: string): Promise<Verdict>
}

/** Where the policy comes from, which may change between two requests. */
export interface PolicySource {
  /** @throws AppError unavailable where not every rule is known: nothing is granted then */
  current(): Policy | Promise<Policy>
}

export interface TokenServiceParts {
  readonly issuer: string
  /** Service name → token lifetime in seconds; any other service is refused. */
  readonly services: ReadonlyMap<string, number>
  readonly authentication: Authentication
  readonly policies: PolicySource
  readonly signer: TokenSigner
  readonly clock: Clock
}

export type TokenOutcome =
  | {
      readonly kind: 'issued'
      readonly token: string
      readonly claims: Claims
      readonly grant: Grant
      readonly rules: readonly Rule[]
      /** In which it was decided. */
      readonly circumstances: Circumstances
    }
  /**
   * 401. `reason` is for the operator's log: a client learns only that its credentials are wrong, and
   * what is to be told to whoever has shown to have the right ones.
   */
  | {
      readonly kind: 'refused'
      readonly reason: string
      readonly backend?: string
      readonly tell?: string
    }

/** Largest token, in bytes: nginx with its default buffers refuses an Authorization header of 8 kB. */
const maximumTokenLength = 7500

type Identity =
  | { readonly kind: 'known'; readonly subject: Subject | null }
  | Extract<TokenOutcome, { kind: 'refused' }>

export class TokenService {
  readonly #parts: TokenServiceParts

  constructor(parts: TokenServiceParts) {
    this.#parts = parts
  }

  /**
   * Whoever asks for more than they may gets a token for less, or for nothing: that is no error
   * (token.md). Wrong credentials are refused also where anonymous would do.
   *
   * @param address the client's IP address
   * @throws AppError invalid_request (unknown service, token too large), too_many_requests (too many
   *   failed logins), unavailable (a backend could not answer, or not every rule is known)
   */
  async issue(request: TokenRequest, address: string): Promise<TokenOutcome> {
    const { issuer, services, policies, signer, clock } = this.#parts
    const lifetime = services.get(request.service)
    if (lifetime === undefined) {
      throw new AppError('invalid_request', 'this server does not issue tokens for that service')
    }
    const identity = await this.#identify(request.proof, address)
    if (identity.kind === 'refused') return identity
    const { subject } = identity
    // Last: what has changed while somebody signed in counts already.
    const looked = policies.current()
    // A wait for what is there costs a fifth of all answers: signatures are no longer begun together.
    const policy = looked instanceof Promise ? await looked : looked
    const circumstances = { service: request.service, address, time: clock() }
    if (subject === null && !policy.anonymousMay(circumstances) && asksNothing(request)) {
      // `docker login` takes any token that opens /v2/ for a success.
      return { kind: 'refused', reason: 'nobody signed in, and anonymous may do nothing' }
    }
    const { access, rules } = authorize(policy, subject, request.scopes, circumstances)
    const grant: Grant = { subject, service: request.service, access }
    const claims = claimsOf(grant, issuer, lifetime, circumstances.time, randomUUID())
    const token = await signer.sign(claims)
    if (token.length > maximumTokenLength) {
      throw new AppError(
        'invalid_request',
        `the token for these scopes would be larger than ${maximumTokenLength} bytes; ask for fewer at once`,
      )
    }
    return { kind: 'issued', token, claims, grant, rules, circumstances }
  }

  async #identify(proof: Proof, address: string): Promise<Identity> {
    switch (proof.kind) {
      case 'none':
        return { kind: 'known', subject: null }
      case 'malformed':
        return { kind: 'refused', reason: 'the credentials do not parse' }
      case 'identity_token':
        return { kind: 'refused', reason: 'identity tokens are not issued here' }
      case 'password': {
        const verdict = await this.#parts.authentication.authenticate(proof.credentials, address)
        switch (verdict.kind) {
          case 'accepted':
            return { kind: 'known', subject: verdict.subject }
          case 'rejected':
            return {
              kind: 'refused',
              reason: verdict.reason,
              backend: verdict.backend,
              ...(verdict.tell !== undefined && { tell: verdict.tell }),
            }
          case 'unknown':
            return { kind: 'refused', reason: 'no backend knows this name' }
        }
      }
    }
  }
}

function asksNothing(request: TokenRequest): boolean {
  return request.scopes.length === 0 && request.malformedScopes.length === 0
}

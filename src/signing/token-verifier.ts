/** Recognises our own tokens: those that a process with this token CA has signed, whichever and whenever. */

import { type KeyObject, X509Certificate } from 'node:crypto'
import { errors, type JWTHeaderParameters, jwtVerify } from 'jose'
import type { Clock } from '../clock.ts'
import { registryLeeway } from './token-signer.ts'

/** What a token must say for us to call it ours. */
export interface ExpectedClaims {
  readonly issuer: string
  readonly services: readonly string[]
}

// RFC 7515 §4.1.6: base64, not base64url. Our leaf takes 560 characters.
const certificatePattern = /^[A-Za-z0-9+/]{1,4096}={0,2}$/

export class TokenVerifier {
  readonly #authority: X509Certificate
  readonly #clock: Clock

  /** @param authority the token CA's certificate */
  constructor(authority: X509Certificate, clock: Clock) {
    this.#authority = authority
    this.#clock = clock
  }

  /**
   * Neither algorithm nor key are the token's choice: it is ES256, by a leaf of our CA.
   *
   * @param token a compact JWS
   * @returns its `jti`; undefined for every other token, and for one that a registry would take no more
   */
  async verify(token: string, { issuer, services }: ExpectedClaims): Promise<string | undefined> {
    const now = this.#clock()
    try {
      const { payload } = await jwtVerify(token, (header) => this.#leafKey(header, now), {
        algorithms: ['ES256'],
        typ: 'JWT',
        issuer,
        audience: [...services],
        requiredClaims: ['exp', 'sub', 'jti'],
        clockTolerance: registryLeeway,
        currentDate: now,
      })
      const { sub, aud, jti } = payload
      // An audience of several services is none that we write.
      const isOurs = typeof sub === 'string' && typeof aud === 'string' && typeof jti === 'string'
      return isOurs ? jti : undefined
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof NotOurLeaf) return undefined
      throw error
    }
  }

  /** `jwk`, `jku`, `x5u` and `kid` are not read: who made the token wrote them (CVE-2018-0114). */
  #leafKey({ x5c }: JWTHeaderParameters, now: Date): KeyObject {
    const [encoded, ...more] = Array.isArray(x5c) ? (x5c as readonly unknown[]) : []
    if (typeof encoded !== 'string' || more.length > 0 || !certificatePattern.test(encoded)) {
      throw new NotOurLeaf()
    }
    const leaf = readCertificate(encoded)
    const isOurs = leaf.checkIssued(this.#authority) && leaf.verify(this.#authority.publicKey)
    // The CA's own key signs certificates and nothing else.
    if (!isOurs || leaf.ca || !isValidAt(leaf, now) || !isValidAt(this.#authority, now)) {
      throw new NotOurLeaf()
    }
    return leaf.publicKey
  }
}

/** The certificate of the token is none that the token CA stands for now. */
class NotOurLeaf extends Error {}

function readCertificate(encoded: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(encoded, 'base64'))
  } catch {
    throw new NotOurLeaf()
  }
}

function isValidAt({ validFrom, validTo }: X509Certificate, now: Date): boolean {
  return new Date(validFrom) <= now && now < new Date(validTo)
}

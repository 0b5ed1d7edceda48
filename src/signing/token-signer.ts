/** Signs tokens: ES256 with the leaf key in service, whose certificate goes into the header. */

import { type SignKeyObjectInput, sign, type X509Certificate } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { Clock } from '../clock.ts'
import { AppError, messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import {
  type CertificateAuthority,
  daysUntil,
  openCertificateAuthority,
  warnDaysBeforeEnd,
} from './certificate-authority.ts'
import { type LeafKey, leafLife, makeLeafKey } from './leaf-key.ts'

/** What issues a token needs of a signer. */
export interface TokenSigner {
  /**
   * @param claims what registries accept (token/claims.ts); `exp` is at most `longestTokenLifetime` away
   * @returns a compact JWS
   * @throws AppError unavailable: no key that registries would trust can be put in service
   */
  sign(claims: { readonly exp: number }): Promise<string>
}

export type SignerStatus =
  | { readonly ok: true; readonly caDaysLeft: number }
  | { readonly ok: false; readonly caDaysLeft: number; readonly detail: string }

export interface OpenTokenSigner extends TokenSigner {
  /** The token CA's own certificate: what tells our tokens from all others. */
  readonly caCertificate: X509Certificate
  /** Not ok: tokens cannot be signed, or the CA ends soon. */
  status(): SignerStatus
  /** Nothing is signed any more. */
  close(): void
}

export interface TokenSignerOptions {
  /** Folder of the token CA; made at the first start. */
  readonly keysFolder: string
  readonly clock: Clock
  readonly log: Log
}

const day = 24 * 60 * 60 * 1000
const minute = 60 * 1000
/** A leaf is replaced at this age, long before its end: renewals may fail for days. */
const renewalAge = day
/** Seconds for which registries take a token after its `exp` (distribution's token.go, Leeway). */
export const registryLeeway = 60
/** Seconds. A leaf about to be replaced must still outlive the token that it signs. */
export const longestTokenLifetime = (leafLife - renewalAge) / 1000 - registryLeeway

/** A leaf with what every token of it begins with. */
interface LeafInService extends LeafKey {
  readonly encodedHeader: string
}

/** @throws AppError misconfigured: the key files cannot be read, made or trusted */
export async function openTokenSigner(options: TokenSignerOptions): Promise<OpenTokenSigner> {
  const { keysFolder: folder, clock, log } = options
  const authority = await openCertificateAuthority({ folder, purpose: 'token', clock, log })
  const signer = new LeafTokenSigner(authority, clock, log)
  await signer.renew()
  return signer
}

class LeafTokenSigner implements OpenTokenSigner {
  readonly caCertificate: X509Certificate
  readonly #authority: CertificateAuthority
  readonly #clock: Clock
  readonly #log: Log
  #leaf: LeafInService | undefined
  #renewal: Promise<void> | undefined
  /** When, in milliseconds since 1970, the next renewal is due. */
  #renewAt = 0
  #fault: string | undefined
  #isClosed = false

  constructor(authority: CertificateAuthority, clock: Clock, log: Log) {
    this.caCertificate = authority.certificate
    this.#authority = authority
    this.#clock = clock
    this.#log = log
  }

  async sign(claims: { readonly exp: number }): Promise<string> {
    if (this.#isClosed) throw new TypeError('the signer is closed')
    const now = this.#clock().getTime()
    if (!(claims.exp * 1000 <= now + longestTokenLifetime * 1000)) {
      throw new TypeError(
        `a token says when it ends, at most ${longestTokenLifetime} seconds ahead`,
      )
    }
    const leaf = this.#leaf
    // A clock that was set back makes the newest leaf one from the future.
    const isDue = now >= this.#renewAt || now < (leaf?.madeAt.getTime() ?? 0)
    const renewal = isDue ? this.renew() : undefined
    if (leaf !== undefined && this.#covers(leaf, now, claims.exp)) {
      renewal?.catch(() => {}) // It logs its fault itself; this token does not need it.
      return await compactJws(leaf, claims)
    }
    try {
      await (renewal ?? this.renew())
    } catch (cause) {
      // The reason names files, and is in the log; this one goes to whoever asked for a token.
      throw new AppError('unavailable', 'tokens cannot be signed at the moment', { cause })
    }
    return await this.sign(claims)
  }

  /** Puts a new leaf in service. Several callers at once share one renewal. */
  renew(): Promise<void> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  status(): SignerStatus {
    const now = this.#clock()
    const { notAfter } = this.#authority
    const caDaysLeft = daysUntil(notAfter, now)
    const detail = this.#fault ?? (now < notAfter ? undefined : 'the token CA has expired')
    if (detail !== undefined) return { ok: false, caDaysLeft, detail }
    if (caDaysLeft >= warnDaysBeforeEnd) return { ok: true, caDaysLeft }
    return { ok: false, caDaysLeft, detail: `the token CA expires in ${caDaysLeft} days` }
  }

  close(): void {
    this.#isClosed = true
    this.#leaf = undefined
  }

  /** Registries check the certificate's dates too, when they see the token: up to `exp` and leeway. */
  #covers(leaf: LeafKey, now: number, exp: number): boolean {
    // No leaf outlives the CA; the tokens of its last minutes end with it.
    const needed = Math.min((exp + registryLeeway) * 1000, this.#authority.notAfter.getTime())
    const notAfter = leaf.notAfter.getTime()
    return leaf.notBefore.getTime() <= now && now < notAfter && needed <= notAfter
  }

  async #renew(): Promise<void> {
    const now = this.#clock()
    try {
      const leaf = await putInService(this.#authority, now)
      this.#leaf = leaf
      this.#renewAt = now.getTime() + renewalAge
      this.#fault = undefined
      const { keyId, notAfter } = leaf
      const fields = { event: 'signing_key', keyId, notAfter: notAfter.toISOString() }
      this.#log.info(fields, 'a new signing key is in service')
      this.#warnOfEnd(now)
    } catch (error) {
      this.#renewAt = now.getTime() + minute
      this.#fault = messageOf(error)
      this.#log.error(
        { event: 'signing_key', reason: this.#fault },
        'no new signing key could be put in service; trying again in a minute',
      )
      throw error
    }
  }

  /** Once with every new leaf: once a day. */
  #warnOfEnd(now: Date): void {
    const { notAfter, certificateFile } = this.#authority
    const caDaysLeft = daysUntil(notAfter, now)
    if (caDaysLeft >= warnDaysBeforeEnd) return
    this.#log.warn(
      { event: 'ca_ends', file: certificateFile, notAfter: notAfter.toISOString(), caDaysLeft },
      'the token CA expires soon, and all tokens with it: replace it as keys/README.md says',
    )
  }
}

/** Makes a leaf and tries it as a registry would, so that no key is used that registries refuse. */
async function putInService(authority: CertificateAuthority, now: Date): Promise<LeafInService> {
  const leaf = await makeLeafKey(authority, now)
  const { certificate, keyId } = leaf
  const header = {
    typ: 'JWT',
    alg: 'ES256',
    // Registry 2 and 3 each expect another kid; x5c is what both accept, and it goes before kid.
    kid: keyId,
    x5c: [certificate.raw.toString('base64')],
  }
  const inService = { ...leaf, encodedHeader: base64url(JSON.stringify(header)) }
  const issuer = authority.certificate
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    throw new AppError(
      'misconfigured',
      `certificates signed with the key of ${authority.certificateFile} do not verify against it, so registries would refuse every token: make a new CA as keys/README.md says`,
    )
  }
  const exp = Math.floor(now.getTime() / 1000) + 60
  const token = await compactJws(inService, { exp })
  await jwtVerify(token, certificate.publicKey, { algorithms: ['ES256'], currentDate: now })
  return inService
}

/**
 * On the thread pool, because it leaves the main thread free: 6 µs of it for a token instead of 23
 * (Node 20, 32 at once; 27 and 24 µs of CPU in all). For the whole server 113 µs instead of 158.
 */
async function compactJws(leaf: LeafInService, claims: object): Promise<string> {
  const input = `${leaf.encodedHeader}.${base64url(JSON.stringify(claims))}`
  // JWS wants r and s side by side (RFC 7518 §3.4); node's default is DER, which registries refuse.
  const key: SignKeyObjectInput = { key: leaf.privateKey, dsaEncoding: 'ieee-p1363' }
  return `${input}.${(await signOnThreadPool(input, key)).toString('base64url')}`
}

function signOnThreadPool(input: string, key: SignKeyObjectInput): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(input), key, (error, signature) =>
      error === null ? resolve(signature) : reject(error),
    )
  })
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

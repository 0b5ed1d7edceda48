/** Signs tokens: ES256 with the leaf key in service, its certificate in the header. */

import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'

/** What issues a token needs of a signer. */
export interface TokenSigner {
  /** @returns the compact JWS of the claims, which must be what a registry accepts (wire form: claims.ts) */
  sign(claims: object): Promise<string>
}

export interface SignerStatus {
  readonly ok: true
  /** Whole days until the token CA expires. */
  readonly caDaysLeft: number
}

export interface SignerFault {
  readonly ok: false
  /** A sentence for the operator. */
  readonly detail: string
}

export interface OpenTokenSigner extends TokenSigner {
  /** Absolute path of the certificate that registries need as `rootcertbundle`. */
  readonly caCertificateFile: string
  status(): SignerStatus | SignerFault
  close(): void
}

export interface TokenSignerOptions {
  /** Folder of the token CA; made at the first start. */
  readonly keysFolder: string
  readonly clock: Clock
  readonly log: Log
}

/** @throws AppError misconfigured: the key files cannot be read, made or trusted */
export async function openTokenSigner(options: TokenSignerOptions): Promise<OpenTokenSigner> {
  throw new AppError('misconfigured', `no signer yet for ${options.keysFolder}`)
}

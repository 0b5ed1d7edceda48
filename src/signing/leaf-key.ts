/** The key that signs tokens: lives in memory only, for a week, with a certificate of the token CA. */

import type { KeyObject, X509Certificate } from 'node:crypto'
import { AppError } from '../errors.ts'
import { leafExtensions, signCertificate } from './certificate.ts'
import { type CertificateAuthority, makeKeyPair } from './certificate-authority.ts'
import { keyIdOf } from './key-id.ts'

export interface LeafKey {
  readonly privateKey: KeyObject
  readonly certificate: X509Certificate
  /** The libtrust id. */
  readonly keyId: string
  readonly madeAt: Date
  readonly notBefore: Date
  readonly notAfter: Date
}

const hour = 60 * 60 * 1000
/** Registries check the dates with their own clocks, which may run behind ours. */
const backdating = hour
/** Milliseconds. Seven times the age at which a leaf is replaced. */
export const leafLife = 7 * 24 * hour

/** @throws AppError unavailable: the CA has expired since it was opened */
export async function makeLeafKey(authority: CertificateAuthority, now: Date): Promise<LeafKey> {
  if (now >= authority.notAfter) {
    throw new AppError(
      'unavailable',
      `the token CA ${authority.certificateFile} expired on ${authority.notAfter.toISOString()}: replace it as keys/README.md says`,
    )
  }
  const { publicKey, privateKey } = await makeKeyPair()
  const notAfter = Math.min(now.getTime() + leafLife, authority.notAfter.getTime())
  const text = {
    subject: 'CN=dockwarden token signing',
    publicKey,
    notBefore: new Date(now.getTime() - backdating),
    notAfter: new Date(notAfter),
    extensions: leafExtensions(),
  }
  const certificate = await signCertificate(text, authority)
  return {
    privateKey,
    certificate,
    keyId: keyIdOf(publicKey),
    madeAt: now,
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  }
}

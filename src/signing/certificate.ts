/** Makes X.509 certificates: the profiles that a private CA needs. Pure but for its random numbers. */

import 'reflect-metadata'

import { type KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** What a certificate says; the subject is an RFC 4514 name. */
export interface CertificateText {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly x509.Extension[]
}

/** Who signs it: a CA's certificate and its P-256 key. */
export interface Issuer {
  readonly certificate: X509Certificate
  readonly privateKey: KeyObject
}

/** A name that a server is reached by. */
export type ServerName = { readonly type: 'dns' | 'ip'; readonly value: string }

/** A CA may sign only end certificates, and its key is used for nothing else (RFC 5280 §4.2.1.3, .9). */
export function authorityExtensions(): readonly x509.Extension[] {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags
  return [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
  ]
}

/** A key that signs and is no CA. */
export function leafExtensions(): readonly x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  ]
}

/** A TLS server of these names. */
export function serverExtensions(names: readonly ServerName[]): readonly x509.Extension[] {
  return [
    ...leafExtensions(),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([...names]),
  ]
}

/** @param issuer without one the certificate is signed by `ownKey`, the key that belongs to it */
export async function signCertificate(
  text: CertificateText,
  issuer: Issuer | { readonly ownKey: KeyObject },
): Promise<X509Certificate> {
  const { subject, notBefore, notAfter, extensions } = text
  const publicKey = text.publicKey.export({ type: 'spki', format: 'der' })
  const parent = 'certificate' in issuer ? parentOf(issuer.certificate) : undefined
  const authorityKeyId = parent
    ? parent.keyId && new x509.AuthorityKeyIdentifierExtension(parent.keyId)
    : await x509.AuthorityKeyIdentifierExtension.create(publicKey, false)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject,
    issuer: parent?.name ?? subject,
    notBefore,
    notAfter,
    publicKey,
    signingKey: await signingKey('ownKey' in issuer ? issuer.ownKey : issuer.privateKey),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(publicKey, false),
      ...(authorityKeyId ? [authorityKeyId] : []),
    ],
  })
  return new X509Certificate(Buffer.from(certificate.rawData))
}

/** Taken over as they stand in the CA's certificate, which another program may have made. */
function parentOf({ raw }: X509Certificate): { name: x509.Name; keyId: string | undefined } {
  const certificate = new x509.X509Certificate(raw)
  const keyId = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
  return { name: certificate.subjectName, keyId }
}

async function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  return await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
}

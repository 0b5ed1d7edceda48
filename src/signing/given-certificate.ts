/** Checks the TLS certificate that somebody gave, so that no fault of it is left for clients to find. */

import type { KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { AppError } from '../errors.ts'

export interface GivenCertificate {
  /** The server's own certificate first, then its issuers. */
  readonly chain: readonly X509Certificate[] | undefined
  readonly key: KeyObject | undefined
  readonly files: { readonly certificate: string; readonly key: string }
}

/**
 * @returns the server's own certificate
 * @throws AppError misconfigured: which file does not fit, why, and what to do
 */
export function checkGivenCertificate(
  { chain, key, files }: GivenCertificate,
  host: string,
  now: Date,
): X509Certificate {
  const [leaf, ...issuers] = chain ?? []
  if (leaf === undefined || key === undefined) {
    const [there, missing] = leaf ? [files.certificate, files.key] : [files.key, files.certificate]
    throw fault(
      missing,
      `not there, but ${there} is: put it beside it, or remove both to have them made`,
    )
  }
  const reason =
    keyFault(leaf, issuers, key, files.key) ??
    dateFault(leaf, now) ??
    hostFault(leaf, host) ??
    orderFault(leaf, issuers)
  if (reason !== undefined) throw fault(files.certificate, reason)
  return leaf
}

/** As clients in Go do (docker, containerd, podman): never by the common name, `*` is one whole label. */
export function namesHost(leaf: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return leaf.checkIP(host) !== undefined
  return leaf.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined
}

export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function keyFault(
  leaf: X509Certificate,
  issuers: readonly X509Certificate[],
  key: KeyObject,
  keyFile: string,
): string | undefined {
  if (leaf.checkPrivateKey(key)) return undefined
  return issuers.some((issuer) => issuer.checkPrivateKey(key))
    ? "wrong order: the server's own certificate must come first, its issuers behind it"
    : `it does not belong to the key ${keyFile}: take both from the same place`
}

function dateFault(leaf: X509Certificate, now: Date): string | undefined {
  if (now < new Date(leaf.validFrom)) {
    return `valid from ${leaf.validFrom} on: is this machine's clock right?`
  }
  if (now < new Date(leaf.validTo)) return undefined
  return `expired on ${leaf.validTo}: put a renewed one in its place`
}

function hostFault(leaf: X509Certificate, host: string): string | undefined {
  if (namesHost(leaf, host)) return undefined
  const found = leaf.subjectAltName ?? 'nothing (clients do not look at the common name)'
  return `it does not name the host ${host}; it names ${found}`
}

function orderFault(
  leaf: X509Certificate,
  issuers: readonly X509Certificate[],
): string | undefined {
  const chain = [leaf, ...issuers]
  const wrong = issuers.findIndex((issuer, index) => !isIssuedBy(chain[index] ?? leaf, issuer))
  const [below, found] = [chain[wrong], issuers[wrong]]
  if (below === undefined || found === undefined) return undefined
  return `wrong order: behind "${oneLine(below.subject)}" must come its issuer, "${oneLine(below.issuer)}", not "${oneLine(found.subject)}"`
}

/** Node writes the parts of a name on lines of their own. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}

function fault(file: string, reason: string): AppError {
  return new AppError('misconfigured', `${file}: ${reason}`)
}

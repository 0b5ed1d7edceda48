/**
 * The proxy's TLS certificate: made below a private TLS CA where nobody gave one, checked where
 * somebody did.
 */

import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type ServerName, serverExtensions, signCertificate } from './certificate.ts'
import {
  type CertificateAuthority,
  daysUntil,
  makeKeyPair,
  openCertificateAuthority,
} from './certificate-authority.ts'
import {
  createFile,
  groupReadableMode,
  makeFolder,
  privateMode,
  publicMode,
  readCertificates,
  readPrivateKey,
  replaceFile,
} from './key-files.ts'

export interface TlsCertificateOptions {
  /**
   * Holds `tls.crt` (leaf first, then its chain) and `tls.key`; and, where we make them, the TLS
   * CA's `ca.crt` for the clients and its `ca.key`.
   */
  readonly folder: string
  /** What clients reach the proxy by: a DNS name or an IP address, without a port. */
  readonly host: string
  readonly clock: Clock
  readonly log: Log
  /**
   * `tls.key` is 0600 and belongs to whoever runs this. True makes it 0640, for a proxy that runs as
   * another user of the same group.
   */
  readonly groupReadableKey?: boolean
}

export interface TlsCertificate {
  readonly certificateFile: string
  readonly keyFile: string
  readonly notAfter: Date
  /** `given`: somebody else's, and left as it is. */
  readonly origin: 'made' | 'kept' | 'given'
}

const day = 24 * 60 * 60 * 1000
/** Clients of Apple's refuse server certificates of more than 398 days. */
const lifeDays = 397
const renewDaysBeforeEnd = 30

/**
 * A certificate of ours is made anew when it has under 30 days left or the host has changed, always
 * for the same key: replacing one file is atomic, two are not. One that we did not make is only
 * checked. Every certificate of ours also names localhost, for health checks beside the proxy.
 *
 * @throws AppError misconfigured: a file that does not fit, with its name and what to do
 */
export async function ensureTlsCertificate(
  options: TlsCertificateOptions,
): Promise<TlsCertificate> {
  const host = checkedHost(options.host)
  const folder = resolve(options.folder)
  const files = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  const mode = options.groupReadableKey === true ? groupReadableMode : privateMode
  const { clock, log } = options

  const chain = await readCertificates(files.certificate)
  const key = await readPrivateKey(files.key, mode)
  const isAuthorityHere = (await readPrivateKey(join(folder, 'ca.key'))) !== undefined
  const [leaf] = chain ?? []
  if (!isAuthorityHere && (leaf !== undefined || key !== undefined)) {
    return given(chain, key, files, { host, clock, log })
  }

  await makeFolder(folder, 0o755) // The proxy may run as another user; the keys have modes of their own.
  const authority = await openCertificateAuthority({ folder, purpose: 'tls', clock, log })
  if (leaf !== undefined && !isIssuedBy(leaf, authority.certificate)) {
    return given(chain, key, files, { host, clock, log })
  }
  const now = clock()
  if (leaf !== undefined && key !== undefined && isGood(leaf, key, host, now)) {
    return tlsCertificate(files, leaf, 'kept')
  }
  const ownKey = key ?? (await makeKey(files.key, mode))
  const made = await issue(authority, ownKey, host, now)
  await replaceFile(files.certificate, `${made}${authority.certificate}`, publicMode)
  log.info(
    { event: 'tls_certificate_made', file: files.certificate, host, notAfter: made.validTo },
    `made a TLS certificate for ${host}; clients trust it by ${authority.certificateFile}`,
  )
  return tlsCertificate(files, made, 'made')
}

interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

function tlsCertificate(
  files: TlsFiles,
  leaf: X509Certificate,
  origin: TlsCertificate['origin'],
): TlsCertificate {
  const notAfter = new Date(leaf.validTo)
  return { certificateFile: files.certificate, keyFile: files.key, notAfter, origin }
}

/** @throws AppError misconfigured: a port, a scheme, a wildcard or anything else that is no host */
function checkedHost(host: string): string {
  const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
  const lowerCase = host.toLowerCase()
  const isName =
    new RegExp(`^${label}(\\.${label})*$`).test(lowerCase) &&
    lowerCase.length <= 253 &&
    // A last label of digits alone is a mistyped IPv4 address (WHATWG URL, "ends in a number").
    !/(^|\.)\d+$/.test(lowerCase)
  if (isIP(host) !== 0 || isName) return lowerCase
  throw new AppError(
    'misconfigured',
    `"${host}" is no host that a certificate can name: write a DNS name or an IP address, without scheme, port or wildcard (international names in their xn-- form)`,
  )
}

async function makeKey(file: string, mode: number): Promise<KeyObject> {
  const { privateKey } = await makeKeyPair()
  const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  if (await createFile(file, pem, mode)) return privateKey
  const other = await readPrivateKey(file, mode)
  if (other !== undefined) return other
  throw new AppError('misconfigured', `${file} comes and goes: is another program writing it?`)
}

async function issue(
  authority: CertificateAuthority,
  key: KeyObject,
  host: string,
  now: Date,
): Promise<X509Certificate> {
  const notAfter = Math.min(now.getTime() + lifeDays * day, authority.notAfter.getTime())
  const names = [host, 'localhost', '127.0.0.1', '::1'].map(
    (value): ServerName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }),
  )
  return await signCertificate(
    {
      // Clients look at the names only; a common name holds 64 characters, a host name up to 253.
      subject: 'CN=Dockwarden registry proxy',
      publicKey: createPublicKey(key),
      notBefore: new Date(now.getTime() - day),
      notAfter: new Date(notAfter),
      extensions: serverExtensions(names),
    },
    authority,
  )
}

function isGood(leaf: X509Certificate, key: KeyObject, host: string, now: Date): boolean {
  return (
    leaf.checkPrivateKey(key) &&
    names(leaf, host) &&
    now >= new Date(leaf.validFrom) &&
    daysUntil(new Date(leaf.validTo), now) >= renewDaysBeforeEnd
  )
}

/** As clients in Go do (docker, containerd, podman): never by the common name, `*` is one whole label. */
function names(leaf: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return leaf.checkIP(host) !== undefined
  return leaf.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** Somebody's own certificate: nothing is changed, but no fault of it is left for the clients to find. */
function given(
  chain: readonly X509Certificate[] | undefined,
  key: KeyObject | undefined,
  files: TlsFiles,
  { host, clock, log }: { readonly host: string; readonly clock: Clock; readonly log: Log },
): TlsCertificate {
  const refuse = (file: string, fault: string): never => {
    throw new AppError('misconfigured', `${file}: ${fault}`)
  }
  const [leaf, ...issuers] = chain ?? []
  if (leaf === undefined || key === undefined) {
    const [there, missing] = leaf ? [files.certificate, files.key] : [files.key, files.certificate]
    return refuse(
      missing,
      `not there, but ${there} is: put it beside it, or remove both to have them made`,
    )
  }
  if (!leaf.checkPrivateKey(key)) {
    return issuers.some((issuer) => issuer.checkPrivateKey(key))
      ? refuse(
          files.certificate,
          "the server's own certificate must come first, its issuer after it",
        )
      : refuse(
          files.certificate,
          `it does not belong to the key ${files.key}: take both from the same place`,
        )
  }
  const now = clock()
  if (now < new Date(leaf.validFrom)) {
    refuse(files.certificate, `valid from ${leaf.validFrom} on: is this machine's clock right?`)
  }
  if (now >= new Date(leaf.validTo)) {
    refuse(files.certificate, `expired on ${leaf.validTo}: put a renewed one in its place`)
  }
  if (!names(leaf, host)) {
    const found = leaf.subjectAltName ?? 'no name at all (the common name alone does not count)'
    refuse(files.certificate, `it does not name the host ${host}, but: ${found}`)
  }
  let below = leaf
  for (const issuer of issuers) {
    if (!isIssuedBy(below, issuer)) {
      refuse(
        files.certificate,
        `wrong order: behind "${oneLine(below.subject)}" must come its issuer, "${oneLine(below.issuer)}", not "${oneLine(issuer.subject)}"`,
      )
    }
    below = issuer
  }
  const daysLeft = daysUntil(new Date(leaf.validTo), now)
  if (daysLeft < renewDaysBeforeEnd) {
    const fields = { event: 'tls_certificate_ends', file: files.certificate, daysLeft }
    log.warn(fields, 'the TLS certificate expires soon: put a renewed one in its place')
  }
  return tlsCertificate(files, leaf, 'given')
}

/** Node writes the parts of a name on lines of their own. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}

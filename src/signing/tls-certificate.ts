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
  authoritySubjects,
  type CertificateAuthority,
  daysUntil,
  makeKeyPair,
  openCertificateAuthority,
} from './certificate-authority.ts'
import { checkGivenCertificate, isIssuedBy, namesHost } from './given-certificate.ts'
import {
  createFile,
  groupReadableMode,
  makeFolder,
  privateMode,
  publicMode,
  readCertificates,
  readPrivateKey,
  replaceFile,
  setMode,
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
  const hasAuthority = (await readPrivateKey(join(folder, 'ca.key'))) !== undefined
  const [leaf] = chain ?? []
  const isOurs = hasAuthority && (leaf?.issuer ?? authoritySubjects.tls) === authoritySubjects.tls
  if (!isOurs && (leaf !== undefined || key !== undefined)) {
    const given = checkGivenCertificate({ chain, key, files }, host, clock())
    warnOfEnd(given, files.certificate, clock(), log)
    return tlsCertificate(files, given, 'given')
  }

  await makeFolder(folder, 0o755) // The proxy may run as another user; the keys have modes of their own.
  const authority = await openCertificateAuthority({ folder, purpose: 'tls', clock, log })
  if (key !== undefined) await setMode(files.key, mode)
  if (leaf !== undefined && key !== undefined && isGood(leaf, key, authority, host, clock())) {
    return tlsCertificate(files, leaf, 'kept')
  }
  const made = await issue(authority, key ?? (await makeKey(files.key, mode)), host, clock())
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
  const names = [...new Set([host, 'localhost', '127.0.0.1', '::1'])].map(
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

function isGood(
  leaf: X509Certificate,
  key: KeyObject,
  authority: CertificateAuthority,
  host: string,
  now: Date,
): boolean {
  return (
    leaf.checkPrivateKey(key) &&
    isIssuedBy(leaf, authority.certificate) &&
    namesHost(leaf, host) &&
    now >= new Date(leaf.validFrom) &&
    daysUntil(new Date(leaf.validTo), now) >= renewDaysBeforeEnd
  )
}

function warnOfEnd(leaf: X509Certificate, file: string, now: Date, log: Log): void {
  const daysLeft = daysUntil(new Date(leaf.validTo), now)
  if (daysLeft >= renewDaysBeforeEnd) return
  const fields = { event: 'tls_certificate_ends', file, daysLeft }
  log.warn(fields, 'the TLS certificate expires soon: put a renewed one in its place')
}

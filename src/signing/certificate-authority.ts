/** A private certificate authority in a folder: `ca.key` and `ca.crt`, made where there is none. */

import { generateKeyPair, type KeyObject, type X509Certificate } from 'node:crypto'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { authorityExtensions, type Issuer, signCertificate } from './certificate.ts'
import {
  createFile,
  makeFolder,
  privateMode,
  publicMode,
  readCertificates,
  readPrivateKey,
  replaceFile,
} from './key-files.ts'

/**
 * A registry accepts a token of any certificate below its `rootcertbundle`, whatever the certificate
 * is for: one CA for both would let the TLS server's key sign tokens.
 */
export const authoritySubjects = {
  token: 'CN=Dockwarden token CA',
  tls: 'CN=Dockwarden TLS CA',
} as const

export interface CertificateAuthority extends Issuer {
  /** Absolute path of `ca.crt`. */
  readonly certificateFile: string
  readonly notAfter: Date
}

export interface CertificateAuthorityOptions {
  readonly folder: string
  readonly purpose: keyof typeof authoritySubjects
  readonly clock: Clock
  readonly log: Log
}

const day = 24 * 60 * 60 * 1000
const lifeYears = 10
/** From how many days before its end a CA is warned of. */
export const warnDaysBeforeEnd = 90

const generateKey = promisify(generateKeyPair)

/** A P-256 key pair, made on the thread pool. */
export async function makeKeyPair(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return await generateKey('ec', { namedCurve: 'P-256' })
}

/**
 * Opens the CA of the folder, or makes it where neither of its files is there. What is there is never
 * made anew by itself: registries and clients hold its certificate.
 *
 * @throws AppError misconfigured: one file without the other, files that do not belong together, not
 *   a CA, expired, readable by others, a folder that cannot be written
 */
export async function openCertificateAuthority(
  options: CertificateAuthorityOptions,
): Promise<CertificateAuthority> {
  const folder = resolve(options.folder)
  const files = { key: join(folder, 'ca.key'), certificate: join(folder, 'ca.crt') }
  // A key alone may be that of another process at its first start, between its two files.
  for (let attempts = 0; attempts < 40; attempts += 1) {
    // The certificate is written last, so it is looked for first: once it is there, so is the key.
    const certificates = await readCertificates(files.certificate)
    const privateKey = await readPrivateKey(files.key)
    if (certificates !== undefined && privateKey !== undefined) {
      const certificate = ownCertificate(certificates, privateKey, files)
      checkUse(certificate, files.certificate, options)
      const notAfter = new Date(certificate.validTo)
      return { certificateFile: files.certificate, certificate, privateKey, notAfter }
    }
    if (certificates !== undefined) {
      throw new AppError(
        'misconfigured',
        `${files.certificate} is there, but not its key ${files.key}: restore the key from its backup; if it is lost, remove ${files.certificate} too, start again for a new CA, and give the new ca.crt to whoever held the old one`,
      )
    }
    if (privateKey !== undefined) await sleep(50)
    else await make(folder, files, options)
  }
  throw new AppError(
    'misconfigured',
    `${files.key} is there, but not its certificate ${files.certificate}: copy it back from a registry's rootcertbundle or from the backup; if nobody holds it yet, remove ${files.key} too and start again for a new CA`,
  )
}

/** Puts a copy of `ca.crt` where others may read it who must not see the folder of `ca.key`. */
export async function publishCertificate(
  authority: CertificateAuthority,
  file: string,
): Promise<void> {
  const certificates = (await readCertificates(authority.certificateFile)) ?? []
  await replaceFile(file, certificates.join(''), publicMode)
}

/** Whole days until the date, rounded down; negative after it. */
export function daysUntil(date: Date, now: Date): number {
  return Math.floor((date.getTime() - now.getTime()) / day)
}

async function make(
  folder: string,
  files: { readonly key: string; readonly certificate: string },
  { purpose, clock, log }: CertificateAuthorityOptions,
): Promise<void> {
  await makeFolder(folder, 0o700)
  const { publicKey, privateKey } = await makeKeyPair()
  const now = clock()
  const notAfter = new Date(now)
  notAfter.setUTCFullYear(now.getUTCFullYear() + lifeYears)
  const text = {
    subject: authoritySubjects[purpose],
    publicKey,
    // The clocks of the machines that check it are not ours.
    notBefore: new Date(now.getTime() - day),
    notAfter,
    extensions: authorityExtensions(),
  }
  const certificate = await signCertificate(text, { ownKey: privateKey })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  // Whoever's key is in place first makes the CA; the others take theirs back and read it.
  if (!(await createFile(files.key, String(pem), privateMode))) return
  await createFile(files.certificate, certificate.toString(), publicMode)
  log.info(
    { event: 'ca_made', file: files.certificate, notAfter: notAfter.toISOString() },
    `made a new certificate authority in ${folder}; back it up`,
  )
}

/** `ca.crt` may hold the next CA's certificate too, while registries learn it (keys/README.md). */
function ownCertificate(
  certificates: readonly X509Certificate[],
  key: KeyObject,
  files: { readonly key: string; readonly certificate: string },
): X509Certificate {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new AppError('misconfigured', `${files.key} is not a P-256 (prime256v1) key`)
  }
  const own = certificates.find((certificate) => certificate.checkPrivateKey(key))
  if (own === undefined) {
    throw new AppError(
      'misconfigured',
      `${files.key} does not belong to a certificate in ${files.certificate}: restore both from the same backup`,
    )
  }
  return own
}

function checkUse(
  certificate: X509Certificate,
  file: string,
  { purpose, clock }: CertificateAuthorityOptions,
): void {
  const now = clock()
  const refuse = (fault: string) => {
    throw new AppError('misconfigured', `${file}: ${fault}`)
  }
  if (!certificate.ca) {
    refuse('the certificate is not that of a CA (basicConstraints CA:TRUE, keyUsage keyCertSign)')
  }
  if (certificate.subject === authoritySubjects[purpose === 'token' ? 'tls' : 'token']) {
    refuse(`this is the other CA, "${certificate.subject}": tokens and TLS need one folder each`)
  }
  if (now < new Date(certificate.validFrom)) {
    refuse(`the CA is valid from ${certificate.validFrom} on: is this machine's clock right?`)
  }
  if (now >= new Date(certificate.validTo)) {
    refuse(`the CA expired on ${certificate.validTo}: replace it as keys/README.md says`)
  }
}

/** A TLS certificate for tests, from a certificate authority that nobody else trusts. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requirePart } from './parts.ts'
import { run } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Certificate {
  /** PEM file of the authority: what a client has to trust. */
  readonly authority: string
  /** PEM file of the server's certificate. */
  readonly certificate: string
  /** PEM file of its private key. */
  readonly key: string
}

/** What a client must refuse a certificate for. The authority is that of the files in either case. */
export type CertificateFault = 'wrong name' | 'expired'

/**
 * A certificate for `localhost`, 127.0.0.1, ::1 and the given DNS names, valid for so many days. With the fault
 * `wrong name` it is for the given names alone; with `expired` it ended yesterday.
 */
export async function makeCertificate(
  names: readonly string[] = [],
  fault?: CertificateFault,
  days = 2,
): Promise<Certificate> {
  const folder = temporaryFolder('tls')
  const file = (name: string): string => join(folder, name)
  const files = {
    authority: file('ca.crt'),
    certificate: file('server.crt'),
    key: file('server.key'),
  }
  const own = fault === 'wrong name' ? [] : ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1']
  const alternatives = [...own, ...names.map((name) => `DNS:${name}`)].join(',')
  writeFileSync(
    file('server.ext'),
    `subjectAltName=${alternatives}\nbasicConstraints=critical,CA:FALSE\n`,
  )
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, output } = await run(requirePart('openssl'), args)
    if (code !== 0) throw new Error(`openssl ${args[0]} failed:\n${output}`)
  }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authorityKey = file('ca.key')
  await openssl(
    ...['req', '-x509', ...newKey, '-keyout', authorityKey, '-out', files.authority],
    ...['-days', `${days}`, '-subj', '/CN=Test CA'],
  )
  await openssl(
    ...['req', ...newKey, '-keyout', files.key, '-out', file('server.csr')],
    ...['-subj', '/CN=Test server'],
  )
  await openssl(
    ...['x509', '-req', '-in', file('server.csr'), '-out', files.certificate],
    ...['-CA', files.authority, '-CAkey', authorityKey, '-CAcreateserial'],
    ...['-days', fault === 'expired' ? '-1' : `${days}`, '-extfile', file('server.ext')],
  )
  return files
}

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

/** A certificate for `localhost`, 127.0.0.1 and the given DNS names, valid for two days. */
export async function makeCertificate(names: readonly string[] = []): Promise<Certificate> {
  const folder = temporaryFolder('tls')
  const file = (name: string): string => join(folder, name)
  const files = {
    authority: file('ca.crt'),
    certificate: file('server.crt'),
    key: file('server.key'),
  }
  const alternatives = ['localhost', ...names].map((name) => `DNS:${name}`).join(',')
  writeFileSync(
    file('server.ext'),
    `subjectAltName=${alternatives},IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n`,
  )
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, output } = await run(requirePart('openssl'), args)
    if (code !== 0) throw new Error(`openssl ${args[0]} failed:\n${output}`)
  }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authorityKey = file('ca.key')
  await openssl(
    ...['req', '-x509', ...newKey, '-keyout', authorityKey, '-out', files.authority],
    ...['-days', '2', '-subj', '/CN=Test CA'],
  )
  await openssl(
    ...['req', ...newKey, '-keyout', files.key, '-out', file('server.csr')],
    ...['-subj', '/CN=localhost'],
  )
  await openssl(
    ...['x509', '-req', '-in', file('server.csr'), '-out', files.certificate],
    ...['-CA', files.authority, '-CAkey', authorityKey, '-CAcreateserial'],
    ...['-days', '2', '-extfile', file('server.ext')],
  )
  return files
}

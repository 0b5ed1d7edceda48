/** What a directory's TLS is checked with: made once, and again when one of its files changes. */

import { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { messageOf } from '../../errors.ts'
import { readPlainFile } from '../../plain-file.ts'
import { DirectoryFailure } from './directory-session.ts'
import { diagnosticText } from './ldap-message.ts'
import type { LdapTls } from './settings.ts'
import { unreadableFile } from './unreadable-file.ts'

/**
 * Making a context costs more than the handshake that uses it, so it is kept for as long as the files are
 * the same; looking at them costs next to nothing.
 */
export class TlsContext {
  readonly #tls: LdapTls
  #current: { readonly fingerprint: string; readonly context: SecureContext } | undefined

  constructor(tls: LdapTls) {
    this.#tls = tls
  }

  /**
   * Files that went wrong change nothing: what they held before stays in use. Whoever reloads the
   * configuration checks them anew, and says so.
   *
   * @returns undefined where TLS is not wanted
   * @throws DirectoryFailure configuration: a file that cannot be read, or does not hold what it should
   */
  async get(): Promise<SecureContext | undefined> {
    if (this.#tls.mode === 'none') return undefined
    try {
      return await this.#read()
    } catch (error) {
      if (this.#current === undefined) throw error
      return this.#current.context
    }
  }

  async #read(): Promise<SecureContext> {
    const { caFile, clientCertificate, minVersion } = this.#tls
    const { certFile, keyFile } = clientCertificate ?? {}
    const files: readonly NamedFile[] = [
      { key: 'tls.ca_file', file: caFile },
      { key: 'tls.client_cert', file: certFile },
      { key: 'tls.client_key', file: keyFile },
    ]
    const fingerprint = await Promise.all(files.map(fingerprintOf))
    if (this.#current?.fingerprint !== fingerprint.join()) {
      const [ca, cert, key] = await Promise.all(files.map(contentOf))
      if (ca !== undefined) checkAuthorities(caFile, ca)
      const context = makeContext({
        minVersion,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined || key === undefined ? {} : { cert, key }),
      })
      this.#current = { fingerprint: fingerprint.join(), context }
    }
    return this.#current.context
  }
}

/** A file, and the key of the configuration that names it. */
interface NamedFile {
  readonly key: string
  readonly file: string | undefined
}

async function fingerprintOf({ key, file }: NamedFile): Promise<string> {
  if (file === undefined) return ''
  const { dev, ino, size, mtimeNs, ctimeNs } = await read(key, file, stat(file, { bigint: true }))
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}

async function contentOf({ key, file }: NamedFile): Promise<string | undefined> {
  return file === undefined ? undefined : (await read(key, file, readPlainFile(file))).toString()
}

async function read<Result>(key: string, file: string, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading
  } catch (error) {
    throw new DirectoryFailure('configuration', unreadableFile(file, error), {
      cause: error,
      keys: [key],
    })
  }
}

/** OpenSSL skips what is no certificate, and would then say that nobody's is signed by a CA we know. */
function checkAuthorities(file: string | undefined, pem: string): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    for (const block of blocks) new X509Certificate(block)
    if (blocks.length > 0) return
  } catch {
    // Told below.
  }
  throw new DirectoryFailure(
    'configuration',
    `${file} does not hold the certificates of CAs in PEM form`,
    { keys: ['tls.ca_file'] },
  )
}

function makeContext(options: Parameters<typeof createSecureContext>[0]): SecureContext {
  try {
    return createSecureContext(options)
  } catch (error) {
    // OpenSSL's words name the fault, "key values mismatch", and quote nothing of a key.
    throw new DirectoryFailure(
      'configuration',
      `the client certificate and its key cannot be used: ${diagnosticText(messageOf(error))}`,
      { cause: error, keys: ['tls.client_cert'] },
    )
  }
}

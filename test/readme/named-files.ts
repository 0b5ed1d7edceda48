/** The files that an `ldap` entry of a document names, so that it loads as it stands. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeCertificate } from '../support/certificate.ts'

/** Writes certificates, keys and passwords of our own under the names that the text gives them. */
export async function writeNamedFiles(folder: string, text: string): Promise<void> {
  const { authority, certificate, key } = await makeCertificate()
  const kinds = { 'ca.crt': authority, '.crt': certificate, '.key': key, password: authority }
  for (const [name] of text.matchAll(/[\w/-]+(?:\.crt|\.key|-password)\b/g)) {
    const [, source = ''] = Object.entries(kinds).find(([end]) => name.endsWith(end)) ?? []
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), readFileSync(source), { mode: 0o600 })
  }
}

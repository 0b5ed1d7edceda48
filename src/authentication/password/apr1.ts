/**
 * Apache's MD5 hash, `$apr1$`: what plain `htpasswd` writes; after apr_md5.c of the Apache Portable
 * Runtime. The package for it on npm, apache-md5 1.1.8, computes another hash for non-ASCII passwords.
 */

import { createHash } from 'node:crypto'
import { encodeCryptBase64 } from './crypt-base64.ts'

const magic = '$apr1$'
const order = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11]

/** @param setting `$apr1$SALT$…`; what follows the salt is ignored */
export function apr1(text: string, setting: string): string {
  const salt = setting.split('$')[2] ?? ''
  const password = Buffer.from(text)
  const inner = md5(password, salt, password)
  const start: (Buffer | string)[] = [password, magic, salt]
  for (let left = password.length; left > 0; left -= 16) start.push(inner.subarray(0, left))
  for (let bits = password.length; bits > 0; bits >>= 1) {
    start.push((bits & 1) === 1 ? '\0' : password.subarray(0, 1))
  }
  let digest = md5(...start)
  for (let round = 0; round < 1000; round += 1) {
    const isOdd = round % 2 === 1
    digest = md5(
      isOdd ? password : digest,
      round % 3 === 0 ? '' : salt,
      round % 7 === 0 ? '' : password,
      isOdd ? digest : password,
    )
  }
  return `${magic}${salt}$${encodeCryptBase64(digest, order)}`
}

function md5(...parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The libtrust key id: how registry 2 and a JWKS file name a public key. */

import { createHash, type KeyObject } from 'node:crypto'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** Of the SHA-256 sum, 240 bits are used: a whole number of base32 digits. */
const usedBytes = 30

/**
 * @returns 48 base32 digits (RFC 4648) in 12 groups, from the SHA-256 sum of the key's
 *   SubjectPublicKeyInfo (distribution's docs/content/spec/auth/jwt.md, "kid")
 */
export function keyIdOf(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const sum = createHash('sha256').update(spki).digest().subarray(0, usedBytes)
  const bits = Array.from(sum, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const digits = bits.replace(/.{5}/g, (five) => alphabet.charAt(Number.parseInt(five, 2)))
  return digits.replace(/.{4}(?=.)/g, '$&:')
}

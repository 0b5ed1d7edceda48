/** Short keys of one length for what is counted, however long it is, and keys that tell nothing of a secret. */

import { createHmac, hash, randomBytes } from 'node:crypto'

const bytes = 16

/** The same in every process, so that it can be stored. Not for secrets: they could be guessed from it. */
export function digest(...parts: readonly string[]): string {
  return hash('sha256', joined(parts), 'buffer').toString('base64url', 0, bytes)
}

/** @returns a digest under a random key of this process: a dump of the memory holds nothing to test guesses against */
export function secretDigest(): typeof digest {
  const key = randomBytes(32)
  return (...parts) =>
    // UTF-16 keeps apart what UTF-8 would replace by the same character.
    createHmac('sha256', key)
      .update(joined(parts), 'utf16le')
      .digest()
      .toString('base64url', 0, bytes)
}

/** The length in front keeps ("ab", "c") and ("a", "bc") apart. */
function joined(parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join('')
}

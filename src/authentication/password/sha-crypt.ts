/**
 * SHA-crypt, `$5$` and `$6$`, after Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512" 0.6.
 * The package for it on npm, unixcrypt 3.0.4, computes another hash for passwords of 32, 64, 96, … bytes.
 */

import { createHash } from 'node:crypto'
import { encodeCryptBase64 } from './crypt-base64.ts'

interface Variant {
  readonly algorithm: 'sha256' | 'sha512'
  readonly order: readonly number[]
}

const variants: Readonly<Record<'$5$' | '$6$', Variant>> = {
  $5$: {
    algorithm: 'sha256',
    // biome-ignore format: four output characters a column
    order: [
      20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15,
      26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30, 31,
    ],
  },
  $6$: {
    algorithm: 'sha512',
    // biome-ignore format: four output characters a column
    order: [
      42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47,
      48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10, 52, 31, 32, 11, 53,
      54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59,
      60, 39, 18, 19, 61, 40, 41, 20, 62, 63,
    ],
  },
}
const settingPattern = /^(\$[56]\$)(?:rounds=(\d+)\$)?([^$]{0,16})/

/** @param setting `$5$SALT$…` or `$6$rounds=N$SALT$…`; what follows the salt is ignored */
export function shaCrypt(text: string, setting: string): string {
  const [start, prefix, rounds = '5000', salt = ''] = settingPattern.exec(setting) ?? []
  if (prefix !== '$5$' && prefix !== '$6$') throw new TypeError('not a SHA-crypt setting')
  const { algorithm, order } = variants[prefix]
  const password = Buffer.from(text)

  const inner = digestOf(algorithm, [password, salt, password])
  const parts: (Buffer | string)[] = [password, salt, repeat(inner, password.length)]
  for (let bits = password.length; bits > 0; bits >>= 1) {
    parts.push((bits & 1) === 1 ? inner : password)
  }
  const first = digestOf(algorithm, parts)
  const p = repeat(
    digestOf(algorithm, Array<Buffer>(password.length).fill(password)),
    password.length,
  )
  const s = repeat(digestOf(algorithm, Array<string>(16 + (first[0] ?? 0)).fill(salt)), salt.length)
  const last = applyRounds(algorithm, first, p, s, Number(rounds))
  return `${start}$${encodeCryptBase64(last, order)}`
}

/** The work of `rounds` more rounds for a password of this length, and nothing else. */
export function stretch(prefix: '$5$' | '$6$', text: string, rounds: number): void {
  const { algorithm } = variants[prefix]
  const p = Buffer.alloc(Buffer.byteLength(text))
  applyRounds(algorithm, digestOf(algorithm, []), p, Buffer.alloc(16), rounds)
}

function applyRounds(
  algorithm: Variant['algorithm'],
  start: Buffer,
  p: Buffer,
  s: Buffer,
  rounds: number,
): Buffer {
  let digest = start
  for (let round = 0; round < rounds; round += 1) {
    const hash = createHash(algorithm)
    const isOdd = round % 2 === 1
    hash.update(isOdd ? p : digest)
    if (round % 3 !== 0) hash.update(s)
    if (round % 7 !== 0) hash.update(p)
    digest = hash.update(isOdd ? digest : p).digest()
  }
  return digest
}

function digestOf(algorithm: string, parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The digest over and over, `length` bytes of it. */
function repeat(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest)
}

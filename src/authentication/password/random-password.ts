/** A password that nobody has to think of. */

import { randomInt } from 'node:crypto'
import { Password } from '../../protocol/credentials.ts'

// Without the characters that are mistaken for one another: 0 and o, 1, l and i.
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
/** 26 of 31 characters: 128.8 random bits. */
const length = 26

/** One word without punctuation, which a double click selects whole. */
export function randomPassword(): Password {
  const character = () => alphabet.charAt(randomInt(alphabet.length))
  return new Password(Array.from({ length }, character).join(''))
}

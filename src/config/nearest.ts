/** The advice that a mistyped word gets. */

import { closestMatch } from 'leven'

/** @returns what to do about the word: the one that was probably meant, or all that there are */
export function nearest(word: string, known: readonly string[]): string {
  const match = closest(word, known)
  return match === undefined ? `known are: ${known.join(', ')}` : `did you mean "${match}"?`
}

/** @returns the word that was probably meant; undefined where there is none like it */
export function closest(word: string, known: readonly string[]): string | undefined {
  // A third of the letters may be wrong; beyond that a guess misleads.
  const maxDistance = Math.floor(Math.min(word.length, 30) / 3) + 1
  // Of a "*" every single letter is one change away, and so is nothing at all.
  const words = known.filter((each) => /\w/.test(each))
  return closestMatch(word.toLowerCase(), words, { maxDistance })
}

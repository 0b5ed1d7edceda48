/** The advice that a mistyped word gets. */

import { closestMatch } from 'leven'

/** @returns what to do about the word: the one that was probably meant, or all that there are */
export function nearest(word: string, known: readonly string[]): string {
  // A third of the letters may be wrong; beyond that a guess misleads.
  const maxDistance = Math.floor(Math.min(word.length, 30) / 3) + 1
  const match = closestMatch(word.toLowerCase(), known, { maxDistance })
  return match === undefined ? `known are: ${known.join(', ')}` : `did you mean "${match}"?`
}

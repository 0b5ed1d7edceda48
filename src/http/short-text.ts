/** Text that somebody else chose, made fit for a line of the log. */

import { oneLine } from '../printable.ts'

/** Room for one list of a line, in bytes as JSON writes them: there are four, and a line stays under 8 kB. */
export const maximumListSize = 1500
const maximumTextSize = 300
/** Bytes that JSON in UTF-8 makes of one UTF-16 unit at most, once it is printable. */
const longestUnit = 3

/** One line, printable also behind JSON's escapes, of no more than so many bytes as JSON writes them. */
export function short(text: string, maximum = maximumTextSize): string {
  const shown = oneLine(text)
  if (size(shown) <= maximum) return shown
  return `${shown.slice(0, maximum / longestUnit)}…`
}

/** As many of them as there is room for, and how many there are besides. */
export function shortList(texts: readonly string[]): readonly string[] {
  const shown: string[] = []
  let room = maximumListSize
  for (const text of texts.map((text) => short(text))) {
    room -= size(text)
    if (room < 0) return [...shown, `… and ${texts.length - shown.length} more`]
    shown.push(text)
  }
  return shown
}

function size(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

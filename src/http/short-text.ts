/** Text that somebody else chose, made fit for a line of the log and for a person's terminal. */

/** Room for one list of a line, in bytes as JSON writes them: there are four, and a line stays under 8 kB. */
export const maximumListSize = 1500
const maximumTextSize = 300
/** Bytes that JSON in UTF-8 makes of one UTF-16 unit at most, once it is printable. */
const longestUnit = 3

/** What moves the cursor, turns the direction of text, or shows as nothing, also behind JSON's escapes. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** With `\u001b` for what is not printable, and no more than so many bytes as JSON writes them. */
export function short(text: string, maximum = maximumTextSize): string {
  const shown = text.replace(unprintable, escaped)
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

/** Unit by unit, as JSON would. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

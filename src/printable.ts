/** Text that somebody else chose, made safe to show on a terminal and in a log. */

/**
 * Control characters, which can move the cursor and rewrite what is on the screen, and those that
 * change the direction of text or show as nothing, are written out as `\u001b`. Line feeds stay.
 */
export function printable(text: string): string {
  return text.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    // By UTF-16 unit, so that it also stands for itself within JSON.
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

/** The same where a second line would look like one of ours: line feeds are written out as `\n`. */
export function oneLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n')
}

/** Indented, with a fixed order of keys: what `--json` prints. */
export function printableJson(value: unknown): string {
  return printable(JSON.stringify(value, null, 2))
}

/** Text that somebody else chose, made safe to show on a terminal. */

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

/** Indented, with a fixed order of keys: what `--json` prints. */
export function printableJson(value: unknown): string {
  return printable(JSON.stringify(value, null, 2))
}

/** Columns that are as wide as what stands in them. Each cell is one line. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => printable(cell).replaceAll('\n', '\\n')),
  )
  const widths = head.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  )
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What our documents hold for machines to check: fenced blocks and the rows of tables. */

export interface Block {
  /** The heading that it stands under, without the #. */
  readonly heading: string
  /** The word behind the fence: `sh`, `yaml`, `ini`, `nginx`. */
  readonly language: string
  readonly text: string
}

/** Every fenced block of a document, in its order. */
export function fencedBlocks(markdown: string): readonly Block[] {
  const blocks: Block[] = []
  let heading = ''
  let open: { readonly language: string; readonly lines: string[] } | undefined
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)$/.exec(line)
    if (open !== undefined && fence) {
      blocks.push({ heading, language: open.language, text: `${open.lines.join('\n')}\n` })
      open = undefined
    } else if (open !== undefined) open.lines.push(line)
    else if (fence) open = { language: fence[1] ?? '', lines: [] }
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
  }
  if (open !== undefined) throw new Error(`a block under "${heading}" is never closed`)
  return blocks
}

/** The rows of the first table under a heading, cells as written; without the table's own head. */
export function tableRows(markdown: string, heading: string): readonly (readonly string[])[] {
  const [, section] = markdown.split(new RegExp(`^#+ ${heading}$`, 'm'))
  if (section === undefined) throw new Error(`no heading "${heading}"`)
  const [text = ''] = section.split(/^#/m)
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

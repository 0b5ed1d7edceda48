/** Pieces of YAML that stand in a file whatever texts they are made from. */

import { AppError } from '../errors.ts'

const width = 100

/** A list on one line, or on one for each text where that is too long. */
export function listLines(key: string, texts: readonly string[]): readonly string[] {
  const short = `${key} [${texts.map(quoted).join(', ')}]`
  return short.length <= width ? [short] : [key, ...texts.map((text) => `      - ${quoted(text)}`)]
}

/** Long lines are broken, and nothing in the text can end the comment. */
export function comment(text: string, indent = ''): readonly string[] {
  const lines: string[] = ['']
  for (const word of text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').split(/ +/)) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && indent.length + line.length + word.length + 3 > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line) => `${indent}# ${line}`)
}

/**
 * In double quotes, as JSON and YAML both read it.
 *
 * @throws AppError invalid_request where the configuration would fill in a variable of the environment
 */
export function quoted(text: string): string {
  if (/\$\{(?!(?:user|group|robot)\})/.test(text)) {
    throw new AppError(
      'invalid_request',
      `${JSON.stringify(text)} holds "\${", which a configuration takes for a variable of the environment; change it, or write that part by hand`,
    )
  }
  return JSON.stringify(text)
}

/** Reads the syntax of nginx's configuration: directives, blocks, quotes and comments. */

import { ConfigError } from '../../config/config-error.ts'

/** A directive with what stands in its block. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  /** undefined: it ends with a semicolon. */
  readonly block: readonly Directive[] | undefined
  readonly line: number
}

interface Token {
  /** `word` also stands for what is quoted, which is no syntax whatever it holds. */
  readonly kind: 'word' | ';' | '{' | '}'
  readonly text: string
  readonly line: number
}

const maximumDepth = 32
const tokenPattern =
  /\s+|#[^\n]*|[;{}]|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|(?:\$\{[^}\n]*\}|\\[\s\S]|[^\s;{}"'#\\])(?:\$\{[^}\n]*\}|\\[\s\S]|[^\s;{}\\])*/y

/** @throws ConfigError at the first line that is no configuration of nginx */
export function parseNginx(text: string, file: string): readonly Directive[] {
  const tokens = tokensOf(text, file)
  let at = 0
  const block = (depth: number, opened: number): readonly Directive[] => {
    if (depth > maximumDepth) throw faultAt(file, opened, 'blocks nest too deeply')
    const directives: Directive[] = []
    for (;;) {
      const first = tokens[at]
      if (first === undefined || first.kind === '}') {
        if ((first === undefined) !== (depth === 0)) {
          throw faultAt(
            file,
            first?.line ?? opened,
            first ? 'this } closes nothing' : 'this block is not closed',
          )
        }
        at += 1
        return directives
      }
      const words: string[] = []
      while (tokens[at]?.kind === 'word') words.push(tokens[at++]?.text ?? '')
      const end = tokens[at++]
      const [name, ...args] = words
      if (name === undefined || end === undefined || end.kind === '}') {
        throw faultAt(file, first.line, 'a directive must end with ";" or a block')
      }
      const inner = end.kind === '{' ? block(depth + 1, first.line) : undefined
      directives.push({ name, args, block: inner, line: first.line })
    }
  }
  return block(0, 1)
}

function tokensOf(text: string, file: string): readonly Token[] {
  const tokens: Token[] = []
  let line = 1
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < text.length) {
    const [found] = tokenPattern.exec(text) ?? []
    if (found === undefined) throw faultAt(file, line, 'a quote is not closed')
    if (/^[^\s#]/.test(found)) tokens.push(tokenOf(found, line))
    line += found.split('\n').length - 1
  }
  return tokens
}

function tokenOf(found: string, line: number): Token {
  if (found === ';' || found === '{' || found === '}') return { kind: found, text: found, line }
  const isQuoted = /^["']/.test(found)
  const inner = isQuoted ? found.slice(1, -1) : found
  // Other backslashes stay: in a regular expression they mean something.
  return { kind: 'word', text: inner.replace(/\\(["'\\ \t;{}#])/g, '$1'), line }
}

/** A fault of the whole line. */
export function faultAt(file: string, line: number, message: string): ConfigError {
  return new ConfigError([{ file, place: { line, column: 1 }, key: '', message }])
}

/**
 * From text to the nodes of one YAML document, in a time that the size of the text bounds: what would
 * keep the parser busy, or exhaust its stack, is refused before it is composed.
 */

import {
  Composer,
  type CST,
  type Document,
  type ErrorCode,
  Lexer,
  type LineCounter,
  Parser,
} from 'yaml'
import { maximumFaults } from './config-error.ts'

// Past some hundred levels the composer's recursion exhausts the stack, which can end the process.
const maximumDepth = 32
// 10,000 rules have 390,000 lexemes. One MiB of brackets has 1,000,000, and takes seconds.
const maximumLexemes = 500_000

/**
 * @param lines learns where each line begins
 * @param refuse hears of each fault, with its offset in the text
 * @returns undefined where the text is refused before it is composed
 */
export function composeYaml(
  text: string,
  lines: LineCounter,
  refuse: (offset: number, message: string) => void,
): Document | undefined {
  const tokens: CST.Token[] = []
  for (const token of parse(text, lines)) {
    const fault = tokenFault(token, tokens)
    if (fault !== undefined) {
      refuse(token.offset, fault + quotingHint(text, token.offset))
      return undefined
    }
    tokens.push(token)
  }
  // "failsafe": every scalar is a text, and the schema says what it stands for; a user named 0123 or
  // no stays one. Keys are compared by our reader of values: the composer's own way takes quadratic time.
  const composer = new Composer({ schema: 'failsafe', stringKeys: true, uniqueKeys: false })
  // The composer makes an Error per fault: with stack traces, a file of commas takes nine seconds.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    const [document] = composer.compose(tokens, true, text.length)
    for (const { code, message, pos } of document?.errors.slice(0, maximumFaults + 1) ?? []) {
      refuse(pos[0], adviceOn(code, message) + quotingHint(text, pos[0]))
    }
    return document
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** What to do, by the parser's code and how its message begins; the first that fits. */
const advice: readonly (readonly [ErrorCode, RegExp, string])[] = [
  ['TAB_AS_INDENT', /^/, 'a tab cannot indent; use spaces'],
  ['BAD_INDENT', /^Flow .* end with a \]/, 'a "[" before this is not closed; add "]"'],
  ['BAD_INDENT', /^Flow .* end with a \}/, 'a "{" before this is not closed; add "}"'],
  ['BAD_INDENT', /^/, 'this stands further left or right than what it belongs to; align it'],
  [
    'BLOCK_AS_IMPLICIT_KEY',
    /^/,
    'a second key on one line; give it a line of its own, or quote a text that holds ": "',
  ],
  ['MULTILINE_IMPLICIT_KEY', /^/, 'a key and its value need ": " between them, with the space'],
  ['NON_STRING_KEY', /^/, 'a key must be a text'],
  ['BAD_ALIAS', /^/, 'put quotes around a text that begins with "*" or "&"'],
  ['BAD_SCALAR_START', /^/, 'put quotes around a text that begins with this character'],
  ['BAD_DQ_ESCAPE', /^/, 'no such escape; within double quotes a backslash is "\\\\"'],
  ['UNEXPECTED_TOKEN', /^Unexpected flow-/, 'this closes what nothing opened; remove it'],
  [
    'UNEXPECTED_TOKEN',
    /^Unexpected map-value-ind/,
    'a key cannot stand here: one level holds either keys or a list',
  ],
  ['UNEXPECTED_TOKEN', /^Unexpected ,/, 'a comma with nothing before it; remove it'],
  [
    'UNEXPECTED_TOKEN',
    /^Unexpected block-seq/,
    'a list begins on a line of its own, below its key',
  ],
  [
    'UNEXPECTED_TOKEN',
    /^Unexpected scalar/,
    'this does not go with what stands before it; put quotes around the whole of a text that holds quotes or brackets',
  ],
]

function adviceOn(code: ErrorCode, message: string): string {
  const known = advice.find(([of, begins]) => of === code && begins.test(message))
  return known?.[2] ?? message
}

/** `{ file: ${FILE} }` is a map in a map to YAML: the likeliest mistake on a line with a variable. */
function quotingHint(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0]
  return line?.includes('${') ? '; between brackets, quote a text that holds "${"' : ''
}

function* parse(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1
    if (isOpenQuote(lexeme)) {
      // The composer would name the place where it gave up: the end of the file.
      const message = `this quote is not closed; add the closing ${lexeme[0]}`
      yield { type: 'error', offset: parser.offset, source: lexeme, message }
      return
    }
    yield* parser.next(lexeme)
    const tooMuch =
      parser.stack.length > maximumDepth
        ? `more than ${maximumDepth} levels deep; no setting is`
        : lexemes > maximumLexemes
          ? 'too much for one file; a configuration of 10,000 rules is smaller'
          : undefined
    if (tooMuch !== undefined) {
      yield { type: 'error', offset: parser.offset, source: lexeme, message: tooMuch }
      return
    }
  }
  yield* parser.end()
}

function isOpenQuote(lexeme: string): boolean {
  return /^["']/.test(lexeme) && !/^(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^']|'')*')$/.test(lexeme)
}

function tokenFault(token: CST.Token, before: readonly CST.Token[]): string | undefined {
  switch (token.type) {
    case 'error':
      return adviceOn('UNEXPECTED_TOKEN', token.message)
    case 'directive':
      return 'directives such as %YAML are not supported; remove the line'
    case 'document':
      return before.some(({ type }) => type === 'document')
        ? 'a second document; a configuration is one, without "---" in between'
        : undefined
    default:
      return undefined
  }
}

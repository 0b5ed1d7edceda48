/**
 * Reads the regular expressions of Go (https://github.com/google/re2/wiki/Syntax), which docker_auth's
 * patterns between slashes are. What Go refuses is refused here, since docker_auth does not start with it.
 */

import { type CharacterSet, foldCase, negate, ranges } from './character-set.ts'

export type Expression =
  | { readonly kind: 'character'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | {
      readonly kind: 'repeat'
      readonly part: Expression
      readonly least: number
      readonly most: number
      readonly isLazy: boolean
    }
  | { readonly kind: 'group'; readonly part: Expression; readonly index: number }
  | { readonly kind: 'place'; readonly place: Place }

/** Where in the text, without taking a character of it. */
export type Place = 'begin' | 'end' | 'line_begin' | 'line_end' | 'word_edge' | 'no_word_edge'

/** Why a text is no expression to us. */
export interface Fault {
  /** invalid: Go refuses it. unsupported: Go may know it, and we do not. */
  readonly kind: 'invalid' | 'unsupported'
  readonly reason: string
}

class SyntaxFault extends Error {
  readonly kind: Fault['kind']

  constructor(kind: Fault['kind'], reason: string) {
    super(reason)
    this.kind = kind
  }
}

const maximumRepeat = 1_000
// Ours, so that reading cannot exhaust the stack; Go's own is 1,000.
const maximumDepth = 200

const digit = ranges('09')
const space = ranges('\t\n', '\f\r', '  ')
const word = ranges('09', 'AZ', '__', 'az')
const perlClasses: Readonly<Record<string, CharacterSet>> = {
  d: digit,
  s: space,
  w: word,
  D: negate(digit),
  S: negate(space),
  W: negate(word),
}
const namedClasses: Readonly<Record<string, CharacterSet>> = {
  alnum: ranges('09', 'AZ', 'az'),
  alpha: ranges('AZ', 'az'),
  ascii: [[0, 0x7f]],
  blank: ranges('\t\t', '  '),
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit,
  graph: ranges('!~'),
  lower: ranges('az'),
  print: ranges(' ~'),
  punct: ranges('!/', ':@', '[`', '{~'),
  space: ranges('\t\r', '  '),
  upper: ranges('AZ'),
  word,
  xdigit: ranges('09', 'AF', 'af'),
}
const controlEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  f: '\f',
  t: '\t',
  n: '\n',
  r: '\r',
  v: '\v',
}
const placeEscapes: Readonly<Record<string, Place>> = {
  A: 'begin',
  z: 'end',
  b: 'word_edge',
  B: 'no_word_edge',
}

/** @returns the expression, or why there is none */
export function parseGoRegexp(text: string): Expression | Fault {
  try {
    return new Parser(Array.from(text)).parse()
  } catch (error) {
    if (error instanceof SyntaxFault) return { kind: error.kind, reason: error.message }
    throw error
  }
}

/** Whether there is no expression. */
export function isFault(parsed: Expression | Fault): parsed is Fault {
  return 'reason' in parsed
}

interface Flags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
  readonly U: boolean
}

class Parser {
  readonly #points: readonly string[]
  #at = 0
  #groups = 0
  #depth = 0
  #flags: Flags = { i: false, m: false, s: false, U: false }

  constructor(points: readonly string[]) {
    this.#points = points
  }

  parse(): Expression {
    const expression = this.#choice()
    if (this.#at < this.#points.length) throw invalid('it closes a group that is not open')
    return expression
  }

  #choice(): Expression {
    this.#depth += 1
    if (this.#depth > maximumDepth) throw new SyntaxFault('unsupported', 'it nests too deeply')
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    this.#depth -= 1
    return options.length === 1 ? (options[0] as Expression) : { kind: 'choice', options }
  }

  #sequence(): Expression {
    const parts: Expression[] = []
    let mayRepeat = false
    let wasRepeat = false
    for (;;) {
      const point = this.#points[this.#at]
      if (point === undefined || point === '|' || point === ')') {
        return parts.length === 1 ? (parts[0] as Expression) : { kind: 'sequence', parts }
      }
      const times = this.#repetition()
      if (times !== undefined) {
        if (wasRepeat) throw invalid('it repeats a repetition')
        const part = mayRepeat ? parts.pop() : undefined
        if (part === undefined) throw invalid('it repeats nothing')
        const isLazy = this.#take('?') !== this.#flags.U
        parts.push({ kind: 'repeat', part, ...times, isLazy })
        wasRepeat = true
        continue
      }
      wasRepeat = false
      const found = this.#element()
      // `(?i)` and an empty \Q\E are nothing that could be repeated.
      if (found.length > 0) mayRepeat = true
      parts.push(...found)
    }
  }

  #repetition(): { readonly least: number; readonly most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { least: 1, most: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { least: 0, most: 1 }
    if (this.#points[this.#at] !== '{') return undefined
    const rest = this.#points.slice(this.#at, this.#at + 24).join('')
    // Anything else in braces stands for itself.
    const [written, first, comma, second] = /^\{(\d{1,9})(,?)(\d{0,9})\}/.exec(rest) ?? []
    if (written === undefined || (comma === '' && second !== '')) return undefined
    if (/^\{0\d|,0\d/.test(written)) return undefined
    const least = Number(first)
    const most = comma === '' ? least : second === '' ? Number.POSITIVE_INFINITY : Number(second)
    const isTooMany =
      least > maximumRepeat || (most !== Number.POSITIVE_INFINITY && most > maximumRepeat)
    if (isTooMany || least > most) throw invalid(`its repetition ${written} is not possible`)
    this.#at += written.length
    return { least, most }
  }

  #element(): readonly Expression[] {
    const point = this.#points[this.#at++] as string
    switch (point) {
      case '(':
        return this.#group()
      case '[':
        return [{ kind: 'character', set: this.#class() }]
      case '.':
        return [
          { kind: 'character', set: this.#flags.s ? [[0, 0x10ffff]] : negate(ranges('\n\n')) },
        ]
      case '^':
        return [{ kind: 'place', place: this.#flags.m ? 'line_begin' : 'begin' }]
      case '$':
        return [{ kind: 'place', place: this.#flags.m ? 'line_end' : 'end' }]
      case '\\':
        return this.#escape()
      default:
        return [this.#literal(point)]
    }
  }

  #group(): readonly Expression[] {
    const outside = this.#flags
    if (!this.#take('?')) {
      this.#groups += 1
      return [{ kind: 'group', index: this.#groups, part: this.#closed(outside) }]
    }
    const rest = this.#points.slice(this.#at, this.#at + 256).join('')
    const [named] = /^P?<\w+>/.exec(rest) ?? []
    if (named !== undefined) {
      this.#at += named.length
      this.#groups += 1
      return [{ kind: 'group', index: this.#groups, part: this.#closed(outside) }]
    }
    const [flags, on = '', minus, off = '', end] = /^([imsU]*)(-?)([imsU]*)([:)])/.exec(rest) ?? []
    if (flags === undefined || (minus === '-' && off === '') || (minus === '' && off !== '')) {
      throw invalid('it has a group of an unknown kind')
    }
    this.#at += flags.length
    const changed = { ...outside }
    for (const flag of on as Iterable<keyof Flags>) changed[flag] = true
    for (const flag of off as Iterable<keyof Flags>) changed[flag] = false
    this.#flags = changed
    if (end === ')') return []
    return [this.#closed(outside)]
  }

  /** The rest of a group, behind which the flags are what they were before it. */
  #closed(outside: Flags): Expression {
    const part = this.#choice()
    if (!this.#take(')')) throw invalid('a group is not closed')
    this.#flags = outside
    return part
  }

  #escape(): readonly Expression[] {
    const point = this.#points[this.#at]
    if (point === 'Q') {
      this.#at += 1
      const from = this.#at
      while (this.#at < this.#points.length && !this.#isNext('\\', 'E')) this.#at += 1
      const quoted = this.#points.slice(from, this.#at)
      if (this.#at < this.#points.length) this.#at += 2
      return quoted.map((literal) => this.#literal(literal))
    }
    const place = placeEscapes[point ?? '']
    if (place !== undefined) {
      this.#at += 1
      return [{ kind: 'place', place }]
    }
    const perl = this.#perlClass()
    if (perl !== undefined) return [{ kind: 'character', set: perl }]
    return [this.#literal(this.#escapedCharacter())]
  }

  /** Behind the backslash. */
  #perlClass(): CharacterSet | undefined {
    const point = this.#points[this.#at] ?? ''
    if (point === 'p' || point === 'P') {
      throw new SyntaxFault('unsupported', 'it names a class of Unicode')
    }
    const set = perlClasses[point]
    if (set !== undefined) this.#at += 1
    return set
  }

  #escapedCharacter(): string {
    const rest = this.#points.slice(this.#at, this.#at + 12).join('')
    const [octal] = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest) ?? []
    if (octal !== undefined) {
      this.#at += octal.length
      return String.fromCodePoint(Number.parseInt(octal, 8))
    }
    const [hex, inBraces, plain] = /^x(?:\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{2}))/.exec(rest) ?? []
    if (hex !== undefined) {
      this.#at += hex.length
      const code = Number.parseInt(inBraces ?? plain ?? '', 16)
      if (code > 0x10ffff) throw invalid('it names a character that there is not')
      return String.fromCodePoint(code)
    }
    const point = this.#points[this.#at++]
    if (point === undefined) throw invalid('it ends with a backslash')
    const control = controlEscapes[point]
    if (control !== undefined) return control
    if (/[0-9A-Za-z]/.test(point) || point.charCodeAt(0) > 0x7f) {
      throw invalid(`it holds the unknown escape \\${point}`)
    }
    return point
  }

  #class(): CharacterSet {
    const isNegated = this.#take('^')
    const set: (readonly [number, number])[] = []
    for (let isFirst = true; this.#points[this.#at] !== ']' || isFirst; isFirst = false) {
      if (this.#at >= this.#points.length) throw invalid('a class is not closed')
      const named = this.#namedClass()
      if (named !== undefined) {
        set.push(...named)
        continue
      }
      if (this.#points[this.#at] === '\\') {
        this.#at += 1
        const perl = this.#perlClass()
        if (perl !== undefined) {
          set.push(...perl)
          continue
        }
        this.#at -= 1
      }
      const low = this.#classCharacter()
      let high = low
      const isRange = this.#points[this.#at] === '-' && (this.#points[this.#at + 1] ?? ']') !== ']'
      if (isRange) {
        this.#at += 1
        high = this.#classCharacter()
        if (high < low) throw invalid('a class has a range that is upside down')
      }
      set.push([low, high])
    }
    this.#at += 1
    const folded = this.#flags.i ? foldCase(set) : set
    return isNegated ? negate(folded) : folded
  }

  #namedClass(): CharacterSet | undefined {
    if (!this.#isNext('[', ':')) return undefined
    const rest = this.#points.slice(this.#at, this.#at + 32).join('')
    const [written, caret, name] = /^\[:(\^?)([^:\]]*):\]/.exec(rest) ?? []
    if (written === undefined) return undefined
    const set = namedClasses[name ?? '']
    if (set === undefined) throw invalid(`it holds the unknown class ${written}`)
    this.#at += written.length
    return caret === '^' ? negate(set) : set
  }

  #classCharacter(): number {
    const point = this.#points[this.#at++]
    if (point === undefined) throw invalid('a class is not closed')
    return (point === '\\' ? this.#escapedCharacter() : point).codePointAt(0) ?? 0
  }

  #literal(character: string): Expression {
    const code = character.codePointAt(0) ?? 0
    const set: CharacterSet = [[code, code]]
    return { kind: 'character', set: this.#flags.i ? foldCase(set) : set }
  }

  #take(point: string): boolean {
    if (this.#points[this.#at] !== point) return false
    this.#at += 1
    return true
  }

  #isNext(first: string, second: string): boolean {
    return this.#points[this.#at] === first && this.#points[this.#at + 1] === second
  }
}

function invalid(reason: string): SyntaxFault {
  return new SyntaxFault('invalid', reason)
}

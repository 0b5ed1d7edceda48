/**
 * Anchored globs over repository names. `*` stays within a path segment, `**` is a whole segment and
 * stands for one or more, `?` is one character other than `/`, `{a,b}` are alternatives, and `${user}`,
 * `${group}` and `${robot}` are the names of whoever asks, as literals. There are no regular
 * expressions, so no pattern can make a match slow.
 */

export const variables = ['user', 'group', 'robot'] as const
export type Variable = (typeof variables)[number]

/** What the variables stand for; one that is absent or empty fits nothing. */
export type Values = { readonly [Name in Variable]?: string | undefined }

export const anyText = Symbol('*')
export const oneCharacter = Symbol('?')
/** A string is that one character and no other, whatever it is in a pattern: `*` in a user's name is a `*`. */
export type Token = string | typeof anyText | typeof oneCharacter | { readonly variable: Variable }

/** What one segment of a name must look like. */
export interface SegmentPattern {
  /** As written, which two equal ones have in common. */
  readonly text: string
  /** The characters before the first wildcard or variable. */
  readonly literalPrefix: string
  /** Those behind the last one; empty where there is none. */
  readonly literalSuffix: string
  /** The prefix is all there is. */
  readonly isLiteral: boolean
  /** How many characters it covers at least. */
  readonly leastLength: number
  readonly variables: readonly Variable[]
  readonly tokens: readonly Token[]
}

/** Any number of segments, also none. */
export const anyDepth = Symbol('**')

/** A pattern that holds no braces any more, ready to match. */
export interface Pattern {
  readonly segments: readonly (SegmentPattern | typeof anyDepth)[]
  readonly variables: readonly Variable[]
}

/** Most patterns that the braces of one pattern may stand for. */
const maximumAlternatives = 100
const maximumPatternLength = 255
const characters = /^[a-z0-9._:/*?{},-]*$/
const variablePattern = /\$\{([^{}]*)\}/g

/**
 * Reads a pattern of a rule.
 *
 * @returns one pattern for each combination of alternatives, or a sentence for the rule's author
 */
export function parsePattern(text: string): readonly Pattern[] | string {
  const [unknown] = [...text.matchAll(variablePattern)].filter(([, name]) => !isVariable(name))
  if (unknown !== undefined) {
    return `"${text}": there is no variable ${unknown[0]}; rules know \${user}, \${group} and \${robot}`
  }
  const alternatives = patternFault(text) ?? expandBraces(text)
  if (typeof alternatives === 'string') return alternatives
  return alternatives.map((alternative) => {
    const segments = alternative.split('/').flatMap(parseSegment)
    const used = segments.flatMap((each) => (each === anyDepth ? [] : each.variables))
    return { segments, variables: [...new Set(used)] }
  })
}

function isVariable(name: string | undefined): name is Variable {
  return variables.some((variable) => variable === name)
}

/** A `**` stands for one or more segments: any one, and then any number. */
function parseSegment(text: string): readonly (SegmentPattern | typeof anyDepth)[] {
  return text === '**' ? [anySegment, anyDepth] : [segmentPattern(text)]
}

function segmentPattern(text: string): SegmentPattern {
  const tokens = text
    .split(/(\$\{[a-z]+\})/)
    .flatMap((part): readonly Token[] =>
      part.startsWith('${') ? [{ variable: part.slice(2, -1) as Variable }] : [...part].map(token),
    )
  const isFree = (each: Token) => typeof each !== 'string'
  const end = tokens.findIndex(isFree)
  return {
    text,
    literalPrefix: tokens.slice(0, end === -1 ? undefined : end).join(''),
    literalSuffix: end === -1 ? '' : tokens.slice(tokens.findLastIndex(isFree) + 1).join(''),
    isLiteral: end === -1,
    leastLength: tokens.filter((each) => each !== anyText).length,
    variables: tokens.flatMap((each) => (typeof each === 'object' ? [each.variable] : [])),
    tokens,
  }
}

/** What nearly every pattern has: one for all of them. */
const anySegment = segmentPattern('*')

function token(character: string): Token {
  if (character === '*') return anyText
  return character === '?' ? oneCharacter : character
}

const globs = 'there are "*", "**", "?" and "{a,b}", and no regular expressions'

function patternFault(text: string): string | undefined {
  // What a variable stands for is one character or more of a segment.
  const plain = text.replace(variablePattern, 'v')
  if (/[A-Z]/.test(plain)) {
    return `"${text}" can never match: repository names are lower case; write "${text.toLowerCase()}"`
  }
  if (text === '') return 'an empty pattern matches nothing; "**" is every repository'
  if (!characters.test(plain)) {
    const wrong = [...plain].find((character) => !characters.test(character))
    return `"${text}" can never match: no repository name holds ${JSON.stringify(wrong)}; ${globs}`
  }
  if (plain.length > maximumPatternLength) {
    return `a pattern of ${text.length} characters can never match: names have at most ${maximumPatternLength}`
  }
  const segments = plain.split('/')
  if (segments.includes('')) {
    return `"${text}" can never match: no name has an empty segment ("//", or "/" at an end)`
  }
  if (segments.some((segment) => segment !== '**' && segment.includes('**'))) {
    return `"${text}": "**" must be a whole segment, as in "a/**"; "*" is any part of one segment`
  }
  // Also ".*", which would be anything elsewhere.
  if (segments.some((segment) => /^[._-]|[._-]$/.test(segment))) {
    return `"${text}" can never match: no segment of a name begins or ends with ".", "_" or "-"; ${globs}`
  }
  return undefined
}

function expandBraces(text: string): readonly string[] | string {
  let expanded = ['']
  for (const part of text.split(/((?<!\$)\{(?:[^{}]|\$\{[a-z]+\})*\})/)) {
    const isChoice = part.startsWith('{') && part.endsWith('}')
    if (!isChoice && /[{},]/.test(part.replace(variablePattern, ''))) {
      return `"${text}": braces hold alternatives, as in "{api,web}", do not nest, and a comma stands only within them`
    }
    if (part === '{}') {
      return `"${text}": these braces hold no alternatives; write some, as in "{api,web}", or leave the braces out`
    }
    const choices = isChoice ? part.slice(1, -1).split(',') : [part]
    if (choices.some((choice) => choice.includes('/') && isChoice)) {
      return `"${text}": alternatives stay within a segment; write two patterns instead`
    }
    if (
      expanded.some(
        (head) => head.endsWith('*') && choices.some((choice) => choice.startsWith('*')),
      )
    ) {
      return `"${text}": two "*" of different alternatives would make a "**" that nobody wrote`
    }
    expanded = expanded.flatMap((head) => choices.map((choice) => head + choice))
    if (expanded.length > maximumAlternatives) {
      return `"${text}" stands for more than ${maximumAlternatives} patterns; write "*" or several rules`
    }
  }
  // An empty alternative may leave an empty segment behind.
  return (
    expanded.map((alternative) => patternFault(alternative)).find((fault) => fault !== undefined) ??
    expanded
  )
}

/** Whether the pattern covers the whole name. */
export function matches({ segments }: Pattern, name: string, values: Values = {}): boolean {
  return covers<SegmentPattern | typeof anyDepth>(
    segments,
    name.split('/'),
    anyDepth,
    (wanted, found) => wanted !== anyDepth && matchesSegment(wanted, found, values),
  )
}

/** Whether the pattern covers the whole segment of a name. */
export function matchesSegment(pattern: SegmentPattern, segment: string, values: Values): boolean {
  if (pattern.isLiteral) return pattern.text === segment
  // A name of many segments has short ones, for which a `**` would try every pattern behind it.
  if (segment.length < pattern.leastLength) return false
  if (pattern.variables.some((variable) => !values[variable])) return false
  const tokens = pattern.variables.length === 0 ? pattern.tokens : bind(pattern.tokens, values)
  return covers<Token>(
    tokens,
    segment,
    anyText,
    (wanted, found) => wanted === oneCharacter || wanted === found,
  )
}

function bind(tokens: readonly Token[], values: Values): readonly Token[] {
  return tokens.flatMap((each) =>
    typeof each === 'object' ? [...(values[each.variable] ?? '')] : [each],
  )
}

/**
 * Whether the parts of a pattern fit those of a name, each wildcard standing for any number of them.
 * A wildcard is given one part more only when what follows it failed, and an earlier wildcard is
 * never come back to, so the work is bounded by the product of the two lengths for every input.
 */
function covers<Part>(
  pattern: readonly Part[],
  name: ArrayLike<string>,
  wildcard: Part,
  fits: (wanted: Part, found: string) => boolean,
): boolean {
  let p = 0
  let n = 0
  let afterWildcard = -1
  let taken = 0
  while (n < name.length) {
    const wanted = pattern[p]
    if (wanted === wildcard) {
      p += 1
      afterWildcard = p
      taken = n
    } else if (wanted !== undefined && fits(wanted, name[n] ?? '')) {
      p += 1
      n += 1
    } else if (afterWildcard !== -1) {
      taken += 1
      p = afterWildcard
      n = taken
    } else {
      return false
    }
  }
  while (pattern[p] === wildcard) p += 1
  return p === pattern.length
}

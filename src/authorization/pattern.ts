/**
 * Anchored globs over repository names. `*` stays within a path segment, `**` is a whole segment and
 * stands for one or more, `?` is one character other than `/`, `{a,b}` are alternatives. There are no
 * regular expressions, so no pattern can make a match slow.
 */

/** A pattern that holds no braces any more, ready to match. */
export interface Pattern {
  /** The characters before the first wildcard: what the rule index finds it by. */
  readonly literalPrefix: string
  /** Here `**` is any number of segments, also none. */
  readonly segments: readonly string[]
}

/** Most patterns that the braces of one pattern may stand for. */
const maximumAlternatives = 100
const maximumPatternLength = 255
const characters = /^[a-z0-9._:/*?{},-]+$/

/**
 * Reads a pattern of a rule.
 *
 * @returns one pattern for each combination of alternatives, or a sentence for the rule's author
 */
export function parsePattern(text: string): readonly Pattern[] | string {
  const fault = patternFault(text)
  if (fault !== undefined) return fault
  const alternatives = expandBraces(text)
  if (typeof alternatives === 'string') return alternatives
  return alternatives.map((alternative) => ({
    literalPrefix: /^[^*?]*/.exec(alternative)?.[0] ?? '',
    segments: alternative.split('/').flatMap(atLeastOne),
  }))
}

/** A `**` stands for one or more segments: any one, and then any number. */
function atLeastOne(segment: string): readonly string[] {
  return segment === '**' ? ['*', '**'] : [segment]
}

function patternFault(text: string): string | undefined {
  if (text.includes('${')) {
    return `"${text}": variables such as \${user} are not supported in rules yet`
  }
  if (/[A-Z]/.test(text)) {
    return `"${text}" can never match: repository names are lower case; write "${text.toLowerCase()}"`
  }
  if (!characters.test(text)) {
    const wrong = [...text].find((character) => !characters.test(character))
    return text === ''
      ? 'an empty pattern matches nothing; "**" is every repository'
      : `"${text}" can never match: no repository name holds ${JSON.stringify(wrong)}`
  }
  if (text.length > maximumPatternLength) {
    return `a pattern of ${text.length} characters can never match: names have at most ${maximumPatternLength}`
  }
  const segments = text.split('/')
  if (segments.includes('')) {
    return `"${text}" can never match: no name has an empty segment ("//", or "/" at an end)`
  }
  if (segments.some((segment) => segment !== '**' && segment.includes('**'))) {
    return `"${text}": "**" must be a whole segment, as in "a/**"; "*" is any part of one segment`
  }
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    return `"${text}" can never match: no name has a segment "." or ".."`
  }
  return undefined
}

function expandBraces(text: string): readonly string[] | string {
  let expanded = ['']
  for (const part of text.split(/(\{[^{}]*\})/)) {
    const isChoice = part.startsWith('{') && part.endsWith('}')
    if (!isChoice && /[{},]/.test(part)) {
      return `"${text}": braces hold alternatives, as in "{api,web}", do not nest, and a comma stands only within them`
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
export function matches(pattern: Pattern, name: string): boolean {
  return (
    name.startsWith(pattern.literalPrefix) &&
    covers(pattern.segments, name.split('/'), '**', coversSegment)
  )
}

function coversSegment(pattern: string, segment: string): boolean {
  return covers(pattern, segment, '*', (wanted, found) => wanted === '?' || wanted === found)
}

/**
 * Whether the parts of a pattern fit those of a name, each wildcard standing for any number of them.
 * A wildcard is given one part more only when what follows it failed, and an earlier wildcard is
 * never come back to, so the work is bounded by the product of the two lengths for every input.
 */
function covers(
  pattern: ArrayLike<string>,
  name: ArrayLike<string>,
  wildcard: string,
  fits: (wanted: string, found: string) => boolean,
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

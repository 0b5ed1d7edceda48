/**
 * Sets of repository names, each written as patterns of Dockwarden: whether one holds another, whether
 * two meet, and what is left of one without another. An answer that would take too long is the
 * cautious one: not held, may meet, no remainder known.
 */

import { parsePattern } from '../authorization/pattern.ts'

type Token =
  | { readonly kind: 'characters'; readonly characters: string }
  | { readonly kind: 'one' | 'any' | 'slash' | 'deep_begin' | 'deep_rest' }
  | { readonly kind: 'variable'; readonly name: string }

const maximumStates = 3_000
const maximumSteps = 500
const maximumPatterns = 60
/** What may stand in a segment of a repository's name, but for the colon of a port. */
const plainCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789._-'
/** And that colon. */
export const nameCharacters = `${plainCharacters}:`

const compiled = new Map<string, readonly Token[]>()

/** Braces in what is read here hold single characters. */
function tokensOf(pattern: string): readonly Token[] {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const tokens: Token[] = []
  for (const [index, segment] of pattern.split('/').entries()) {
    if (index > 0) tokens.push({ kind: 'slash' })
    if (segment === '**') tokens.push({ kind: 'deep_begin' }, { kind: 'deep_rest' })
    else tokens.push(...segmentTokens(segment))
  }
  if (compiled.size > 20_000) compiled.clear()
  compiled.set(pattern, tokens)
  return tokens
}

function segmentTokens(segment: string): readonly Token[] {
  return (segment.match(/\$\{[a-z]+\}|\{[^}]*\}|./g) ?? []).map((part): Token => {
    if (part.startsWith(`\${`)) return { kind: 'variable', name: part }
    if (part === '*') return { kind: 'any' }
    if (part === '?') return { kind: 'one' }
    return { kind: 'characters', characters: part.replace(/[{},]/g, '') }
  })
}

/** Whether every name of the inner patterns is one of the outer. A variable is some text, the same on both sides. */
export function holds(outer: readonly string[], inner: readonly string[]): boolean {
  if (inner.length === 0 || outer.includes('**')) return true
  if (inner.every((pattern) => outer.includes(pattern))) return true
  return walk(outer, inner, (inOuter, inInner) => inInner && !inOuter) === false
}

/** Whether a name may be in both. A variable may be any text. */
export function meets(some: readonly string[], others: readonly string[]): boolean {
  const open = (patterns: readonly string[]) =>
    patterns.map((pattern) => pattern.replace(/\$\{[a-z]+\}/g, '?*'))
  const [a, b] = [open(some), open(others)]
  if (a.length === 0 || b.length === 0) return false
  if (a.every((one) => b.every((other) => areApart(one, other)))) return false
  return walk(a, b, (inA, inB) => inA && inB) !== false
}

/** By what stands before the first wildcard; true is certain. */
function areApart(one: string, other: string): boolean {
  const [a = '', b = ''] = [one, other].map((pattern) => /^[^*?{$]*/.exec(pattern)?.[0])
  return !a.startsWith(b) && !b.startsWith(a)
}

/** @returns whether some name is as wanted; undefined where there are too many states to look at */
function walk(
  some: readonly string[],
  others: readonly string[],
  isWanted: (inSome: boolean, inOthers: boolean) => boolean,
): boolean | undefined {
  const [a, b] = [some.map(tokensOf), others.map(tokensOf)]
  const symbols = symbolsOf([...a, ...b].flat())
  const seen = new Set<string>()
  const waiting = [{ a: start(a), b: start(b), isFresh: true }]
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    if (!state.isFresh && isWanted(isEnd(a, state.a), isEnd(b, state.b))) return true
    for (const symbol of symbols) {
      const isSlash = symbol === '/'
      // No name has an empty segment.
      if (isSlash && state.isFresh) continue
      const next = { a: step(a, state.a, symbol), b: step(b, state.b, symbol), isFresh: isSlash }
      if (next.a.length === 0 && next.b.length === 0) continue
      const key = `${next.a}|${next.b}|${isSlash}`
      if (seen.has(key)) continue
      seen.add(key)
      if (seen.size > maximumStates) return undefined
      waiting.push(next)
    }
  }
  return false
}

/** Each character that a pattern names, one that none names, and each variable. */
function symbolsOf(tokens: readonly Token[]): readonly string[] {
  const symbols = new Set(['/', 'other'])
  for (const token of tokens) {
    if (token.kind === 'characters')
      for (const character of token.characters) symbols.add(character)
    if (token.kind === 'variable') symbols.add(token.name)
  }
  if ([...nameCharacters].every((character) => symbols.has(character))) symbols.delete('other')
  return [...symbols]
}

type Patterns = readonly (readonly Token[])[]
/** Places in the patterns, as `pattern * 1000 + token`. */
type Places = readonly number[]

function start(patterns: Patterns): Places {
  return closed(
    patterns,
    patterns.map((_, index) => index * 1000),
  )
}

/** Also the places behind what may be empty. */
function closed(patterns: Patterns, places: readonly number[]): Places {
  const all = new Set(places)
  for (const place of all) {
    const kind = tokenAt(patterns, place)?.kind
    if (kind === 'any' || kind === 'deep_rest') all.add(place + 1)
  }
  return [...all].sort((x, y) => x - y)
}

function tokenAt(patterns: Patterns, place: number): Token | undefined {
  return patterns[Math.floor(place / 1000)]?.[place % 1000]
}

function isEnd(patterns: Patterns, places: Places): boolean {
  return places.some((place) => patterns[Math.floor(place / 1000)]?.length === place % 1000)
}

function step(patterns: Patterns, places: Places, symbol: string): Places {
  const isSlash = symbol === '/'
  const isVariable = symbol.startsWith(`\${`)
  const next: number[] = []
  for (const place of places) {
    const token = tokenAt(patterns, place)
    switch (token?.kind) {
      case 'characters':
        if (token.characters.includes(symbol)) next.push(place + 1)
        break
      case 'one':
        // A variable may be longer than one character.
        if (!isSlash && !isVariable) next.push(place + 1)
        break
      case 'any':
        if (!isSlash) next.push(place)
        break
      case 'slash':
        if (isSlash) next.push(place + 1)
        break
      case 'deep_begin':
        if (!isSlash) next.push(place + 1)
        break
      case 'deep_rest':
        next.push(isSlash ? place - 1 : place)
        break
      case 'variable':
        if (symbol === token.name) next.push(place + 1)
        break
    }
  }
  return closed(patterns, next)
}

/** Patterns of exactly the names that are in `from` and not in `without`; undefined where none are found. */
export function remainder(
  from: readonly string[],
  without: readonly string[],
): readonly string[] | undefined {
  let rest: readonly string[] = from
  const steps = { left: maximumSteps }
  for (const pattern of without) {
    const parts = rest.map((each) => segmentsWithout(each.split('/'), pattern.split('/'), steps, 0))
    if (parts.includes(undefined)) return undefined
    rest = tidied(
      (parts as (readonly string[][])[]).flatMap((part) => part.map((each) => each.join('/'))),
    )
    // What would not load: too long, or of too many alternatives.
    if (
      rest.length > maximumPatterns ||
      rest.some((each) => typeof parsePattern(each) === 'string')
    )
      return undefined
  }
  return rest
}

type Segments = readonly string[]

/** @param steps how many more may be taken: a `**` is tried in two ways, and so is each behind it */
function segmentsWithout(
  from: Segments,
  without: Segments,
  steps: { left: number },
  depth: number,
): string[][] | undefined {
  if (from.length === 0) return without.length === 0 ? [] : [[]]
  if (without.length === 0) return [[...from]]
  const [a, b] = [from.join('/'), without.join('/')]
  if (holds([b], [a])) return []
  if (!meets([a], [b])) return [[...from]]
  steps.left -= 1
  if (steps.left < 0 || depth > 24) return undefined
  const [first = '', ...rest] = from
  const [taken = '', ...takenRest] = without
  if (first === '**') {
    const one = segmentsWithout(['*', ...rest], without, steps, depth + 1)
    const more = segmentsWithout(['*', '**', ...rest], without, steps, depth + 1)
    return one && more && [...one, ...more]
  }
  if (taken === '**') {
    const one = segmentsWithout(from, ['*', ...takenRest], steps, depth + 1)
    const parts = one?.map((each) =>
      segmentsWithout(each, ['*', '**', ...takenRest], steps, depth + 1),
    )
    return parts === undefined || parts.includes(undefined)
      ? undefined
      : (parts as string[][][]).flat()
  }
  const apart = segmentWithout(first, taken)
  const both = segmentWithin(first, taken)
  if (apart === undefined || both === undefined) return undefined
  const behind = segmentsWithout(rest, takenRest, steps, depth + 1)
  if (behind === undefined) return undefined
  // Either another first segment, or the same and another rest.
  return [...apart.map((each) => [each, ...rest]), ...behind.map((each) => [both, ...each])]
}

function segmentWithin(a: string, b: string): string | undefined {
  if (holds([b], [a])) return a
  return holds([a], [b]) ? b : undefined
}

/** Of one segment without `**`. Known for `*` and `text*` without a text, or without `text*`. */
function segmentWithout(from: string, without: string): readonly string[] | undefined {
  if (holds([without], [from])) return []
  if (!meets([from], [without])) return [from]
  const [, head] = /^([a-z0-9._:-]*)\*$/.exec(from) ?? []
  const [, text, star] = /^([a-z0-9._:-]+)(\*?)$/.exec(without) ?? []
  if (head === undefined || text === undefined || !text.startsWith(head)) return undefined
  const parts: string[] = []
  for (let length = head.length; length < text.length; length += 1) {
    const same = text.slice(0, length)
    const others = [...plainCharacters].filter((character) => character !== text[length])
    if (same !== '') parts.push(same)
    parts.push(`${same}{${others.join(',')}}*`)
    if (text[length] !== ':') parts.push(`${same}:*`)
  }
  if (star === '') parts.push(`${text}?*`)
  return parts
}

/** The same names in fewer patterns: `a/*` with `a/*` and more below it is `a/**`. */
export function tidied(patterns: readonly string[]): readonly string[] {
  const found = new Set(patterns.flatMap((pattern) => possible(pattern) ?? []))
  for (const pattern of found) {
    const segments = pattern.split('/')
    for (const [index, segment] of segments.entries()) {
      const pair = `${segment}/${segments[index + 1]}`
      if (pair !== '*/**' && pair !== '**/*') continue
      const instead = (one: string) => segments.toSpliced(index, 2, one).join('/')
      if (!found.has(instead('*'))) continue
      found.delete(pattern)
      found.delete(instead('*'))
      found.add(instead('**'))
      break
    }
  }
  const all = [...found]
  return all.filter(
    (pattern) => !all.some((other) => other !== pattern && covers(other, pattern, all)),
  )
}

/** Without what no name has at the edges of a segment; undefined where nothing is left. */
function possible(pattern: string): string | undefined {
  const segments = pattern
    .split('/')
    .map((segment) =>
      segment
        .replace(/^\{([^{}]*)\}/, (_, choices: string) => alphanumeric(choices))
        .replace(/(?<!\$)\{([^{}]*)\}$/, (_, choices: string) => alphanumeric(choices)),
    )
  // A port is digits, behind the first of several segments.
  const isPortApart =
    /:(?![\d*?{$])/.test(pattern) ||
    segments.some((segment, index) => segment.includes(':') && (index > 0 || segments.length === 1))
  return isPortApart ||
    segments.some((segment) => segment === '' || /^[._:-]|[._:-]$/.test(segment))
    ? undefined
    : segments.join('/')
}

function alphanumeric(choices: string): string {
  const left = choices.split(',').filter((choice) => /^[a-z0-9]$/.test(choice))
  // One of none is as impossible as a hyphen.
  return left.length < 2 ? (left[0] ?? '-') : `{${left.join(',')}}`
}

/** Of two that are equal, the one that stands first stays. */
function covers(other: string, pattern: string, all: readonly string[]): boolean {
  if (!holds([other], [pattern])) return false
  return !holds([pattern], [other]) || all.indexOf(other) < all.indexOf(pattern)
}

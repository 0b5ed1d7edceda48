/**
 * From a pattern of docker_auth, a glob or a regular expression, to the patterns of Dockwarden that
 * stand for the same repository names, where there are such.
 */

import { holds, nameCharacters, tidied } from '../glob-sets.ts'
import { expressionOf } from './auth-config.ts'
import { type CharacterSet, contains } from './character-set.ts'
import { type Expression, isFault, parseGoRegexp } from './go-regexp-syntax.ts'
import { type GlobChunk, parseGlob } from './path-match.ts'

/** A set of names between two others, which are equal where the pattern could be said in our words. */
export interface PatternSet {
  /** No name that the pattern does not fit. */
  readonly inner: readonly string[]
  /** Every name that the pattern fits. */
  readonly outer: readonly string[]
  /** Why the two are not equal, in words that follow "because". */
  readonly reason: string | undefined
}

/** Characters of no name, which stand for the variables of a rule in the text of a pattern. */
export const placeholders: ReadonlyMap<string, string> = new Map([
  ['\u{e000}', `\${user}`],
  ['\u{e001}', `\${group}`],
])

const everything = ['**']
const maximumVariants = 60
const maximumAlternatives = 100
const maximumLength = 255
// One character of a name but ":", and any number of them: what `[a-z0-9._-]` covers.
const portless = { one: '\u{e010}', any: '\u{e011}' }

/** A piece of a pattern of ours, or one of these, which no name holds. */
type Item = string
/** It may hold slashes. */
const anyText = '\u{e020}'
const begin = '\u{e021}'
const end = '\u{e022}'
/** Our `**`, which two `*` side by side are not. */
const anyDepth = '\u{e023}'

interface Variants {
  readonly items: readonly (readonly Item[])[]
  /** undefined: they say exactly what the pattern says. Otherwise they say more. */
  readonly reason: string | undefined
}

/** @param text with placeholders for what depends on who asks */
export function patternSetOf(text: string): PatternSet {
  const expression = expressionOf(text)
  const variants = expression === undefined ? ofGlob(text) : ofExpression(expression)
  const patterns = variants && written(variants.items)
  if (variants === undefined || patterns === undefined) {
    return { inner: [], outer: everything, reason: 'it stands for too many patterns' }
  }
  const inexact = patterns.some((pattern) => pattern.isInexact)
  const reason =
    variants.reason ?? (inexact ? 'Dockwarden cannot leave out names with a port' : undefined)
  const outer = tidied([...new Set(patterns.map(({ pattern }) => pattern))])
  if (reason === undefined) return { inner: outer, outer, reason }
  return { inner: [], outer, reason }
}

/** Whether the set is certain to hold every name of one segment, as those of people are. */
export function holdsEveryPerson({ inner }: PatternSet): boolean {
  return holds(inner, ['*'])
}

function ofGlob(text: string): Variants | undefined {
  const chunks = parseGlob(text)
  // What is malformed fits nothing.
  if (chunks === undefined) return { items: [], reason: undefined }
  let variants: readonly (readonly Item[])[] = [[]]
  for (const { isAfterStar, characters } of chunks) {
    if (isAfterStar) variants = variants.map((items) => [...items, '*'])
    for (const character of characters) {
      const next = character === undefined ? [['?']] : ofSet(character)
      variants = next === undefined ? [] : product(variants, next)
      if (variants.length > maximumVariants) return undefined
    }
  }
  return { items: variants, reason: takesFirstFit(chunks) }
}

/** Go takes what stands between two stars where it first fits; with a class that covers `/` that is not any fit. */
function takesFirstFit(chunks: readonly GlobChunk[]): string | undefined {
  const isSlashedBetween = chunks
    .slice(0, -1)
    .some(
      ({ isAfterStar, characters }) =>
        isAfterStar &&
        characters.some((character) => character !== undefined && isSlashed(character)),
    )
  return isSlashedBetween ? 'it has a class that covers "/" between two stars' : undefined
}

function ofExpression(text: string): Variants | undefined {
  const expression = parseGoRegexp(text)
  if (isFault(expression)) {
    // An invalid one fits nothing, and docker_auth says so before it starts.
    return expression.kind === 'invalid'
      ? { items: [], reason: undefined }
      : { items: [[anyText]], reason: expression.reason }
  }
  const variants = variantsOf(expression)
  if (variants === undefined) return undefined
  return { items: variants.items.flatMap((items) => anchored(items)), reason: variants.reason }
}

/** Puts any text where the expression is not anchored; none where an anchor stands within it. */
function anchored(items: readonly Item[]): readonly (readonly Item[])[] {
  const isEmptyable = (item: Item) => item === anyText || item === '*' || item === portless.any
  const first = items.lastIndexOf(begin)
  const last = items.indexOf(end)
  const before = items.slice(0, Math.max(first, 0)).filter((item) => item !== begin)
  const behind = last === -1 ? [] : items.slice(last).filter((item) => item !== end)
  if (!before.every(isEmptyable) || !behind.every(isEmptyable)) return []
  if (first !== -1 && last !== -1 && last < first) return []
  const middle = items.slice(first + 1, last === -1 ? undefined : last)
  return [[...(first === -1 ? [anyText] : []), ...middle, ...(last === -1 ? [anyText] : [])]]
}

function variantsOf(expression: Expression): Variants | undefined {
  switch (expression.kind) {
    case 'character':
      return { items: ofSet(expression.set) ?? [], reason: undefined }
    case 'group':
      return variantsOf(expression.part)
    case 'place':
      return ofPlace(expression)
    case 'sequence':
      return ofSequence(expression.parts)
    case 'choice': {
      const options = expression.options.map(variantsOf)
      if (options.includes(undefined)) return undefined
      const found = options as Variants[]
      const items = found.flatMap((option) => option.items)
      const reason = found.find((option) => option.reason !== undefined)?.reason
      return items.length > maximumVariants ? undefined : { items, reason }
    }
    case 'repeat':
      return ofRepeat(expression)
  }
}

function ofPlace({ place }: Extract<Expression, { kind: 'place' }>): Variants {
  // No name has a line feed in it.
  if (place === 'begin' || place === 'line_begin') return { items: [[begin]], reason: undefined }
  if (place === 'end' || place === 'line_end') return { items: [[end]], reason: undefined }
  return { items: [[]], reason: 'it looks for the edges of words' }
}

function ofSequence(parts: readonly Expression[]): Variants | undefined {
  let items: readonly (readonly Item[])[] = [[]]
  let reason: string | undefined
  for (const part of parts) {
    const next = variantsOf(part)
    if (next === undefined) return undefined
    items = product(items, next.items)
    reason ??= next.reason
    if (items.length > maximumVariants) return undefined
  }
  return { items, reason }
}

function ofRepeat(expression: Extract<Expression, { kind: 'repeat' }>): Variants | undefined {
  const { part, least, most } = expression
  const once = variantsOf(part)
  if (once === undefined) return undefined
  // Behind a variable it would repeat the last character of a name, not the name.
  const isVariable = once.items.some((items) => items.some((item) => item.startsWith(`\${`)))
  if (isVariable) return { items: [[anyText]], reason: 'it repeats a variable' }
  if (most !== Number.POSITIVE_INFINITY && most <= 10) {
    const counts = Array.from({ length: most - least + 1 }, (_, index) => least + index)
    const each = counts.map((count) => ofSequence(Array.from({ length: count }, () => part)))
    if (each.includes(undefined)) return undefined
    const items = (each as Variants[]).flatMap((variants) => variants.items)
    return items.length > maximumVariants ? undefined : { items, reason: once.reason }
  }
  const many = ofMany(part, once)
  if (many !== undefined && most === Number.POSITIVE_INFINITY && least <= 10) {
    const first = ofSequence(Array.from({ length: least }, () => part))
    return first && { items: first.items.map((items) => [...items, many]), reason: first.reason }
  }
  const mayHoldSlash = once.items.some((items) =>
    items.some((item) => item === '/' || item === anyText),
  )
  return {
    items: least === 0 || mayHoldSlash ? [[mayHoldSlash ? anyText : '*']] : [['?', '*']],
    reason: 'it repeats something that no wildcard of Dockwarden stands for',
  }
}

/** What any number of them is to us: the wildcard, where there is one. */
function ofMany(part: Expression, once: Variants): Item | undefined {
  if (part.kind === 'group') return ofMany(part.part, once)
  if (part.kind !== 'character') return undefined
  const [items, ...others] = once.items
  if (isSlashed(part.set) && coversAllBut('', part.set)) return anyText
  if (others.length > 0 || items?.length !== 1) return undefined
  return items[0] === '?' ? '*' : items[0] === portless.one ? portless.any : undefined
}

function isSlashed(set: CharacterSet): boolean {
  return contains(set, 0x2f)
}

function coversAllBut(left: string, set: CharacterSet): boolean {
  return [...nameCharacters].every(
    (character) => left.includes(character) || contains(set, character.charCodeAt(0)),
  )
}

/** One character; undefined where no name has any of them. */
function ofSet(set: CharacterSet): readonly (readonly Item[])[] | undefined {
  const [only] = set
  if (set.length === 1 && only?.[0] === only?.[1]) {
    const variable = placeholders.get(String.fromCodePoint(only?.[0] ?? 0))
    if (variable !== undefined) return [[variable]]
  }
  const variants: (readonly Item[])[] = isSlashed(set) ? [['/']] : []
  const found = [...nameCharacters].filter((character) => contains(set, character.charCodeAt(0)))
  if (coversAllBut('', set)) variants.push(['?'])
  else if (coversAllBut(':', set)) variants.push([portless.one])
  else {
    const plain = found.filter((character) => character !== ':')
    if (plain.length > 0)
      variants.push([plain.length === 1 ? (plain[0] as string) : `{${plain.join(',')}}`])
    if (plain.length < found.length) variants.push([':'])
  }
  return variants.length === 0 ? undefined : variants
}

function product(
  heads: readonly (readonly Item[])[],
  tails: readonly (readonly Item[])[],
): readonly (readonly Item[])[] {
  return heads.flatMap((head) => tails.map((tail) => [...head, ...tail]))
}

interface Written {
  readonly pattern: string
  readonly isInexact: boolean
}

/** @returns undefined where they are too many */
function written(variants: readonly (readonly Item[])[]): readonly Written[] | undefined {
  const all: Written[] = []
  for (const items of variants) {
    const texts = textsOf(items)
    if (texts === undefined) return undefined
    for (const text of texts) {
      const pattern = normalized(text)
      if (pattern === undefined) continue
      const alternatives = [...pattern.matchAll(/\{([^}$]*)\}/g)]
        .map(([, choices = '']) => choices.split(',').length)
        .reduce((count, each) => count * each, 1)
      if (alternatives > maximumAlternatives || pattern.length > maximumLength) return undefined
      all.push({ pattern, isInexact: mayHoldPort(text) })
    }
    if (all.length > maximumVariants * 3) return undefined
  }
  return all
}

/** Only the first of several segments may hold a port. */
function mayHoldPort(pattern: string): boolean {
  const [head = '', ...others] = pattern.split('/')
  return others.length > 0 && (head.includes(portless.one) || head.includes(portless.any))
}

/** Any text is a part of one segment, of two, or of more. */
function textsOf(given: readonly Item[]): readonly string[] | undefined {
  const items = given.filter((item, index) => item !== anyText || given[index - 1] !== anyText)
  let texts = ['']
  for (const [index, item] of items.entries()) {
    const isFirst = index === 0
    const isLast = index === items.length - 1
    const choices =
      item !== anyText
        ? [item]
        : isFirst && isLast
          ? [anyDepth]
          : isFirst
            ? ['*', `${anyDepth}/*`]
            : isLast
              ? ['*', `*/${anyDepth}`]
              : ['*', '*/*', `*/${anyDepth}/*`]
    texts = texts.flatMap((text) => choices.map((choice) => text + choice))
    if (texts.length > maximumVariants * 3) return undefined
  }
  return texts
}

/** The shortest way to write it; undefined where no name can be so. */
function normalized(text: string): string | undefined {
  const segments = text.split('/').map((segment) => {
    if (segment === anyDepth) return '**'
    const plain = segment.replaceAll(portless.one, '?').replaceAll(portless.any, '*')
    // A segment is never empty.
    return /^\*+\??\**$|^\?\*+$/.test(plain) ? '*' : plain.replace(/\*{2,}/g, '*')
  })
  if (segments.includes('')) return undefined
  return segments.join('/')
}

/**
 * The globs of docker_auth: those of Go's `path.Match` (https://pkg.go.dev/path#Match). `*` and `?`
 * stay within a path segment, a class in brackets does not, braces and `**` mean nothing special.
 */

import { type CharacterSet, contains, negate } from './character-set.ts'

/** One character of a name; undefined: any but `/`. */
export type GlobCharacter = CharacterSet | undefined

/** What stands between two stars. */
export interface GlobChunk {
  /** Whether a star stands before it. */
  readonly isAfterStar: boolean
  readonly characters: readonly GlobCharacter[]
}

/** @returns undefined where the glob is malformed, which fits nothing */
export function parseGlob(text: string): readonly GlobChunk[] | undefined {
  const points = Array.from(text)
  const chunks: { isAfterStar: boolean; characters: GlobCharacter[] }[] = []
  let chunk = { isAfterStar: false, characters: [] as GlobCharacter[] }
  let at = 0
  while (at < points.length) {
    const point = points[at] as string
    at += 1
    if (point === '*') {
      if (chunk.characters.length > 0 || chunks.length === 0) chunks.push(chunk)
      chunk = { isAfterStar: true, characters: [] }
    } else if (point === '?') {
      chunk.characters.push(undefined)
    } else if (point === '[') {
      const end = readClass(points, at)
      if (end === undefined) return undefined
      chunk.characters.push(end.set)
      at = end.at
    } else {
      const literal = point === '\\' ? points[at++] : point
      if (literal === undefined) return undefined
      chunk.characters.push([range(literal)])
    }
  }
  return [...chunks, chunk]
}

function readClass(
  points: readonly string[],
  start: number,
): { readonly set: CharacterSet; readonly at: number } | undefined {
  const isNegated = points[start] === '^'
  let at = isNegated ? start + 1 : start
  const ranges: (readonly [number, number])[] = []
  const next = (): string | undefined => {
    const point = points[at++]
    if (point === '-' || point === ']') return undefined
    return point === '\\' ? points[at++] : point
  }
  while (points[at] !== ']' || ranges.length === 0) {
    const low = next()
    if (low === undefined) return undefined
    let high: string | undefined = low
    if (points[at] === '-') {
      at += 1
      high = next()
      if (high === undefined) return undefined
    }
    if (at >= points.length) return undefined
    ranges.push([codeOf(low), codeOf(high)])
  }
  return { set: isNegated ? negate(ranges) : ranges, at: at + 1 }
}

/**
 * Whether the glob covers the whole name. As Go does it, each chunk is taken where it first fits and
 * not come back to, so the work is bounded by the product of the two lengths.
 */
export function globMatches(chunks: readonly GlobChunk[], name: string): boolean {
  const points = Array.from(name)
  let at = 0
  for (const [index, { isAfterStar, characters }] of chunks.entries()) {
    const isLast = index === chunks.length - 1
    if (isAfterStar && characters.length === 0) return !points.slice(at).includes('/')
    const fits = (from: number) =>
      characters.every((character, offset) => fitsCharacter(character, points[from + offset])) &&
      (!isLast || from + characters.length === points.length)
    let from = at
    while (!fits(from)) {
      if (!isAfterStar || from >= points.length || points[from] === '/') return false
      from += 1
    }
    at = from + characters.length
  }
  return at === points.length
}

function fitsCharacter(wanted: GlobCharacter, found: string | undefined): boolean {
  if (found === undefined) return false
  return wanted === undefined ? found !== '/' : contains(wanted, codeOf(found))
}

function range(character: string): readonly [number, number] {
  return [codeOf(character), codeOf(character)]
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

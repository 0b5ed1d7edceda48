/** How a pattern misses a name, in words that say what would mend it. */

import leven from 'leven'
import {
  anyDepth,
  matches,
  matchesSegment,
  type Pattern,
  parsePattern,
  type Values,
} from '../pattern.ts'

export interface PatternMiss {
  /** How far off it is; see {@link patternMiss}. */
  readonly distance: number
  readonly words: string
}

/** Of a pattern that would fit but for one slip, and of one that is about something else. */
const aSlip = 1
const elsewhere = 3
/** Of one that would fit for somebody of another name; whether there is such a person, no rule says. */
export const otherNames = 2.2
/** For each segment from the left on that fits. */
const segmentInCommon = 0.2

/**
 * @param text the pattern as the rule writes it
 * @param pattern one of those that it stands for
 * @param values what its variables stand for
 */
export function patternMiss(
  text: string,
  pattern: Pattern,
  name: string,
  values: Values,
): PatternMiss {
  const slip =
    ownName(text, pattern, name, values) ??
    starThatStops(text, pattern, name, values) ??
    below(text, pattern, name, values) ??
    otherBeginning(text, pattern, name, values) ??
    typingError(text, pattern, name, values)
  if (slip !== undefined) return { distance: aSlip, words: slip }
  const common = Math.min(commonSegments(pattern, name, values), 5)
  return { distance: elsewhere - segmentInCommon * common, words: `${name} is not there` }
}

type SlipReader = (
  text: string,
  pattern: Pattern,
  name: string,
  values: Values,
) => string | undefined

/** `a/**` and `a/*` are what lies below `a`. */
const ownName: SlipReader = (text, { segments, variables }, name, values) => {
  const [tail] = /\/\*\*?$/.exec(text) ?? []
  if (tail === undefined) return undefined
  const own = segments.slice(0, tail === '/**' ? -2 : -1)
  if (!matches({ segments: own, variables }, name, values)) return undefined
  const shown = text.slice(0, -tail.length)
  return `that is what lies below ${name} and not ${name} itself: name "${shown}" beside it`
}

const starThatStops: SlipReader = (text, { segments, variables }, name, values) => {
  const deep = segments.flatMap((each): Pattern['segments'] =>
    each !== anyDepth && each.text === '*' ? [each, anyDepth] : [each],
  )
  if (!matches({ segments: deep, variables }, name, values)) return undefined
  const wider = text.replace(/(?<=^|\/)\*(?=\/|$)/g, '**')
  const stops = '"*" is one segment of a name and never crosses "/"'
  const patterns = parsePattern(wider)
  const wouldFit =
    typeof patterns !== 'string' && patterns.some((each) => matches(each, name, values))
  // Alternatives stay within a segment, so none of them can be "**".
  return wouldFit
    ? `${stops}: "${wider}" would fit`
    : `${stops}: write "**" in a pattern of its own, without the braces`
}

const below: SlipReader = (text, { segments, variables }, name, values) => {
  if (!matches({ segments: [...segments, anyDepth], variables }, name, values)) return undefined
  return `what lies below that is "${text}/**"`
}

/** A host or a folder more, or less, than the pattern has. */
const otherBeginning: SlipReader = (_text, { segments, variables }, name, values) => {
  const cut = name.indexOf('/') + 1
  const isBounded = segments.some((each) => each !== anyDepth && each.isLiteral)
  if (cut > 0 && isBounded && matches({ segments, variables }, name.slice(cut), values)) {
    return `without "${name.slice(0, cut)}" before it, the name would fit`
  }
  const [first, ...rest] = segments
  if (first === undefined || first === anyDepth || !first.isLiteral) return undefined
  const isRestBounded = rest.some((each) => each !== anyDepth && each.isLiteral)
  if (!isRestBounded || !matches({ segments: rest, variables }, name, values)) return undefined
  return `with "${first.text}/" before it, the name would fit`
}

/** One literal segment that is almost that of the name, and all others fit. */
const typingError: SlipReader = (_text, { segments }, name, values) => {
  const found = name.split('/')
  const deepAt = segments.indexOf(anyDepth)
  const missing = found.length - segments.length + (deepAt === -1 ? 0 : 1)
  if (missing < 0 || (deepAt === -1 && missing > 0)) return undefined
  const aligned = segments.flatMap((each): Pattern['segments'] =>
    each === anyDepth ? Array.from({ length: missing }, () => anyDepth) : [each],
  )
  // More than one "**": which of them stands for how much is anybody's guess.
  if (aligned.length !== found.length) return undefined
  let slip: string | undefined
  for (const [index, wanted] of aligned.entries()) {
    const segment = found[index] ?? ''
    if (wanted === anyDepth || matchesSegment(wanted, segment, values)) continue
    if (slip !== undefined || !wanted.isLiteral || !isNearly(segment, wanted.text)) return undefined
    slip = `the name has "${segment}" there instead of "${wanted.text}": is one of them a typing error?`
  }
  return slip
}

/** Of three letters, one may be wrong. Names that are told apart by their numbers are meant to be. */
export function isNearly(text: string, other: string): boolean {
  if (text.replace(/\d/g, '') === other.replace(/\d/g, '')) return false
  const shorter = Math.min(text.length, other.length, 30)
  const maxDistance = Math.floor(shorter / 3)
  if (maxDistance === 0 || Math.abs(text.length - other.length) > maxDistance) return false
  return leven(text, other, { maxDistance: maxDistance + 1 }) <= maxDistance
}

function commonSegments({ segments }: Pattern, name: string, values: Values): number {
  const found = name.split('/')
  const end = segments.findIndex(
    (wanted, index) => wanted === anyDepth || !matchesSegment(wanted, found[index] ?? '', values),
  )
  return end === -1 ? segments.length : end
}

/** What stands in the name where the pattern has the variable, for which it would cover the name. */
export function bindingFor(
  variable: keyof Values,
  pattern: Pattern,
  name: string,
  values: Values,
): string | undefined {
  for (const wanted of pattern.segments) {
    if (wanted === anyDepth || !wanted.variables.includes(variable)) continue
    const [before = '', after = ''] = wanted.text.split(`\${${variable}}`)
    for (const segment of name.split('/')) {
      if (segment.length <= before.length + after.length) continue
      if (!segment.startsWith(before) || !segment.endsWith(after)) continue
      const value = segment.slice(before.length, segment.length - after.length)
      if (matches(pattern, name, { ...values, [variable]: value })) return value
    }
  }
  return undefined
}

/**
 * What a variable stands for is one segment, or a part of one, to the letter.
 *
 * @param value of whoever asks
 * @param needed what stands in the name instead
 */
export function variableMiss(
  variable: 'user' | 'robot',
  value: string,
  needed: string,
): PatternMiss {
  const stands = `"\${${variable}}" is "${value}" there`
  if (value.includes('/')) {
    return { words: `${stands}, and what holds "/" fits nothing`, distance: aSlip }
  }
  if (value !== value.toLowerCase()) {
    const words = `${stands}, to the letter: no repository has capitals, so only names in lower case fit`
    return { words, distance: aSlip }
  }
  return { words: `${stands}, and the name has "${needed}" in its place`, distance: otherNames }
}

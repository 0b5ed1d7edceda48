/**
 * Names that only paths tell of. Beside a rule on `teams/${group}/**`, one on `teams/ops/**` speaks of what is
 * the group ops for the other, though neither calls it a group.
 */

import { anyDepth, type Pattern, type SegmentPattern, type Variable } from '../pattern.ts'
import type { Names } from './witness-names.ts'

/** Of each variable. */
const maximumNames = 300

/** A segment of a pattern; behind a `**` it may stand anywhere. */
interface Place {
  readonly index: number | undefined
  readonly segment: SegmentPattern
}

/**
 * What the variables of either side may stand for where the other one has a text in their place.
 *
 * @param changed patterns of the rules that are compared
 * @param all those of all rules
 */
export function namesInPaths(
  changed: readonly Pattern[],
  all: readonly Pattern[],
): { readonly names: Names; readonly isCut: boolean } {
  const found = { user: new Set<string>(), group: new Set<string>(), robot: new Set<string>() }
  const [ofChanged, ofAll] = [placesOf(changed), placesOf(all)]
  for (const [withVariables, withTexts] of [
    [ofChanged, ofAll],
    [ofAll, ofChanged],
  ] as const) {
    const texts = withTexts.filter(({ segment }) => segment.variables.length === 0)
    for (const place of withVariables) {
      const [variable, ...others] = place.segment.variables
      if (variable === undefined || others.length > 0) continue
      for (const text of texts) {
        if (found[variable].size > maximumNames) break
        const name = nameAt(variable, place, text)
        if (name !== undefined) found[variable].add(name)
      }
    }
  }
  const sets = Object.values(found)
  return {
    names: { user: [...found.user], group: [...found.group], robot: [...found.robot] },
    isCut: sets.some(({ size }) => size > maximumNames),
  }
}

function placesOf(patterns: readonly Pattern[]): readonly Place[] {
  const places = new Map<string, Place>()
  for (const { segments } of patterns) {
    const deep = segments.indexOf(anyDepth)
    for (const [position, segment] of segments.entries()) {
      if (segment === anyDepth) continue
      const index = deep !== -1 && position > deep ? undefined : position
      places.set(`${index}/${segment.text}`, { index, segment })
    }
  }
  return [...places.values()]
}

function nameAt(variable: Variable, { index, segment }: Place, other: Place): string | undefined {
  if (index !== undefined && other.index !== undefined && index !== other.index) return undefined
  // A wildcard by itself is met by the names that stand for all.
  if (/^\*+$/.test(other.segment.text)) return undefined
  const text = other.segment.text.replace(/[*?]/g, 'x')
  const [before = '', after = ''] = segment.text.split(`\${${variable}}`)
  const isThere = text.startsWith(before) && text.endsWith(after)
  const name = isThere ? text.slice(before.length, text.length - after.length) : ''
  return name === '' || name.includes(':') ? undefined : name
}

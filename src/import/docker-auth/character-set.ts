/** Sets of characters, as ranges of code points. */

/** First and last code point of each range; they may overlap, and an upside-down one is empty. */
export type CharacterSet = readonly (readonly [number, number])[]

const highest = 0x10ffff

/** Whether the code point is in the set. */
export function contains(set: CharacterSet, code: number): boolean {
  return set.some(([low, high]) => low <= code && code <= high)
}

/** Every character that is not in the set. */
export function negate(set: CharacterSet): CharacterSet {
  const sorted = set.filter(([low, high]) => low <= high).sort(([a], [b]) => a - b)
  const gaps: [number, number][] = []
  let next = 0
  for (const [low, high] of sorted) {
    if (low > next) gaps.push([next, low - 1])
    next = Math.max(next, high + 1)
  }
  if (next <= highest) gaps.push([next, highest])
  return gaps
}

/** The set, and the other case of each ASCII letter in it. */
export function foldCase(set: CharacterSet): CharacterSet {
  const shifted = (from: number, to: number, by: number) =>
    set.flatMap(([low, high]): CharacterSet => {
      const [first, last] = [Math.max(low, from), Math.min(high, to)]
      return first <= last ? [[first + by, last + by]] : []
    })
  return [...set, ...shifted(65, 90, 32), ...shifted(97, 122, -32)]
}

/** `[['a', 'z'], ['_', '_']]`, as texts of two characters: `['az', '__']`. */
export function ranges(...texts: readonly string[]): CharacterSet {
  return texts.map((text) => [text.charCodeAt(0), text.charCodeAt(1)] as const)
}

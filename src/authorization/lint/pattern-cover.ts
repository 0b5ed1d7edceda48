/** Whether one pattern covers everything that another one does. */

import { anyDepth, anyText, oneCharacter, type Pattern, type Token } from '../pattern.ts'

/**
 * True only where it is certain: every name that `inner` fits, `outer` fits as well, whoever asks. A
 * variable is only ever covered by itself and by `*`.
 */
export function coversPattern(outer: Pattern, inner: Pattern): boolean {
  return coversAll(outer.segments, inner.segments, {
    many: anyDepth,
    coversOne: (wanted, found) =>
      wanted !== anyDepth &&
      (found === anyDepth
        ? coversTokens(wanted.tokens, [anyText])
        : coversTokens(wanted.tokens, found.tokens)),
  })
}

function coversTokens(outer: readonly Token[], inner: readonly Token[]): boolean {
  return coversAll<Token>(outer, inner, {
    many: anyText,
    // What `*` stands for is made of single characters.
    coversOne: (wanted, found) =>
      wanted === oneCharacter ? typeof found !== 'object' : isSame(wanted, found),
  })
}

function isSame(a: Token, b: Token): boolean {
  if (typeof a === 'object' && typeof b === 'object') return a.variable === b.variable
  return a === b
}

/**
 * The parts of a glob against those of another. `many` stands for any number of parts, also none; what
 * it stands for in `inner` must be covered both where it is nothing and where it is one part more.
 *
 * @param rules `coversOne`: whether a part of `outer` covers one part of `inner`; if that is `many`, any one
 */
function coversAll<Part>(
  outer: readonly Part[],
  inner: readonly Part[],
  { many, coversOne }: { many: Part; coversOne: (wanted: Part, found: Part) => boolean },
): boolean {
  const known = new Map<number, boolean>()
  const decide = (o: number, i: number): boolean => {
    if (o === outer.length) return i === inner.length
    const wanted = outer[o] as Part
    if (wanted === many) return visit(o + 1, i) || (i < inner.length && visit(o, i + 1))
    if (i === inner.length) return false
    const found = inner[i] as Part
    if (!coversOne(wanted, found)) return false
    return found === many ? visit(o, i + 1) && visit(o + 1, i) : visit(o + 1, i + 1)
  }
  // Without it, wildcards upon wildcards would multiply.
  const visit = (o: number, i: number): boolean => {
    const key = o * (inner.length + 1) + i
    const answer = known.get(key) ?? decide(o, i)
    known.set(key, answer)
    return answer
  }
  return visit(0, 0)
}

/**
 * Repository names that stand for all others: where two policies differ on any name, they differ on one
 * of these, so that rules can be compared without a registry.
 */

import { parseScopes } from '../../protocol/scope.ts'
import { anyDepth, type Pattern } from '../pattern.ts'

/** What each variable may stand for, the names that nobody has first. */
export interface Names {
  readonly user: readonly string[]
  readonly group: readonly string[]
  readonly robot: readonly string[]
}

export interface Witnesses {
  readonly names: readonly string[]
  readonly isCut: boolean
}

/** A pattern with its variables filled in: texts with `*` and `?`. */
type Bound = readonly (string | typeof anyDepth)[]

const maximumNames = 5_000
const maximumMeetings = 50_000
/** Of all meetings: a few seconds. Of two long patterns it takes as many as their lengths multiplied. */
const maximumSteps = 20_000_000

/**
 * For each pattern that says another thing than before a name that it alone covers, one that is a segment deeper for each
 * `**`, and one for each other pattern that it shares names with.
 */
export function witnessNames(
  changed: readonly Pattern[],
  patterns: readonly Pattern[],
  names: Names,
): Witnesses {
  const all = patterns.flatMap((pattern) => bind(pattern, names))
  const boundChanged = changed.flatMap((pattern) => bind(pattern, names))
  const fresh = unusedWord([...all.flat().map(String), ...Object.values(names).flat()])
  const found = new Set<string>()
  for (const bound of boundChanged) {
    for (const deeper of [[], [fresh]]) {
      const segments = bound.flatMap((part) => (part === anyDepth ? deeper : [plain(part, fresh)]))
      found.add(segments.join('/'))
    }
  }
  let meetings = 0
  let steps = 0
  const isTooMuch = () => meetings > maximumMeetings || steps > maximumSteps
  const countStep = () => {
    steps += 1
  }
  for (const a of boundChanged) {
    for (const b of all) {
      if (beginApart(a, b)) continue
      meetings += 1
      if (isTooMuch()) break
      const shared = meetSegments(a, b, fresh, countStep)
      if (shared !== undefined) found.add(shared)
    }
  }
  const valid = [...found].filter(isRepository)
  return {
    names: valid.slice(0, maximumNames),
    isCut: valid.length > maximumNames || isTooMuch(),
  }
}

export function isRepository(name: string): boolean {
  const [scope] = parseScopes([`repository:${name}:pull`]).scopes
  return scope?.type === 'repository' && scope.name === name && name === name.toLowerCase()
}

/** One for each combination of names; a name that holds a wildcard is in no repository. */
function bind({ segments, variables }: Pattern, names: Names): readonly Bound[] {
  let bounds: readonly Bound[] = [
    segments.map((segment) => (segment === anyDepth ? anyDepth : segment.text)),
  ]
  for (const variable of variables) {
    const values = names[variable].filter((name) => !/[*?/$]/.test(name))
    bounds = values.flatMap((value) =>
      bounds.map((bound) =>
        bound.map((part) =>
          typeof part === 'string' ? part.replaceAll(`\${${variable}}`, value) : part,
        ),
      ),
    )
  }
  return bounds
}

/** Of no pattern and no name, so that only a wildcard covers it. */
function unusedWord(texts: readonly string[]): string {
  const used = texts.join('\n')
  for (let number = 1; ; number += 1) {
    const word = number === 1 ? 'any' : `any${number}`
    if (!used.includes(word)) return word
  }
}

function plain(segment: string, fresh: string): string {
  return segment.replaceAll('*', fresh).replaceAll('?', 'x')
}

function beginApart([a]: Bound, [b]: Bound): boolean {
  const isLiteral = (part: Bound[number] | undefined) =>
    typeof part === 'string' && !/[*?]/.test(part)
  return isLiteral(a) && isLiteral(b) && a !== b
}

function meetSegments(
  a: Bound,
  b: Bound,
  fresh: string,
  countStep: () => void,
): string | undefined {
  return meet<Bound[number]>(a, b, {
    many: anyDepth,
    ofBoth: [],
    alone: (part) => plain(String(part), fresh),
    shared: (x, y) => meetCharacters(String(x), String(y), fresh, countStep),
    countStep,
  })?.join('/')
}

function meetCharacters(
  a: string,
  b: string,
  fresh: string,
  countStep: () => void,
): string | undefined {
  return meet<string>([...a], [...b], {
    many: '*',
    ofBoth: [fresh],
    alone: (character) => (character === '?' ? 'x' : character),
    shared: (x, y) => {
      if (x === '?') return y === '?' ? 'x' : y
      return y === '?' || x === y ? x : undefined
    },
    countStep,
  })?.join('')
}

interface Parts<Part> {
  /** Stands for any number of parts, also for none. */
  readonly many: Part
  /** What it stands for where the other one has it too. */
  readonly ofBoth: readonly string[]
  /** What one part is where the other has `many`. */
  readonly alone: (part: Part) => string
  readonly shared: (a: Part, b: Part) => string | undefined
  /** Called for each place of the one beside each of the other that is looked at. */
  readonly countStep: () => void
}

/** Something that two globs both cover. */
function meet<Part>(
  a: readonly Part[],
  b: readonly Part[],
  { many, ofBoth, alone, shared, countStep }: Parts<Part>,
): readonly string[] | undefined {
  const known = new Map<number, readonly string[] | undefined>()
  const visit = (i: number, j: number): readonly string[] | undefined => {
    const key = i * (b.length + 1) + j
    if (!known.has(key)) {
      countStep()
      known.set(key, from(i, j))
    }
    return known.get(key)
  }
  const before = (head: string | undefined, tail: () => readonly string[] | undefined) => {
    const rest = head === undefined ? undefined : tail()
    return rest && [head as string, ...rest]
  }
  const from = (i: number, j: number): readonly string[] | undefined => {
    if (i === a.length && j === b.length) return []
    const [x, y] = [a[i], b[j]]
    if (x === many && y === many) {
      const rest = visit(i + 1, j + 1) ?? visit(i + 1, j) ?? visit(i, j + 1)
      return rest && [...ofBoth, ...rest]
    }
    if (x === many) {
      return (
        visit(i + 1, j) ?? (y === undefined ? undefined : before(alone(y), () => visit(i, j + 1)))
      )
    }
    if (y === many) {
      return (
        visit(i, j + 1) ?? (x === undefined ? undefined : before(alone(x), () => visit(i + 1, j)))
      )
    }
    if (x === undefined || y === undefined) return undefined
    return before(shared(x, y), () => visit(i + 1, j + 1))
  }
  return visit(0, 0)
}

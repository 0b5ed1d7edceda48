/**
 * Runs Go's regular expressions as Go does: all ways at once, one character after the other, so that
 * the time is bounded by the product of the two lengths, whatever the expression. JavaScript's own
 * would try the ways one by one, and there are expressions for which that takes years.
 */

import { type CharacterSet, contains } from './character-set.ts'
import {
  type Expression,
  type Fault,
  isFault,
  type Place,
  parseGoRegexp,
} from './go-regexp-syntax.ts'

/** An expression, ready to run. */
export interface GoRegexp {
  readonly expression: Expression
  /** Whether it fits somewhere in the text: Go does not anchor. */
  test(text: string): boolean
  /** What the leftmost fit and its groups cover; undefined where there is none. */
  find(text: string): readonly string[] | undefined
}

type Step =
  | { readonly kind: 'character'; readonly set: CharacterSet; readonly next: number }
  | { readonly kind: 'place'; readonly place: Place; readonly next: number }
  | { readonly kind: 'save'; readonly slot: number; readonly next: number }
  | { readonly kind: 'fork'; readonly nexts: readonly number[] }
  | { readonly kind: 'done' }

// A thousand steps are a long expression; this one takes a second for a thousand names.
const maximumSteps = 5_000

/** @returns the expression ready to run, or why it cannot be run */
export function compileGoRegexp(text: string): GoRegexp | Fault {
  const expression = parseGoRegexp(text)
  if (isFault(expression)) return expression
  const steps: Step[] = [{ kind: 'done' }]
  const start = build(expression, 0, steps)
  if (start === undefined) return { kind: 'unsupported', reason: 'it is too long to be run here' }
  const groups = countGroups(expression)
  return {
    expression,
    test: (name) => run(steps, start, name, 0) !== undefined,
    find: (name) => {
      const slots = run(steps, start, name, groups + 1)
      if (slots === undefined) return undefined
      const points = Array.from(name)
      return Array.from({ length: groups + 1 }, (_, group) => {
        const [from, to] = [slots[2 * group], slots[2 * group + 1]]
        return from === undefined || to === undefined ? '' : points.slice(from, to).join('')
      })
    },
  }
}

/** From behind: `next` is the step that follows. @returns the first step, undefined where there are too many */
function build(expression: Expression, next: number, steps: Step[]): number | undefined {
  if (steps.length > maximumSteps) return undefined
  const add = (step: Step): number => steps.push(step) - 1
  switch (expression.kind) {
    case 'character':
    case 'place':
      return add({ ...expression, next })
    case 'group': {
      const slot = 2 * expression.index
      const inner = build(expression.part, add({ kind: 'save', slot: slot + 1, next }), steps)
      return inner === undefined ? undefined : add({ kind: 'save', slot, next: inner })
    }
    case 'sequence': {
      let first: number | undefined = next
      for (const part of expression.parts.toReversed()) {
        if (first !== undefined) first = build(part, first, steps)
      }
      return first
    }
    case 'choice': {
      const nexts = expression.options.map((option) => build(option, next, steps))
      return nexts.includes(undefined) ? undefined : add({ kind: 'fork', nexts: nexts as number[] })
    }
    case 'repeat':
      return buildRepeat(expression, next, steps)
  }
}

function buildRepeat(
  { part, least, most, isLazy }: Extract<Expression, { kind: 'repeat' }>,
  next: number,
  steps: Step[],
): number | undefined {
  const orSkip = (inner: number): Step => ({
    kind: 'fork',
    nexts: isLazy ? [next, inner] : [inner, next],
  })
  let first: number | undefined = next
  let copies = least
  if (most === Number.POSITIVE_INFINITY) {
    const loop = steps.push({ kind: 'done' }) - 1
    const inner = build(part, loop, steps)
    if (inner === undefined) return undefined
    steps[loop] = orSkip(inner)
    // What may be empty is taken once before it is asked whether again: Go finds other groups otherwise.
    if (least > 0) first = inner
    else first = mayBeEmpty(part) ? steps.push(orSkip(inner)) - 1 : loop
    copies -= 1
  } else {
    for (let count = least; count < most && first !== undefined; count += 1) {
      const inner: number | undefined = build(part, first, steps)
      first = inner === undefined ? undefined : steps.push(orSkip(inner)) - 1
    }
  }
  for (let count = 0; count < copies && first !== undefined; count += 1) {
    first = build(part, first, steps)
  }
  return first
}

function mayBeEmpty(expression: Expression): boolean {
  switch (expression.kind) {
    case 'character':
      return false
    case 'place':
      return true
    case 'group':
      return mayBeEmpty(expression.part)
    case 'sequence':
      return expression.parts.every(mayBeEmpty)
    case 'choice':
      return expression.options.some(mayBeEmpty)
    case 'repeat':
      return expression.least === 0 || mayBeEmpty(expression.part)
  }
}

function countGroups(expression: Expression): number {
  switch (expression.kind) {
    case 'group':
      return Math.max(expression.index, countGroups(expression.part))
    case 'repeat':
      return countGroups(expression.part)
    case 'sequence':
      return Math.max(0, ...expression.parts.map(countGroups))
    case 'choice':
      return Math.max(0, ...expression.options.map(countGroups))
    default:
      return 0
  }
}

type Slots = readonly (number | undefined)[]

interface Thread {
  readonly step: number
  readonly slots: Slots
}

/** @param groups how many to remember, 0: only whether it fits. @returns their ends, the preferred way's */
function run(
  steps: readonly Step[],
  start: number,
  text: string,
  groups: number,
): Slots | undefined {
  const points = Array.from(text, (point) => point.codePointAt(0) ?? 0)
  let threads: Thread[] = []
  let found: Slots | undefined
  for (let at = 0; at <= points.length; at += 1) {
    const visited = new Uint8Array(steps.length)
    const current: Thread[] = []
    for (const thread of threads) follow(steps, thread, points, at, visited, current)
    // Later beginnings come last: the leftmost fit is preferred.
    if (found === undefined) {
      const slots = groups === 0 ? [] : [at]
      follow(steps, { step: start, slots }, points, at, visited, current)
    }
    threads = []
    for (const { step, slots } of current) {
      const reached = steps[step] as Step
      if (reached.kind === 'done') {
        if (groups === 0) return slots
        const ended = [...slots]
        ended[1] = at
        found = ended
        break
      }
      if (reached.kind !== 'character') continue
      const point = points[at]
      if (point !== undefined && contains(reached.set, point))
        threads.push({ step: reached.next, slots })
    }
    if (threads.length === 0 && found !== undefined) return found
  }
  return found
}

/** Goes on to the steps that take a character, in the order of preference. Not recursive: expressions are long. */
function follow(
  steps: readonly Step[],
  from: Thread,
  points: readonly number[],
  at: number,
  visited: Uint8Array,
  reached: Thread[],
): void {
  const waiting: Thread[] = [from]
  for (;;) {
    const thread = waiting.pop()
    if (thread === undefined) return
    if (visited[thread.step] === 1) continue
    visited[thread.step] = 1
    const step = steps[thread.step] as Step
    switch (step.kind) {
      case 'fork':
        for (const next of step.nexts.toReversed())
          waiting.push({ step: next, slots: thread.slots })
        break
      case 'place':
        if (isAt(step.place, points, at)) waiting.push({ step: step.next, slots: thread.slots })
        break
      case 'save': {
        if (thread.slots.length === 0) {
          waiting.push({ step: step.next, slots: thread.slots })
          break
        }
        const slots = [...thread.slots]
        slots[step.slot] = at
        waiting.push({ step: step.next, slots })
        break
      }
      default:
        reached.push(thread)
    }
  }
}

function isAt(place: Place, points: readonly number[], at: number): boolean {
  const lineFeed = 10
  switch (place) {
    case 'begin':
      return at === 0
    case 'end':
      return at === points.length
    case 'line_begin':
      return at === 0 || points[at - 1] === lineFeed
    case 'line_end':
      return at === points.length || points[at] === lineFeed
    case 'word_edge':
      return isWord(points[at - 1]) !== isWord(points[at])
    case 'no_word_edge':
      return isWord(points[at - 1]) === isWord(points[at])
  }
}

function isWord(code: number | undefined): boolean {
  return code !== undefined && /\w/.test(String.fromCodePoint(code))
}

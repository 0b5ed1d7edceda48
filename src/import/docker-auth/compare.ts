/**
 * The proof of a translation: both policies are asked the same, over requests made from the patterns of
 * both and from what is near them, and every difference is told.
 */

import type { Policy } from '../../authorization/policy.ts'
import type { AclEntry } from './auth-config.ts'
import { type Change, isAnnounced } from './change.ts'
import type { Surroundings } from './entry-regions.ts'
import { differencesOf, heldBefore, heldNow, requestOf } from './held-actions.ts'
import { addressesOf, namesOf, type Person, peopleOf } from './sample-requests.ts'
import type { TranslatedRule } from './translated-rule.ts'

/** What came of it. */
export interface Comparison {
  /** Decisions that were compared. */
  readonly cells: number
  /** Those that were the same. */
  readonly same: number
  /** Those that could not be compared, since they hang on an expression that is not run here. */
  readonly unknown: number
  readonly differences: readonly Difference[]
}

/** All requests in which the two differ in the same way by the same rules. */
export interface Difference {
  readonly direction: 'less' | 'more'
  /** The rule of docker_auth that decided; undefined: none did. */
  readonly rule: number | undefined
  readonly actions: readonly string[]
  readonly count: number
  readonly example: {
    readonly who: string
    readonly on: string
    readonly from: string
    readonly service: string
  }
  /** The names of Dockwarden's rules that gave or took in the example. */
  readonly rules: readonly string[]
  /** Whether the translation told of it. */
  readonly isAnnounced: boolean
}

const maximumCells = 30_000
const evaluations = 2_000_000

/** Asks both, at most some ten thousand times. What was announced is in the changes of the translation. */
export function compare(
  entries: readonly AclEntry[],
  surroundings: Surroundings,
  policy: Policy,
  translation: { readonly rules: readonly TranslatedRule[]; readonly changes: readonly Change[] },
): Comparison {
  const people = peopleOf(entries, surroundings)
  const names = namesOf(entries, translation.rules, people)
  const spaces = [people, names, addressesOf(entries), surroundings.services] as const
  const found = new Map<string, { -readonly [Key in keyof Difference]: Difference[Key] }>()
  const counts = { cells: 0, same: 0, unknown: 0 }
  for (const [person, name, address, service] of combinations(
    spaces,
    mostCells(surroundings, people),
  )) {
    const asked = { person, name, address, service }
    const was = surroundings.evaluator.answer(requestOf(asked))
    counts.cells += 1
    if (was.kind === 'unknown') {
      counts.unknown += 1
      continue
    }
    const now = heldNow(policy, asked)
    const differences = differencesOf(heldBefore(was, name), now.actions)
    if (differences.length === 0) counts.same += 1
    for (const { direction, actions } of differences) {
      const rule = was.entry?.number
      const key = JSON.stringify([direction, rule, actions])
      const known = found.get(key)
      if (known !== undefined) known.count += 1
      else {
        found.set(key, {
          ...{ direction, rule, actions, count: 1, rules: now.rules },
          example: { who: person.account || 'anonymous', on: name, from: address, service },
          isAnnounced: isAnnounced(direction, rule, translation.changes),
        })
      }
    }
  }
  return { ...counts, differences: [...found.values()] }
}

function mostCells({ evaluator }: Surroundings, people: readonly Person[]): number {
  const work = people.reduce((sum, { labels }) => sum + evaluator.work(labels), 0) / people.length
  // Of nobody there is nothing to ask.
  return Math.min(maximumCells, Math.max(1, Math.floor(evaluations / (work || 1))))
}

type Spaces = readonly [readonly Person[], readonly string[], readonly string[], readonly string[]]

/** All of them with all; where they are too many, some from everywhere. */
function* combinations(
  spaces: Spaces,
  most: number,
): Generator<readonly [Person, string, string, string]> {
  const total = spaces.reduce((count, space) => count * space.length, 1)
  // A prime is no multiple of any of the lengths.
  const step = total <= most ? 1 : nextPrime(Math.ceil(total / most))
  for (let index = 0; index < total; index += step) {
    let rest = index
    yield spaces.map((space) => {
      const at = rest % space.length
      rest = Math.floor(rest / space.length)
      return space[at]
    }) as [Person, string, string, string]
  }
}

function nextPrime(least: number): number {
  for (let number = Math.max(least, 2); ; number += 1) {
    let isPrime = true
    for (let divisor = 2; divisor * divisor <= number && isPrime; divisor += 1)
      isPrime = number % divisor !== 0
    if (isPrime) return number
  }
}

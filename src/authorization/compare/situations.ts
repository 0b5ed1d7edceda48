/**
 * The circumstances in which two policies have to be compared so that none is missed: conditions cut
 * time, addresses and services into pieces, and whoever asks within one piece is always told the same.
 */

import type { Circumstances, ConditionTest } from '../conditions.ts'
import type { Conditions } from '../rule.ts'
import { momentWords } from '../rule-words.ts'
import { type Place, placesOf } from './places.ts'

/** A set of situations, one bit for each. */
export type Situations = bigint

/** One piece: where no rule can tell two requests apart by their circumstances. */
interface Situation {
  readonly circumstances: Circumstances
  /** Which value it has of each axis. */
  readonly indices: readonly number[]
}

const maximumSituations = 500
const maximumOfAxis = 60

export class ComparedSituations {
  readonly all: Situations
  readonly isCut: boolean
  readonly #situations: readonly Situation[]
  readonly #services: readonly string[]
  readonly #places: readonly Place[]
  readonly #moments: readonly Date[]

  /** @param now nobody asks before it, so what rules said until then is of no interest */
  constructor(conditions: readonly Conditions[], services: readonly string[], now: Date) {
    const places = placesOf(conditions.flatMap(({ network = [] }) => network))
    const moments = momentsOf(conditions, now)
    this.#services = services.slice(0, maximumOfAxis)
    this.#places = places.slice(0, maximumOfAxis)
    this.#moments = moments.slice(0, maximumOfAxis)
    const axes = [this.#services, this.#places, this.#moments].map(({ length }) => length)
    this.#situations = combinations(axes)
      .slice(0, maximumSituations)
      .map((indices) => ({ indices, circumstances: this.#circumstances(indices) }))
    this.isCut = services.length * places.length * moments.length > this.#situations.length
    this.all = (1n << BigInt(this.#situations.length)) - 1n
  }

  get size(): number {
    return this.#situations.length
  }

  /**
   * The situations by which of these tests hold in them.
   *
   * @returns for each class the situations in it and, for each test, whether it holds
   */
  classesOf(tests: readonly ConditionTest[]): readonly SituationClass[] {
    const classes = new Map<string, { situations: bigint; readonly holds: readonly boolean[] }>()
    for (const [index, { circumstances }] of this.#situations.entries()) {
      const holds = tests.map((test) => test(circumstances).length === 0)
      const known = classes.get(holds.join()) ?? { situations: 0n, holds }
      known.situations |= 1n << BigInt(index)
      classes.set(holds.join(), known)
    }
    return [...classes.values()]
  }

  /** In words, as `from 10.20.0.0/16, until 2027-01-01`; empty for all of them. */
  describe(situations: Situations): string {
    if (situations === this.all) return ''
    const held = this.#situations.filter((_each, index) => (situations >> BigInt(index)) & 1n)
    const [services = [], places = [], moments = []] = [0, 1, 2].map((axis) =>
      [...new Set(held.map(({ indices }) => indices[axis] ?? 0))].sort((a, b) => a - b),
    )
    if (services.length * places.length * moments.length > held.length) {
      const [service = 0, place = 0, moment = 0] = held[0]?.indices ?? []
      return `for example ${this.#describe([service], [place], [moment])}`
    }
    return this.#describe(services, places, moments)
  }

  #describe(
    services: readonly number[],
    places: readonly number[],
    moments: readonly number[],
  ): string {
    const parts: string[] = []
    if (places.length < this.#places.length) {
      const labels = new Set(places.map((index) => this.#places[index]?.label))
      parts.push(`from ${[...labels].join(' or ')}`)
    }
    if (moments.length < this.#moments.length) {
      parts.push(
        runs(moments)
          .map((run) => this.#period(run))
          .join(' and '),
      )
    }
    if (services.length < this.#services.length) {
      parts.push(`for service ${services.map((index) => this.#services[index]).join(' or ')}`)
    }
    return parts.join(', ')
  }

  /** @param run moments of which each begins where the one before ends */
  #period(run: readonly number[]): string {
    const first = run[0] ?? 0
    const end = this.#moments[(run.at(-1) ?? 0) + 1]
    const begin = this.#moments[first]
    const until = end === undefined ? '' : `until ${momentWords(end)}`
    if (first === 0 || begin === undefined) return until
    return until === '' ? `from ${momentWords(begin)} on` : `from ${momentWords(begin)} ${until}`
  }

  #circumstances([service = 0, place = 0, moment = 0]: readonly number[]): Circumstances {
    return {
      service: this.#services[service] ?? '',
      address: this.#places[place]?.address ?? '',
      time: this.#moments[moment] ?? new Date(0),
    }
  }
}

export interface SituationClass {
  readonly situations: Situations
  readonly holds: readonly boolean[]
}

/** Every combination of one index for each axis, the most usual first: those with the most zeros. */
function combinations(lengths: readonly number[]): readonly (readonly number[])[] {
  let all: readonly (readonly number[])[] = [[]]
  for (const length of lengths) {
    all = all.flatMap((head) => Array.from({ length }, (_, index) => [...head, index]))
  }
  const deviations = (indices: readonly number[]) => indices.filter((index) => index > 0).length
  return all.toSorted((a, b) => deviations(a) - deviations(b))
}

/** Now, and each later moment from which on some rule speaks, or speaks no more. */
function momentsOf(conditions: readonly Conditions[], now: Date): readonly Date[] {
  const times = conditions
    .flatMap(({ from, until }) => [from, until])
    .flatMap((moment) => (moment !== undefined && moment > now ? [moment.getTime()] : []))
  return [now, ...[...new Set(times)].sort((a, b) => a - b).map((time) => new Date(time))]
}

function runs(indices: readonly number[]): readonly (readonly number[])[] {
  const found: number[][] = []
  for (const index of indices) {
    const last = found.at(-1)
    if (last?.at(-1) === index - 1) last.push(index)
    else found.push([index])
  }
  return found
}

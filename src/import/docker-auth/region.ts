/** Where a rule speaks: whom of, on what, for which services, from which networks. */

import { coversNetwork, type Network } from '../../network.ts'
import { holds, meets, remainder } from '../glob-sets.ts'
import {
  hasOthers,
  isNobody,
  type Who,
  type World,
  whoHolds,
  whoMeets,
  whoWithin,
  whoWithout,
} from './who.ts'

/** A product of four sets. */
export interface Region {
  readonly kind: 'repository' | 'catalog'
  readonly who: Who
  /** Patterns of Dockwarden; of the catalog its one name. */
  readonly names: readonly string[]
  /** undefined: all of them. */
  readonly services: readonly string[] | undefined
  readonly networks: readonly Network[] | undefined
}

/** Whether something may be in both. */
export function regionsMeet(a: Region, b: Region): boolean {
  return (
    a.kind === b.kind &&
    whoMeets(a.who, b.who) &&
    listsMeet(a.services, b.services, (one, other) => one === other) &&
    listsMeet(
      a.networks,
      b.networks,
      (one, other) => coversNetwork(one, other) || coversNetwork(other, one),
    ) &&
    meets(a.names, b.names)
  )
}

/** Whether the outer one is certain to hold the inner one. */
export function regionHolds(outer: Region, inner: Region): boolean {
  return (
    conditionsHold(outer, inner) &&
    whoHolds(outer.who, inner.who) &&
    holds(outer.names, inner.names)
  )
}

function conditionsHold(outer: Region, inner: Region): boolean {
  return (
    outer.kind === inner.kind &&
    listHolds(outer.services, inner.services, (one, other) => one === other) &&
    listHolds(outer.networks, inner.networks, coversNetwork)
  )
}

/** At least what is in both, and nothing that is not in `a`. */
export function regionWithin(a: Region, b: Region): Region {
  // `${group}` needs a rule that is about groups.
  const names = holds(a.names, b.names) && !isOfGroups(b) ? b.names : a.names
  return {
    kind: a.kind,
    who: isOfGroups({ names }) ? a.who : whoWithin(a.who, b.who),
    names,
    services: listHolds(a.services, b.services, (one, other) => one === other)
      ? b.services
      : a.services,
    networks: listHolds(a.networks, b.networks, coversNetwork) ? b.networks : a.networks,
  }
}

/** Exactly what is in `from` and not in `without`; undefined where our words cannot say it. */
export function regionWithout(
  from: Region,
  without: Region,
  world: World,
): readonly Region[] | undefined {
  if (!regionsMeet(from, without)) return [from]
  if (!conditionsHold(without, from)) return undefined
  if (isOfGroups(from) && !whoHolds(without.who, from.who)) return undefined
  const { who } = from
  if (isVariable(without.names) && !isVariable(from.names) && !hasOthers(who) && !who.anonymous) {
    return eachPerson(from, without, world)
  }
  const names = remainder(from.names, without.names)
  const within = names === undefined || names.length === 0 ? [] : [{ ...from, names }]
  if (whoHolds(without.who, who)) return names && within
  const apart = whoWithout(who, without.who, world)
  if (apart === undefined) return undefined
  const both = whoWithin(who, without.who)
  if (names === undefined && holds(without.names, from.names)) return [{ ...from, who: apart }]
  if (names === undefined) return undefined
  return [
    ...(isNobody(apart) ? [] : [{ ...from, who: apart }]),
    ...within.map((region) => ({ ...region, who: both })),
  ]
}

function isOfGroups({ names }: Pick<Region, 'names'>): boolean {
  return names.some((name) => name.includes(`\${group}`))
}

function isVariable(names: readonly string[]): boolean {
  return names.some((name) => name.includes(`\${`))
}

/** What the variables stand for is known of each person whom the file names. */
function eachPerson(from: Region, without: Region, world: World): readonly Region[] | undefined {
  const all: Region[] = []
  for (const name of from.who.known) {
    const who: Who = { ...from.who, known: new Set([name]) }
    if (!whoMeets(who, without.who)) {
      all.push({ ...from, who })
      continue
    }
    const groups = [...(world.known.get(name) ?? [])]
    const taken = without.names.flatMap((pattern) =>
      (pattern.includes(`\${group}`) ? groups : ['']).map((group) =>
        pattern.replaceAll(`\${user}`, name).replaceAll(`\${group}`, group),
      ),
    )
    // A name or a group that no repository can bear is in none.
    const names = remainder(
      from.names,
      taken.filter((pattern) => /^[a-z0-9._:/*?{},-]+$/.test(pattern)),
    )
    if (names === undefined) return undefined
    if (names.length > 0) all.push({ ...from, who, names })
  }
  return all
}

function listsMeet<Item>(
  a: readonly Item[] | undefined,
  b: readonly Item[] | undefined,
  isMet: (one: Item, other: Item) => boolean,
): boolean {
  return a === undefined || b === undefined || a.some((one) => b.some((other) => isMet(one, other)))
}

function listHolds<Item>(
  outer: readonly Item[] | undefined,
  inner: readonly Item[] | undefined,
  holdsItem: (one: Item, other: Item) => boolean,
): boolean {
  if (outer === undefined) return true
  return inner?.every((each) => outer.some((one) => holdsItem(one, each))) ?? false
}

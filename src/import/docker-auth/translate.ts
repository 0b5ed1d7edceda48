/**
 * From docker_auth's rules, of which the first that matches decides, to Dockwarden's, where allows are
 * united and a deny wins.
 *
 * Each rule becomes allows. Where an earlier rule stops the search without giving what a later one
 * gives, the later one must not speak: either a deny says so, if nothing that a rule before it gives is
 * lost by that, or the later rule is narrowed. Where our words do for neither, the deny stands all the
 * same and the loss is told: Dockwarden then gives less than docker_auth did, never more.
 */

import type { AclEntry } from './auth-config.ts'
import { type Change, Changes } from './change.ts'
import { type EntryRegions, entryRegions, type Surroundings } from './entry-regions.ts'
import { type Region, regionHolds, regionsMeet, regionWithin, regionWithout } from './region.ts'
import { allRights, type Right, rightsOf, wordOf } from './right.ts'
import { rulesOf, type TranslatedRule } from './translated-rule.ts'
import { principalsOf } from './who.ts'

/** What the rules have become. */
export interface Translation {
  readonly rules: readonly TranslatedRule[]
  readonly groups: ReadonlyMap<string, readonly string[]>
  readonly changes: readonly Change[]
}

/** A rule of docker_auth on its way. */
interface Item {
  readonly entry: AclEntry
  readonly regions: EntryRegions
  readonly rights: ReadonlySet<Right>
  /** Where it gives each right; some of it goes on the way. */
  readonly gives: Map<Right, readonly Region[]>
  /** Where it takes each right from later ones, which no rule of its own would say. */
  readonly takes: Map<Right, Region[]>
}

/** The rules in the order of docker_auth's, with the members of the groups that they name. */
export function translateAcl(
  entries: readonly AclEntry[],
  surroundings: Surroundings,
): Translation {
  const changes = new Changes()
  const items = entries.map((entry): Item => {
    const regions = entryRegions(entry, surroundings)
    const rights = rightsOf(entry, changes)
    const gives = new Map(
      [...rights].map((right) => [right, ofRight(right, regions.inner)] as const),
    )
    return { entry, regions, rights, gives, takes: new Map() }
  })
  for (const item of items) tellRegions(item, items, changes)
  for (const item of items) dropUnreachable(item, items, changes)
  for (const [index, item] of items.entries()) {
    for (const right of allRights) {
      if (!item.rights.has(right))
        stop(right, item, items.slice(0, index), items.slice(index + 1), surroundings, changes)
    }
  }
  const names = new Set<string>()
  const rules = items.flatMap((item) => rulesOf(item, surroundings.world, names))
  const named = new Set(rules.flatMap(({ who }) => who))
  const isUsed = (group: string) => named.has(`group:${group}`) || named.has('group:*')
  return {
    rules,
    groups: new Map([...surroundings.world.members].filter(([group]) => isUsed(group))),
    changes: changes.all,
  }
}

function ofRight(right: Right, regions: readonly Region[]): readonly Region[] {
  const kind = right === 'list' ? 'catalog' : 'repository'
  return regions.filter((region) => region.kind === kind)
}

function tellRegions(item: Item, items: readonly Item[], changes: Changes): void {
  const { entry, regions, rights } = item
  const { number, unknownKeys, match } = entry
  if (unknownKeys.length > 0) {
    const keys = unknownKeys.map((key) => JSON.stringify(key)).join(', ')
    changes.add(
      'note',
      number,
      `docker_auth does not know ${keys} and passed it over: the rule means what is left of it`,
    )
  }
  const isEmpty =
    match.labels.size === 0 &&
    !(['account', 'type', 'name', 'ip', 'service'] as const).some((key) => match[key] !== undefined)
  if (isEmpty)
    changes.add('note', number, 'its match is empty: it is about everybody and everything')
  const isOfUse = () => rights.size > 0 && !isNeverReached(item, items)
  if (regions.reasons.length > 0 && isOfUse()) {
    const extent =
      regions.inner.length === 0 ? 'could not be carried over' : 'could be carried over in part'
    changes.add('less', number, `${extent}, because ${regions.reasons.join(', and ')}`)
  }
  if (regions.outer.length === 0) {
    changes.add('note', number, 'it fits nobody and nothing that there is, and is left out')
  }
  if (regions.namesThoseOfToday && isOfUse()) {
    changes.add(
      'later',
      number,
      'its pattern for accounts became the users whom it fits today; who is added later is not meant',
    )
  }
}

/** Whether earlier rules decide wherever it speaks, also where we have no words for that. */
function isNeverReached(item: Item, items: readonly Item[]): boolean {
  const { outer } = item.regions
  const before = decidedBefore(item, items)
  return (
    outer.length > 0 && outer.every((region) => before.some((each) => regionHolds(each, region)))
  )
}

function decidedBefore(item: Item, items: readonly Item[]): readonly Region[] {
  return items.slice(0, items.indexOf(item)).flatMap(({ regions }) => regions.inner)
}

/** What an earlier rule has decided everywhere is never asked of a later one. */
function dropUnreachable(item: Item, items: readonly Item[], changes: Changes): void {
  const before = decidedBefore(item, items)
  for (const right of item.rights) {
    const left = (item.gives.get(right) ?? []).filter(
      (region) => !before.some((outer) => regionHolds(outer, region)),
    )
    item.gives.set(right, left)
  }
  if (item.rights.size === 0) return
  const { inner, reasons } = item.regions
  const hadAny = [...item.rights].some((right) => ofRight(right, inner).length > 0)
  const hasNone = [...item.gives.values()].every((regions) => regions.length === 0)
  if (hasNone && ((hadAny && reasons.length === 0) || isNeverReached(item, items))) {
    changes.add(
      'note',
      item.entry.number,
      'docker_auth never gets to it, because an earlier rule is about all of it; left out',
    )
  }
}

/** The search ends at this rule without the right, so that no later one must give it there. */
function stop(
  right: Right,
  item: Item,
  earlier: readonly Item[],
  later: readonly Item[],
  { world }: Surroundings,
  changes: Changes,
): void {
  const stopped = ofRight(right, item.regions.outer)
  const affected = later.filter((each) =>
    (each.gives.get(right) ?? []).some((region) =>
      stopped.some((stop) => regionsMeet(stop, region)),
    ),
  )
  if (affected.length === 0) return
  if (item.regions.reasons.length > 0) {
    for (const { entry } of affected) {
      const message = `the earlier rule ${item.entry.number} could only be said too widely, because ${item.regions.reasons.join(', and ')}; it now also keeps from this rule what docker_auth let through`
      changes.add('less', entry.number, message)
    }
  }
  const denied: Region[] = []
  for (const area of widest(affected.flatMap((each) => areasOf(right, stopped, each)))) {
    if (!affected.some((each) => meetsArea(right, each, area))) continue
    const givers = earlier.filter((each) => meetsArea(right, each, area))
    // A deny must also be for who is added later.
    const { areas, lost } = withoutGivers(right, area, givers, { ...world, isOpen: true })
    if (lost.length > 0 && narrow(right, area, stopped, affected, world, changes)) continue
    denied.push(...areas)
    const who = principalsOf(area.who, world, true).join(', ')
    for (const { entry } of lost)
      changes.lose({ rule: entry.number, to: item.entry.number, who }, wordOf(right))
  }
  if (denied.length === 0) return
  item.takes.set(right, widest(denied))
  if (item.regions.namesThoseOfToday) {
    const message =
      'its pattern for accounts became the users whom it fits today; who is added later and fits it is NOT KEPT from what later rules give'
    changes.add('later', item.entry.number, message)
  }
}

/** The area without what the rules before give there, as far as our words go, and the rules that lose by the rest. */
function withoutGivers(
  right: Right,
  area: Region,
  givers: readonly Item[],
  world: Surroundings['world'],
) {
  let areas: readonly Region[] = [area]
  const inTheWay: Item[] = []
  for (const giver of givers) {
    for (const region of giver.gives.get(right) ?? []) {
      const left = allOrNone(areas.map((each) => regionWithout(each, region, world)))
      if (left === undefined) inTheWay.push(giver)
      else areas = left
    }
  }
  return {
    areas,
    lost: inTheWay.filter((giver) => areas.some((each) => meetsArea(right, giver, each))),
  }
}

function meetsArea(right: Right, { gives }: Item, area: Region): boolean {
  return (gives.get(right) ?? []).some((region) => regionsMeet(region, area))
}

function areasOf(right: Right, stopped: readonly Region[], { gives }: Item): readonly Region[] {
  return (gives.get(right) ?? []).flatMap((region) =>
    stopped.filter((stop) => regionsMeet(stop, region)).map((stop) => regionWithin(stop, region)),
  )
}

/** Takes the stopped regions out of the later rules themselves. @returns whether that could be said */
function narrow(
  right: Right,
  area: Region,
  stopped: readonly Region[],
  affected: readonly Item[],
  world: Surroundings['world'],
  changes: Changes,
): boolean {
  // Push holds pull: where pull is kept from somebody, push must not bring it back.
  const rights: readonly Right[] = right === 'pull' ? ['pull', 'push'] : [right]
  const stops = stopped.filter((stop) => regionsMeet(stop, area))
  const narrowed = affected.flatMap((each) =>
    rights.map((one) => {
      const before = each.gives.get(one) ?? []
      const regions = stops.reduce<readonly Region[] | undefined>(
        (left, stop) => allOrNone(left?.map((region) => regionWithout(region, stop, world))),
        before,
      )
      return { each, one, before, regions }
    }),
  )
  if (narrowed.some(({ regions }) => regions === undefined)) return false
  const isForOthers = (all: readonly Region[]) => all.some(({ who }) => who.others === 'all')
  for (const { each, one, before, regions = [] } of narrowed) {
    each.gives.set(one, regions)
    if (isForOthers(before) && !isForOthers(regions)) {
      const message =
        'earlier rules keep some people from it, so it names the others one by one; who is added later is not meant'
      changes.add('later', each.entry.number, message)
    }
  }
  return true
}

function allOrNone(
  parts: readonly (readonly Region[] | undefined)[] | undefined,
): readonly Region[] | undefined {
  if (parts === undefined || parts.includes(undefined)) return undefined
  return (parts as readonly (readonly Region[])[]).flat()
}

/** Without those that another one holds. */
function widest(regions: readonly Region[]): Region[] {
  const kept: Region[] = []
  for (const region of regions) {
    if (kept.some((other) => regionHolds(other, region))) continue
    kept.splice(0, kept.length, ...kept.filter((other) => !regionHolds(region, other)), region)
  }
  return kept
}

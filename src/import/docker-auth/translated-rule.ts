/** From regions of rights to rules as a configuration has them. */

import { formatNetwork } from '../../network.ts'
import { type Action, repositoryActions } from '../../protocol/access.ts'
import { type ImportedRule, nameable, uniqueName } from '../imported-rule.ts'
import type { AclEntry } from './auth-config.ts'
import type { Region } from './region.ts'
import type { Right } from './right.ts'
import { principalsOf, type World } from './who.ts'

/** A rule, and where it comes from. */
export interface TranslatedRule extends ImportedRule {
  /** The number of docker_auth's rule. */
  readonly entry: number
}

/** What a rule of docker_auth has become. */
export interface RuleAreas {
  readonly entry: AclEntry
  readonly gives: ReadonlyMap<Right, readonly Region[]>
  readonly takes: ReadonlyMap<Right, readonly Region[]>
}

/** The rules of a configuration, each with a name that is not among the names. */
export function rulesOf(
  { entry, gives, takes }: RuleAreas,
  world: World,
  names: Set<string>,
): readonly TranslatedRule[] {
  const byGroups = entry.match.labels.size > 0 || entry.match.name?.includes(`\${labels:`) === true
  const write = (
    areas: ReadonlyMap<Right, readonly Region[]>,
    isDeny: boolean,
  ): readonly TranslatedRule[] =>
    groupedRegions(areas, (region) => principalsOf(region.who, world, byGroups)).map(
      ({ region, who, actions, on }) => ({
        name: uniqueName(nameOf(entry, isDeny), names),
        entry: entry.number,
        who,
        may: isDeny ? [] : actions,
        mayNot: isDeny ? actions : [],
        on,
        services: region.services,
        networks: region.networks?.map(formatNetwork),
      }),
    )
  return [...write(takes, true), ...write(gives, false)]
}

interface Grouped {
  readonly region: Region
  readonly who: readonly string[]
  readonly actions: readonly Action[]
  readonly on: readonly string[]
}

/** One for each of those who get the same on the same, in the order of their first right. */
function groupedRegions(
  areas: ReadonlyMap<Right, readonly Region[]>,
  principals: (region: Region) => readonly string[],
): readonly Grouped[] {
  const bySpace = new Map<
    string,
    { region: Region; who: readonly string[]; names: Map<string, Set<Right>> }
  >()
  for (const [right, regions] of areas) {
    for (const region of regions) {
      const who = principals(region)
      const key = JSON.stringify([who, region.services, region.networks?.map(formatNetwork)])
      const space = bySpace.get(key) ?? { region, who, names: new Map<string, Set<Right>>() }
      bySpace.set(key, space)
      for (const name of region.kind === 'catalog' ? ['registry:catalog'] : region.names) {
        const rights = space.names.get(name) ?? new Set()
        space.names.set(name, rights.add(right))
      }
    }
  }
  return [...bySpace.values()].flatMap(({ region, who, names }) => {
    const byActions = new Map<string, { actions: readonly Action[]; on: string[] }>()
    for (const [name, rights] of names) {
      const held = repositoryActions.filter((action) => rights.has(action))
      const isAll = rights.has('list') || held.length === repositoryActions.length
      const actions: readonly Action[] = isAll ? ['*'] : held
      const same = byActions.get(String(actions)) ?? { actions, on: [] }
      byActions.set(String(actions), same)
      same.on.push(name)
    }
    return [...byActions.values()].map(({ actions, on }) => ({ region, who, actions, on }))
  })
}

function nameOf(entry: AclEntry, isDeny: boolean): string {
  const comment = nameable(entry.comment ?? '')
    .replace(/\s+/g, ' ')
    .trim()
  const usable = comment === '' ? '' : `: ${comment.slice(0, 120).trim()}`
  return `docker_auth rule ${entry.number}${isDeny ? ', what it keeps from later ones' : ''}${usable}`
}

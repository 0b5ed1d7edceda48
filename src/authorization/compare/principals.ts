/** For whom two policies are compared: everybody whom some rule can tell from others. */

import type { Asker } from '../authorize.ts'
import { patternsIn } from '../explain/rule-fit.ts'
import type { GroupMap } from '../policy.ts'
import { formatPrincipal, type Principal, type Rule } from '../rule.ts'
import { namesInPaths } from './names-in-paths.ts'
import type { Names } from './witness-names.ts'

export interface ComparedPrincipal {
  /** As `who` writes it, or in words. */
  readonly label: string
  /** Null for anonymous. */
  readonly asker: Asker | null
  /** The labels of those whose gain, or loss, is theirs as well. */
  readonly sharesGainOf: readonly string[]
  readonly sharesLossOf: readonly string[]
  /** Whether the files put it into other groups than before. */
  readonly hasMoved: boolean
}

/** One of the two policies, as far as its text goes. */
export interface PolicyText {
  readonly rules: readonly Rule[]
  readonly groups: GroupMap
}

export interface Principals {
  /** Those whose changes others share stand before these. */
  readonly all: readonly ComparedPrincipal[]
  readonly names: Names
  readonly isCut: boolean
}

const maximumPairs = 500
const maximumUsers = 2_000

/**
 * @param changed the rules that stand on one side alone
 * @param more names of users that neither side names
 */
export function principalsOf(
  before: PolicyText,
  after: PolicyText,
  changed: readonly Rule[],
  more: readonly string[] = [],
): Principals {
  const named = [...before.rules, ...after.rules].flatMap(({ who }) => who)
  const namesOf = (kind: 'user' | 'group' | 'robot') =>
    named.flatMap((principal) => (principal.kind === kind ? [principal.name] : []))
  const groupMaps = [before.groups, after.groups]
  const members = groupMaps.flatMap((groups) => Object.values(groups).flat())
  const paths = namesInPaths(
    changed.flatMap(patternsIn),
    [...before.rules, ...after.rules].flatMap(patternsIn),
  )
  const { user: ofUsers, group: ofGroups, robot: ofRobots } = paths.names
  const users = sorted([...namesOf('user'), ...members, ...more, ...ofUsers])
  const groups = sorted([...namesOf('group'), ...groupMaps.flatMap(Object.keys), ...ofGroups])
  const robots = sorted([...namesOf('robot'), ...ofRobots])
  const nobody = {
    user: unused('somebody', users),
    group: unused('some-group', groups),
    robot: unused('some-robot', robots),
  }
  const askerOf = askersOf(nobody)
  const single = (principal: Principal, ofBefore: readonly string[], ofAfter = ofBefore) => ({
    label: formatPrincipal(principal),
    asker: askerOf([principal]),
    sharesLossOf: ofBefore,
    sharesGainOf: ofAfter,
    hasMoved: ofBefore.join() !== ofAfter.join(),
  })
  const ofUser = (name: string) =>
    [before, after].map((side) => {
      const all = groupsOf(name, side.groups)
      return ['authenticated', ...(all.length > 0 ? ['group:*'] : []), ...all]
    })
  const moved = users.slice(0, maximumUsers).flatMap((name): readonly Moved[] => {
    const [old = [], now = []] = ofUser(name)
    const crossed = [...old, ...now].filter((each) => !old.includes(each) || !now.includes(each))
    return crossed.length === 0 ? [] : [{ name, groups: crossed }]
  })
  const hasMoved = (pair: readonly Principal[]) =>
    pair.some((each) => each.kind === 'user' && moved.some(({ name }) => name === each.name))
  const pairs = pairsOf(changed, [...before.rules, ...after.rules], moved)
  return {
    all: [
      single({ kind: 'anonymous' }, []),
      single({ kind: 'authenticated' }, []),
      { ...single({ kind: 'robot', name: nobody.robot }, ['authenticated']), label: 'any robot' },
      single({ kind: 'every_group' }, ['authenticated']),
      ...groups.map((name) => single({ kind: 'group', name }, ['authenticated', 'group:*'])),
      ...robots.map((name) => single({ kind: 'robot', name }, ['authenticated', 'any robot'])),
      ...users
        .slice(0, maximumUsers)
        .map((name) => single({ kind: 'user', name }, ...(ofUser(name) as [string[], string[]]))),
      ...pairs.slice(0, maximumPairs).map((pair) => {
        const shared = ['authenticated', 'group:*', 'any robot', ...pair.map(formatPrincipal)]
        const label = pair.map(formatPrincipal).join(' in ')
        const own = { label, asker: askerOf(pair), hasMoved: hasMoved(pair) }
        return { ...single(pair[0], shared), ...own }
      }),
    ],
    names: {
      user: [nobody.user, ...users],
      group: [nobody.group, ...groups],
      robot: [nobody.robot, ...robots],
    },
    isCut: users.length > maximumUsers || pairs.length > maximumPairs || paths.isCut,
  }
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

function groupsOf(user: string, groups: GroupMap): readonly string[] {
  return Object.entries(groups)
    .filter(([, members]) => members.includes(user))
    .map(([group]) => `group:${group}`)
    .sort()
}

/** A change for a group is asked of somebody who is in that one alone, and whom no rule names. */
function askersOf(nobody: Readonly<Record<'user' | 'group' | 'robot', string>>) {
  return (principals: readonly Principal[]): Asker | null => {
    if (principals.some(({ kind }) => kind === 'anonymous')) return null
    const groups = principals.flatMap((principal) => {
      if (principal.kind === 'every_group') return [{ name: nobody.group }]
      return principal.kind === 'group' ? [{ name: principal.name }] : []
    })
    const person = principals.find(({ kind }) => kind === 'user' || kind === 'robot')
    const { kind, name } = (person as Extract<Principal, { kind: 'user' | 'robot' }>) ?? {
      kind: 'user',
      name: nobody.user,
    }
    return { kind, name, groups }
  }
}

/** Somebody whom the files put into other groups than before. */
interface Moved {
  readonly name: string
  /** Those that they come into or leave, as `who` writes them. */
  readonly groups: readonly string[]
}

/**
 * A denial takes only from whoever has the right by something else: somebody of the group that it names
 * who is also named, or in another group, where rights are given. Whoever comes into the group that it
 * names, or leaves it, may have the right by a group that no file gives.
 */
function pairsOf(
  changed: readonly Rule[],
  rules: readonly Rule[],
  moved: readonly Moved[],
): readonly (readonly [Principal, Principal])[] {
  const deniedBy = (some: readonly Rule[]) =>
    some.filter(({ mayNot }) => mayNot.length > 0).flatMap(({ who }) => who)
  const deniedAtAll = new Set(deniedBy(rules).map(formatPrincipal))
  const denied = [
    ...deniedBy(changed),
    ...moved
      .filter(({ groups }) => groups.some((group) => deniedAtAll.has(group)))
      .map(({ name }): Principal => ({ kind: 'user', name })),
  ]
  const given = rules.filter(({ may }) => may.length > 0).flatMap(({ who }) => who)
  const pairs = new Map<string, readonly [Principal, Principal]>()
  for (const a of denied.filter(isParticular)) {
    for (const b of given.filter(isParticular)) {
      const isGroup = ({ kind }: Principal) => kind === 'group' || kind === 'every_group'
      const [person, group] = isGroup(a) ? [b, a] : [a, b]
      if (!isGroup(group) || formatPrincipal(person) === formatPrincipal(group)) continue
      const key = [person, group].map(formatPrincipal)
      pairs.set((isGroup(person) ? key.sort() : key).join(), [person, group])
    }
  }
  return [...pairs.values()]
}

function isParticular({ kind }: Principal): boolean {
  return kind === 'user' || kind === 'robot' || kind === 'group' || kind === 'every_group'
}

function unused(word: string, names: readonly string[]): string {
  let unique = word
  for (let number = 2; names.includes(unique); number += 1) unique = `${word}-${number}`
  return unique
}

/** Sets of people: those whom the file names, and those of a directory, of whom only groups are known. */

/** The people that rules can be about. */
export interface World {
  /** Everybody whom the file names, by name; each with the names of their groups. */
  readonly known: ReadonlyMap<string, ReadonlySet<string>>
  /** The groups in the order of their names; each with whom the file puts into it, in the order of theirs. */
  readonly members: ReadonlyMap<string, readonly string[]>
  /** Whether docker_auth lets in who does not sign in. */
  readonly hasAnonymous: boolean
  /** Whether there are others too, in a directory. */
  readonly isOpen: boolean
}

/** A set of people. */
export interface Who {
  readonly anonymous: boolean
  /** Names of known people. */
  readonly known: ReadonlySet<string>
  /** All other people, or who of them is in one of these groups; `*` is in some group. */
  readonly others: 'all' | ReadonlySet<string>
}

/** The empty set. */
export const nobody: Who = { anonymous: false, known: new Set(), others: new Set() }

/** Whether there is nobody in it. */
export function isNobody({ anonymous, known, others }: Who): boolean {
  return !anonymous && known.size === 0 && others !== 'all' && others.size === 0
}

/** Whether somebody may be in both; of two groups somebody may be. */
export function whoMeets(a: Who, b: Who): boolean {
  if (a.anonymous && b.anonymous) return true
  for (const name of a.known) if (b.known.has(name)) return true
  return hasOthers(a) && hasOthers(b)
}

/** Whether everybody of the inner one is in the outer one. */
export function whoHolds(outer: Who, inner: Who): boolean {
  if (inner.anonymous && !outer.anonymous) return false
  for (const name of inner.known) if (!outer.known.has(name)) return false
  if (outer.others === 'all' || !hasOthers(inner)) return true
  if (inner.others === 'all') return false
  const { others } = outer
  return others.has('*') || [...inner.others].every((group) => others.has(group))
}

/** At least everybody who is in both, and nobody who is not in `a`. */
export function whoWithin(a: Who, b: Who): Who {
  if (whoHolds(a, b)) return b
  if (hasOthers(a) && hasOthers(b)) return a
  const known = new Set([...a.known].filter((name) => b.known.has(name)))
  return { anonymous: a.anonymous && b.anonymous, known, others: new Set() }
}

/**
 * Exactly who is in `from` and not in `without`; undefined where our words cannot say it. In a world
 * that is not open, whoever is added later is then not meant.
 */
export function whoWithout(from: Who, without: Who, world: World): Who | undefined {
  const known = new Set([...from.known].filter((name) => !without.known.has(name)))
  const anonymous = from.anonymous && !without.anonymous
  if (!hasOthers(from) || without.others === 'all') return { anonymous, known, others: new Set() }
  if (!world.isOpen) {
    // What is left is whom the file names, one by one.
    return { anonymous, known, others: known.size === from.known.size ? from.others : new Set() }
  }
  if (hasOthers(without)) return undefined
  return known.size === from.known.size ? { anonymous, known, others: from.others } : undefined
}

/** Whether it is about people whom the file does not name. */
export function hasOthers({ others }: Who): boolean {
  return others === 'all' || others.size > 0
}

/** The words of `who`. @param byGroups whether groups are named where they are of exactly these people */
export function principalsOf(who: Who, world: World, byGroups: boolean): readonly string[] {
  if (who.others === 'all') {
    if (who.anonymous) return ['anyone']
    return ['authenticated']
  }
  const words = who.anonymous ? ['anonymous'] : []
  if (who.others.has('*')) return [...words, 'group:*']
  const groups = groupsWithin(who, world, byGroups)
  const inGroups = new Set(groups.flatMap((group) => world.members.get(group) ?? []))
  const users = [...who.known].filter((name) => !inGroups.has(name)).sort()
  return [
    ...words,
    ...groups.map((group) => `group:${group}`),
    ...users.map((name) => `user:${name}`),
  ]
}

function groupsWithin({ known, others }: Who, world: World, byGroups: boolean): readonly string[] {
  if (others !== 'all' && others.size > 0) return [...others].sort()
  if (world.isOpen || !byGroups) return []
  const covered = new Set<string>()
  const chosen: string[] = []
  for (const [group, members] of world.members) {
    const isNew = members.some((name) => !covered.has(name))
    if (!isNew || !members.every((name) => known.has(name))) continue
    chosen.push(group)
    for (const name of members) covered.add(name)
  }
  return chosen
}

/** See {@link World}. */
export function membersByGroup(known: World['known']): World['members'] {
  const members = new Map<string, string[]>()
  for (const [name, groups] of known) {
    for (const group of groups) {
      const others = members.get(group)
      if (others === undefined) members.set(group, [name])
      else others.push(name)
    }
  }
  return new Map(
    [...members.keys()].sort().map((group) => [group, (members.get(group) ?? []).sort()]),
  )
}

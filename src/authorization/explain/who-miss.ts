/** How a rule misses whoever asks, in words that say what would mend it. */

import type { Asker } from '../authorize.ts'
import type { Presented } from '../policy.ts'
import type { Principal } from '../rule.ts'
import { listed } from '../rule-words.ts'
import { isNearly } from './pattern-miss.ts'
import { askerTitle } from './question.ts'

export interface WhoMiss {
  readonly distance: number
  readonly words: string
}

const aSlip = 0.6
const others = 1
/** A rule that names people names them one by one, so it is seldom the one to be in. */
const otherPeople = 1.3

/**
 * @param principals those of whom the rule speaks; none of them is the asker
 * @param presented what the asker is called, also by the groups of the file
 */
export function whoMiss(
  principals: readonly Principal[],
  asker: Asker | null,
  presented: Presented,
): WhoMiss {
  if (asker === null) return anonymousMiss(principals)
  const slip =
    doubtfulGroup(principals, asker) ??
    otherSpelling(principals, asker, presented) ??
    otherKind(principals, asker)
  if (slip !== undefined) return { distance: aSlip, words: slip }
  const title = askerTitle(asker)
  if (principals.some(({ kind }) => kind === 'group' || kind === 'every_group')) {
    return { distance: others, words: membership(asker, presented) }
  }
  if (principals.some(({ kind }) => kind === 'anonymous')) {
    const words = `${title} is signed in, and "anonymous" is who is not: "anyone" is both`
    return { distance: aSlip, words }
  }
  return { distance: otherPeople, words: `${title} is somebody else` }
}

/** As `alice is in: dev, ops`. */
export function membership(asker: Asker, { groups }: Pick<Presented, 'groups'>): string {
  const title = askerTitle(asker)
  return groups.size === 0
    ? `${title} is in no group`
    : `${title} is in: ${listed([...groups], 'and')}`
}

function anonymousMiss(principals: readonly Principal[]): WhoMiss {
  const anybody = principals.some(({ kind }) => kind === 'authenticated')
  return anybody
    ? { distance: aSlip, words: 'nobody is signed in: log in' }
    : { distance: others, words: 'nobody is signed in' }
}

function doubtfulGroup(
  principals: readonly Principal[],
  { doubtfulGroups = [], ...asker }: Asker,
): string | undefined {
  const found = doubtfulGroups.find(({ name }) =>
    principals.some(
      (each) => each.kind === 'every_group' || (each.kind === 'group' && each.name === name),
    ),
  )
  if (found === undefined) return undefined
  return `${askerTitle(asker)} is in "${found.name}", but several groups of the directory bear that name, so it gives nothing until each has one of its own`
}

function otherSpelling(
  principals: readonly Principal[],
  asker: Asker,
  { groups }: Presented,
): string | undefined {
  for (const principal of principals) {
    if (principal.kind === 'group') {
      const like = [...groups].find((group) => isAlike(group, principal.name))
      if (like !== undefined) {
        return `${membership(asker, { groups })}; ${difference(like, principal.name, 'groups')}`
      }
    }
    const isOfKind = principal.kind === asker.kind && 'name' in principal
    if (isOfKind && isAlike(asker.name, principal.name)) {
      return difference(asker.name, principal.name, 'names')
    }
  }
  return undefined
}

function isAlike(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()]
  return a === b || isNearly(a, b)
}

function difference(one: string, other: string, what: 'groups' | 'names'): string {
  return one.toLowerCase() === other.toLowerCase()
    ? `"${one}" and "${other}" are two ${what}: capitals count`
    : `"${one}" is not "${other}": is one of them a typing error?`
}

function otherKind(principals: readonly Principal[], asker: Asker): string | undefined {
  const kind = asker.kind === 'user' ? 'robot' : 'user'
  const named = principals.some((each) => each.kind === kind && each.name === asker.name)
  return named
    ? `the ${asker.kind} ${asker.name} asks, and the ${kind} ${asker.name} is another one`
    : undefined
}

const kindWords = {
  anonymous: 'whoever is not signed in',
  authenticated: 'whoever is signed in',
  anyone: 'everybody',
  every_group: 'members of any group',
} as const

/** As `members of group dev or ops, user bob`. */
export function principalWords(principals: readonly Principal[]): string {
  const phrases = principals.flatMap((each) => ('name' in each ? [] : [kindWords[each.kind]]))
  const ofKind = (kind: 'group' | 'user' | 'robot', title: string) => {
    const names = principals.flatMap((each) => (each.kind === kind ? [each.name] : []))
    return names.length === 0 ? [] : [`${title} ${listed(names, 'or', 5)}`]
  }
  return [
    ...phrases,
    ...ofKind('group', 'members of group'),
    ...ofKind('user', 'user'),
    ...ofKind('robot', 'robot'),
  ].join(', ')
}

/**
 * The rules, compiled once on load into an index by path and by principal, so that a decision touches the
 * rules that can match and not the ten thousand others.
 */

import { type RepositoryAction, repositoryActions } from '../protocol/access.ts'
import { type Circumstances, type ConditionTest, conditionTest } from './conditions.ts'
import { type Pattern, parsePattern } from './pattern.ts'
import { type IndexValues, PatternIndex } from './pattern-index.ts'
import { formatPrincipal, type Principal, type Rule } from './rule.ts'

/** The one resource that is not a repository: the list of all of them. */
export const catalog = 'registry:catalog'

/** Group name → names of its members, as the configuration file gives them. */
export type GroupMap = Readonly<Record<string, readonly string[]>>

/** Every object has a `constructor`: without a group of that name it has no members. */
export function membersOf(groups: GroupMap, name: string): readonly string[] {
  return Object.hasOwn(groups, name) ? (groups[name] ?? []) : []
}

/** What rules can call whoever asks, and what their variables then stand for. */
export interface Presented extends IndexValues {
  /** As `who` writes them; `anyone` is the two that it stands for. */
  readonly principals: ReadonlySet<string>
}

export interface Policy {
  /** In the order of their files, those of the database last. */
  readonly rules: readonly Rule[]
  /** Whether some rule that now speaks gives something to somebody who is not signed in. */
  anonymousMay(circumstances: Circumstances): boolean
  /** The groups that the configuration gives to a user of this name. */
  groupsOf(userName: string): readonly string[]
  /** Every rule that now speaks of one of these principals and of this resource. */
  matching(
    presented: Presented,
    resource: string,
    circumstances: Circumstances,
  ): readonly RuleMatch[]
}

/** What a matching rule says of the resource. */
export interface RuleMatch {
  readonly rule: Rule
  readonly may: ReadonlySet<RepositoryAction | '*'>
  readonly mayNot: ReadonlySet<RepositoryAction | '*'>
  /** Which of the rule's conditions do not hold. */
  readonly unmet: ConditionTest
}

/** Principal → what rules say to it. */
type Matches = Map<string, RuleMatch[]>

/**
 * @throws TypeError where a rule's pattern does not parse: the configuration has refused it before
 */
export function compilePolicy(rules: readonly Rule[], groups: GroupMap = {}): Policy {
  const repositories = new PatternIndex<Matches>()
  const ofCatalog: Matches = new Map()
  for (const rule of rules) {
    const unmet = conditionTest(rule.when)
    for (const text of rule.on) {
      if (text === catalog) {
        const match = { rule, may: new Set(rule.may), mayNot: new Set(rule.mayNot), unmet }
        add(ofCatalog, rule.who.flatMap(principalKeys), match)
        continue
      }
      const match = { rule, may: rightsGiven(rule.may), mayNot: rightsDenied(rule.mayNot), unmet }
      for (const pattern of patternsOf(rule, text)) {
        const keys = whoCanBeIn(pattern, rule).flatMap(principalKeys)
        add(
          repositories.at(pattern, () => new Map()),
          keys,
          match,
        )
      }
    }
  }
  const forAnonymous = rules.filter(givesToAnonymous).map(({ when }) => conditionTest(when))
  const groupsByUser = invert(groups)
  return {
    rules,
    anonymousMay: (now) => forAnonymous.some((unmet) => unmet(now).length === 0),
    groupsOf: (userName) => groupsByUser.get(userName) ?? [],
    matching(presented, resource, circumstances) {
      const found = new Set<RuleMatch>()
      if (resource === catalog) collect(ofCatalog, presented.principals, found)
      else {
        for (const { value, group } of repositories.find(resource, presented)) {
          // Where `${group}` stands for a group, it is for its members that the rule speaks.
          const ofGroup = group === undefined ? presented.principals : groupKeys(group)
          collect(value, ofGroup, found)
        }
      }
      return [...found].filter(({ unmet }) => unmet(circumstances).length === 0)
    },
  }
}

/** Several sources of rules as one: their rules are united, and so are the groups that they give. */
export function unite(policies: readonly Policy[]): Policy {
  return {
    rules: policies.flatMap(({ rules }) => rules),
    anonymousMay: (now) => policies.some((policy) => policy.anonymousMay(now)),
    groupsOf: (name) => [...new Set(policies.flatMap((policy) => policy.groupsOf(name)))],
    matching: (...question) => policies.flatMap((policy) => policy.matching(...question)),
  }
}

/** What a rule calls somebody in the index; a subject presents the keys of all that it is. */
export function principalKeys(principal: Principal): readonly string[] {
  return principal.kind === 'anyone' ? ['anonymous', 'authenticated'] : [formatPrincipal(principal)]
}

const everyGroup = formatPrincipal({ kind: 'every_group' })

function groupKeys(name: string): ReadonlySet<string> {
  return new Set([formatPrincipal({ kind: 'group', name }), everyGroup])
}

/** The patterns that one text of `on` stands for. @throws TypeError */
export function patternsOf({ origin }: Rule, text: string): readonly Pattern[] {
  const patterns = parsePattern(text)
  if (typeof patterns === 'string') throw new TypeError(`${origin}: ${patterns}`)
  return patterns
}

/** Only a principal that is a group has a value for `${group}`. */
export function whoCanBeIn({ variables }: Pattern, { who }: Rule): readonly Principal[] {
  if (!variables.includes('group')) return who
  return who.filter(({ kind }) => kind === 'group' || kind === 'every_group')
}

function givesToAnonymous(rule: Rule): boolean {
  if (rule.may.length === 0 || !rule.who.flatMap(principalKeys).includes('anonymous')) return false
  return rule.on.some(
    (text) =>
      text === catalog || patternsOf(rule, text).some((each) => each.variables.length === 0),
  )
}

function add(matches: Matches, keys: readonly string[], match: RuleMatch): void {
  for (const key of keys) {
    const known = matches.get(key)
    if (known === undefined) matches.set(key, [match])
    else known.push(match)
  }
}

function collect(matches: Matches, principals: ReadonlySet<string>, found: Set<RuleMatch>): void {
  // The smaller of the two leads: there may be many groups, and many rules of one pattern.
  const keys = matches.size < principals.size ? matches.keys() : principals
  for (const key of keys) {
    if (!principals.has(key)) continue
    for (const match of matches.get(key) ?? []) found.add(match)
  }
}

function invert(groups: GroupMap): ReadonlyMap<string, readonly string[]> {
  const groupsByUser = new Map<string, string[]>()
  for (const [group, members] of Object.entries(groups)) {
    for (const member of members) {
      const known = groupsByUser.get(member)
      if (known === undefined) groupsByUser.set(member, [group])
      else known.push(group)
    }
  }
  return groupsByUser
}

/** A registry demands pull with every upload, so a right to push is worth nothing without it. */
export function rightsGiven(actions: Rule['may']): ReadonlySet<RepositoryAction> {
  if (actions.length === 0) return noRights
  const set = everyAction(actions)
  if (set.has('push')) set.add('pull')
  return set
}

/** Whoever may not pull may not push. */
export function rightsDenied(actions: Rule['mayNot']): ReadonlySet<RepositoryAction> {
  if (actions.length === 0) return noRights
  const set = everyAction(actions)
  if (set.has('pull')) set.add('push')
  return set
}

/** Of nearly every rule's `may_not`: one set for all of them. */
const noRights: ReadonlySet<RepositoryAction> = new Set()

function everyAction(actions: Rule['may']): Set<RepositoryAction> {
  return new Set(actions.flatMap((action) => (action === '*' ? repositoryActions : action)))
}

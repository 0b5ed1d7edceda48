/**
 * The rules, compiled once on load into an index by principal and literal prefix, so that a decision
 * touches the rules that can match and not the ten thousand others.
 */

import { type RepositoryAction, repositoryActions } from '../protocol/access.ts'
import { matches, type Pattern, parsePattern } from './pattern.ts'
import type { Principal, Rule } from './rule.ts'

/** The one resource that is not a repository: the list of all of them. */
export const catalog = 'registry:catalog'

/** Group name → names of its members, as the configuration file gives them. */
export type GroupMap = Readonly<Record<string, readonly string[]>>

export interface Policy {
  /** Whether some rule gives something to somebody who is not signed in. */
  readonly anonymousMay: boolean
  /** The groups that the configuration gives to a user of this name. */
  groupsOf(userName: string): readonly string[]
  /** Every rule that speaks of one of these principals and of this resource. */
  matching(principals: Iterable<string>, resource: string): readonly RuleMatch[]
}

/** What a matching rule says of the resource. */
export interface RuleMatch {
  readonly rule: Rule
  readonly may: ReadonlySet<RepositoryAction | '*'>
  readonly mayNot: ReadonlySet<RepositoryAction | '*'>
}

interface Binding {
  /** Undefined where the resource is the catalog, which the index finds by its whole name. */
  readonly pattern: Pattern | undefined
  readonly match: RuleMatch
}

/** The bindings of one principal. A name is found by each of its prefixes whose length some pattern has. */
class PrefixIndex {
  readonly #byPrefix = new Map<string, Binding[]>()
  #lengths: readonly number[] = []

  add(prefix: string, binding: Binding): void {
    const bindings = this.#byPrefix.get(prefix)
    if (bindings !== undefined) {
      bindings.push(binding)
      return
    }
    this.#byPrefix.set(prefix, [binding])
    if (!this.#lengths.includes(prefix.length)) {
      this.#lengths = [...this.#lengths, prefix.length].sort((a, b) => a - b)
    }
  }

  find(resource: string, found: Set<RuleMatch>): void {
    for (const length of this.#lengths) {
      if (length > resource.length) return
      for (const { pattern, match } of this.#byPrefix.get(resource.slice(0, length)) ?? []) {
        const isCatalog = resource === catalog
        const covers = pattern === undefined ? isCatalog : !isCatalog && matches(pattern, resource)
        if (covers) found.add(match)
      }
    }
  }
}

/**
 * @throws TypeError where a rule's pattern does not parse: the configuration has refused it before
 */
export function compilePolicy(rules: readonly Rule[], groups: GroupMap = {}): Policy {
  const byPrincipal = new Map<string, PrefixIndex>()
  for (const rule of rules) {
    for (const text of rule.on) {
      for (const binding of bindings(rule, text)) {
        for (const key of rule.who.flatMap(principalKeys)) {
          const index = byPrincipal.get(key) ?? new PrefixIndex()
          index.add(binding.pattern?.literalPrefix ?? catalog, binding)
          byPrincipal.set(key, index)
        }
      }
    }
  }

  const groupsByUser = new Map<string, string[]>()
  for (const [group, members] of Object.entries(groups)) {
    for (const member of members) {
      const known = groupsByUser.get(member)
      if (known === undefined) groupsByUser.set(member, [group])
      else known.push(group)
    }
  }

  return {
    anonymousMay: rules.some(
      (rule) => rule.may.length > 0 && rule.who.flatMap(principalKeys).includes('anonymous'),
    ),
    groupsOf: (userName) => groupsByUser.get(userName) ?? [],
    matching(principals, resource) {
      const found = new Set<RuleMatch>()
      for (const principal of principals) byPrincipal.get(principal)?.find(resource, found)
      return [...found]
    },
  }
}

/** The index keys of a principal; a subject presents the keys of all that it is. */
function principalKeys(principal: Principal): readonly string[] {
  switch (principal.kind) {
    case 'anyone':
      return ['anonymous', 'authenticated']
    case 'user':
    case 'group':
      return [`${principal.kind}:${principal.name}`]
    default:
      return [principal.kind]
  }
}

function bindings(rule: Rule, text: string): readonly Binding[] {
  if (text === catalog) {
    const match = { rule, may: new Set(rule.may), mayNot: new Set(rule.mayNot) }
    return [{ pattern: undefined, match }]
  }
  const patterns = parsePattern(text)
  if (typeof patterns === 'string') throw new TypeError(`${rule.origin}: ${patterns}`)
  const match = { rule, may: allowed(rule.may), mayNot: denied(rule.mayNot) }
  return patterns.map((pattern) => ({ pattern, match }))
}

/** A registry demands pull with every upload, so a right to push is worth nothing without it. */
function allowed(actions: Rule['may']): ReadonlySet<RepositoryAction> {
  const set = everyAction(actions)
  if (set.has('push')) set.add('pull')
  return set
}

/** Whoever may not pull may not push. */
function denied(actions: Rule['mayNot']): ReadonlySet<RepositoryAction> {
  const set = everyAction(actions)
  if (set.has('pull')) set.add('push')
  return set
}

function everyAction(actions: Rule['may']): Set<RepositoryAction> {
  return new Set(actions.flatMap((action) => (action === '*' ? repositoryActions : action)))
}

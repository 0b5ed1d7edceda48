/** What a rule says, part by part, and which other rules say that much as well. */

import type { Action } from '../../protocol/access.ts'
import type { Pattern } from '../pattern.ts'
import {
  catalog,
  type GroupMap,
  membersOf,
  patternsOf,
  rightsDenied,
  rightsGiven,
  whoCanBeIn,
} from '../policy.ts'
import type { Conditions, Principal, Rule } from '../rule.ts'
import { coversPattern } from './pattern-cover.ts'

/** One action of one principal on one pattern. */
export interface RulePart {
  readonly rule: Rule
  readonly principal: Principal
  readonly pattern: Pattern | typeof catalog
  readonly action: Action
}

export type Side = 'may' | 'mayNot'

/** @param texts those of the rule's patterns that are of interest */
export function partsOf(rule: Rule, side: Side, texts = rule.on): readonly RulePart[] {
  return texts.flatMap((text) => {
    if (text === catalog) {
      const principals = rule.who.flatMap(writtenOut)
      return product(rule, principals, catalog, rule[side])
    }
    const actions = [...(side === 'may' ? rightsGiven(rule.may) : rightsDenied(rule.mayNot))]
    return patternsOf(rule, text).flatMap((pattern) =>
      product(rule, whoCanBeIn(pattern, rule).flatMap(writtenOut), pattern, actions),
    )
  })
}

function product(
  rule: Rule,
  principals: readonly Principal[],
  pattern: RulePart['pattern'],
  actions: readonly Action[],
): readonly RulePart[] {
  return principals.flatMap((principal) =>
    actions.map((action) => ({ rule, principal, pattern, action })),
  )
}

function writtenOut(principal: Principal): readonly Principal[] {
  return principal.kind === 'anyone'
    ? [{ kind: 'anonymous' }, { kind: 'authenticated' }]
    : [principal]
}

/** All parts of many rules, found by what a pattern must have in common with one that covers it. */
export class RuleParts {
  readonly #groups: GroupMap
  readonly #byKey = new Map<string, RulePart[]>()

  constructor(rules: readonly Rule[], side: Side, groups: GroupMap) {
    this.#groups = groups
    const parts = rules.flatMap((rule) => partsOf(rule, side))
    const counts = new Map<string, number>()
    for (const text of parts.flatMap(({ pattern }) => literalsOf(pattern))) {
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    for (const part of parts) {
      const key = keyOf(part.pattern, counts)
      const others = this.#byKey.get(key)
      if (others === undefined) this.#byKey.set(key, [part])
      else others.push(part)
    }
  }

  /** The rules that, whenever this part speaks, say the same to all of whom and on all of what it speaks. */
  saying(part: RulePart): ReadonlySet<Rule> {
    const rules = new Set<Rule>()
    for (const other of this.#candidates(part.pattern, part.action)) {
      if (
        !rules.has(other.rule) &&
        coversWho(other, part, this.#groups) &&
        coversConditions(other.rule.when, part.rule.when) &&
        coversResource(other.pattern, part.pattern)
      ) {
        rules.add(other.rule)
      }
    }
    return rules
  }

  /** What is said of this action on everything that the pattern covers, to whomever and whenever. */
  on(pattern: RulePart['pattern'], action: Action): readonly RulePart[] {
    return [...this.#candidates(pattern, action)].filter((part) =>
      coversResource(part.pattern, pattern),
    )
  }

  *#candidates(pattern: RulePart['pattern'], action: Action): Generator<RulePart> {
    for (const key of keysOfCovering(pattern)) {
      for (const part of this.#byKey.get(key) ?? []) if (part.action === action) yield part
    }
  }
}

function coversResource(outer: RulePart['pattern'], inner: RulePart['pattern']): boolean {
  if (outer === catalog || inner === catalog) return outer === inner
  return coversPattern(outer, inner)
}

function literalsOf(pattern: RulePart['pattern']): readonly string[] {
  if (pattern === catalog) return [catalog]
  return pattern.segments.flatMap((each) =>
    typeof each !== 'symbol' && each.isLiteral ? [each.text] : [],
  )
}

/** Its rarest literal segment, or else what its names begin with. */
function keyOf(pattern: RulePart['pattern'], counts: ReadonlyMap<string, number>): string {
  const rarity = (text: string) => counts.get(text) ?? 0
  const [rarest] = [...literalsOf(pattern)].sort((a, b) => rarity(a) - rarity(b))
  return rarest ?? startKey(startOf(pattern))
}

/** Whatever covers a pattern has no literal segment that it has not, and no longer beginning. */
function keysOfCovering(pattern: RulePart['pattern']): ReadonlySet<string> {
  const start = startOf(pattern)
  const starts = Array.from({ length: start.length + 1 }, (_, length) => start.slice(0, length))
  return new Set([...literalsOf(pattern), ...starts.map(startKey)])
}

function startOf(pattern: RulePart['pattern']): string {
  const first = pattern === catalog ? undefined : pattern.segments[0]
  return typeof first === 'object' ? first.literalPrefix : ''
}

/** No segment has a `^`. */
function startKey(start: string): string {
  return `^${start}`
}

/** Whether everybody of whom `inner` speaks is one of those of whom `outer` does. */
export function coversWho(outer: RulePart, inner: RulePart, groups: GroupMap): boolean {
  const [a, b] = [outer.principal, inner.principal]
  if (a.kind === b.kind) return !('name' in a && 'name' in b) || a.name === b.name
  switch (a.kind) {
    case 'authenticated':
      // Where "${group}" stands in the outer pattern, its principal is a group: see whoCanBeIn.
      return b.kind !== 'anonymous'
    case 'every_group':
      return b.kind === 'group' || (b.kind === 'user' && isMember(b.name, Object.values(groups)))
    case 'group':
      return b.kind === 'user' && isMember(b.name, [membersOf(groups, a.name)])
    default:
      return false
  }
}

function isMember(user: string, groups: readonly (readonly string[])[]): boolean {
  return groups.some((members) => members.includes(user))
}

/** Networks and services by their text: a network within another is not looked for. */
function coversConditions(outer: Conditions | undefined, inner: Conditions = {}): boolean {
  const { network, from, until, service } = outer ?? {}
  const includesAll = (all: readonly string[] | undefined, some: readonly string[] | undefined) =>
    all === undefined || (some?.every((each) => all.includes(each)) ?? false)
  return (
    includesAll(network, inner.network) &&
    includesAll(service, inner.service) &&
    (from === undefined || (inner.from !== undefined && from <= inner.from)) &&
    (until === undefined || (inner.until !== undefined && until >= inner.until))
  )
}

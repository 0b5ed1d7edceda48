/**
 * The decision: what may this subject do of what was asked? Allows are united, a deny wins, the order
 * of rules does not matter, and the answer is never more than what was asked.
 */

import {
  type Access,
  type Action,
  isRepositoryName,
  type RepositoryAction,
  repositoryActions,
} from '../protocol/access.ts'
import type { Scope } from '../protocol/scope.ts'
import { catalog, type Policy } from './policy.ts'
import type { Rule } from './rule.ts'

/** Who asks, as far as rules can name them. */
export interface Asker {
  readonly name: string
  readonly groups: readonly string[]
}

export interface Decision {
  /** What is granted, in the order in which it was asked; a resource with no action left is absent. */
  readonly access: readonly Access[]
  /** The rules that gave or took something, for the log. */
  readonly rules: readonly Rule[]
}

/** @param asker null where nobody signed in */
export function authorize(policy: Policy, asker: Asker | null, scopes: readonly Scope[]): Decision {
  const principals = principalsOf(policy, asker)
  const access: Access[] = []
  const rules = new Set<Rule>()
  for (const { type, name, actions: asked } of scopes) {
    const resource = resourceOf(type, name)
    if (resource === undefined) continue
    const held = new Set<Action>()
    const matching = policy.matching(principals, resource)
    for (const { rule, may } of matching) {
      for (const action of may) held.add(action)
      if (may.size > 0) rules.add(rule)
    }
    for (const { rule, mayNot } of matching) {
      for (const action of mayNot) if (held.delete(action)) rules.add(rule)
    }
    const actions = resource === catalog ? askedOfCatalog(asked, held) : askedOf(asked, held)
    if (actions.length > 0) access.push({ type, name, actions })
  }
  return { access, rules: [...rules] }
}

function principalsOf(policy: Policy, asker: Asker | null): ReadonlySet<string> {
  if (asker === null) return new Set(['anonymous'])
  const groups = [...asker.groups, ...policy.groupsOf(asker.name)]
  return new Set([
    'authenticated',
    `user:${asker.name}`,
    ...groups.map((group) => `group:${group}`),
  ])
}

/** The resource as rules name it; undefined for what no registry has, which no rule can give. */
function resourceOf(type: string, name: string): string | undefined {
  if (type === 'repository' && isRepositoryName(name)) return name
  return `${type}:${name}` === catalog ? catalog : undefined
}

function askedOfCatalog(asked: readonly string[], held: ReadonlySet<Action>): readonly Action[] {
  return asked.includes('*') && held.has('*') ? ['*'] : []
}

/**
 * A `*` that a client asks means all that it may. It is signed as `*` only for whoever holds every
 * action: a registry takes it for all of them, those of tomorrow too.
 */
function askedOf(asked: readonly string[], held: ReadonlySet<Action>): readonly Action[] {
  if (!asked.includes('*')) {
    return asked.filter((action): action is RepositoryAction => held.has(action as Action))
  }
  const granted = repositoryActions.filter((action) => held.has(action))
  return granted.length === repositoryActions.length ? ['*'] : granted
}

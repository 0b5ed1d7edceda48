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
import type { Circumstances } from './conditions.ts'
import { catalog, type Policy, type Presented } from './policy.ts'
import type { Rule } from './rule.ts'

/** Who asks, as far as rules can name them. */
export interface Asker {
  readonly name: string
  readonly kind: 'user' | 'robot'
  readonly groups: readonly { readonly name: string }[]
  /** What rules give to these groups does not count, and what they deny does. */
  readonly doubtfulGroups?: readonly { readonly name: string }[]
}

export interface Decision {
  /** What is granted, in the order in which it was asked; a resource with no action left is absent. */
  readonly access: readonly Access[]
  /** The rules that gave or took something, for the log. */
  readonly rules: readonly Rule[]
}

/** @param asker null where nobody signed in */
export function authorize(
  policy: Policy,
  asker: Asker | null,
  scopes: readonly Scope[],
  circumstances: Circumstances,
): Decision {
  const presented = presentedBy(policy, asker)
  const isDoubtful = (asker?.doubtfulGroups ?? []).length > 0
  const deniable = isDoubtful ? deniablePresentedBy(policy, asker) : presented
  const access: Access[] = []
  const rules = new Set<Rule>()
  for (const { type, name, actions: asked } of scopes) {
    const resource = resourceOf(type, name)
    if (resource === undefined) continue
    const held = new Set<Action>()
    const giving = policy.matching(presented, resource, circumstances)
    const denying = isDoubtful ? policy.matching(deniable, resource, circumstances) : giving
    for (const { rule, may } of giving) {
      for (const action of may) held.add(action)
      if (may.size > 0) rules.add(rule)
    }
    for (const { rule, mayNot } of denying) {
      for (const action of mayNot) if (held.delete(action)) rules.add(rule)
    }
    const actions = resource === catalog ? askedOfCatalog(asked, held) : askedOf(asked, held)
    if (actions.length > 0) access.push({ type, name, actions })
  }
  return { access, rules: [...rules] }
}

/** What rules can call whoever asks. @param asker null where nobody signed in */
export function presentedBy(policy: Policy, asker: Asker | null): Presented {
  return present(asker, namesOfGroups(policy, asker))
}

/** The same where rules deny something: who only may be meant is meant. */
export function deniablePresentedBy(policy: Policy, asker: Asker | null): Presented {
  const doubtful = (asker?.doubtfulGroups ?? []).map(({ name }) => name)
  return present(asker, [...namesOfGroups(policy, asker), ...doubtful])
}

/** The file's groups are lists of users. */
function namesOfGroups(policy: Policy, asker: Asker | null): readonly string[] {
  if (asker === null) return []
  const ofFile = asker.kind === 'user' ? policy.groupsOf(asker.name) : []
  return [...asker.groups.map(({ name }) => name), ...ofFile]
}

function present(asker: Asker | null, names: readonly string[]): Presented {
  if (asker === null) return { principals: new Set(['anonymous']), groups: new Set() }
  const { kind, name } = asker
  const groups = new Set(names)
  const principals = new Set(['authenticated', `${kind}:${name}`])
  for (const group of groups) principals.add(`group:${group}`)
  // A group that is called "*" is one group, and its members are in some group anyway.
  if (groups.size > 0) principals.add('group:*')
  return { principals, [kind]: name, groups }
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

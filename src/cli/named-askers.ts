/** Everybody whom a list of who may what has a line for. */

import type { AccountRecord } from '../admin/account-register.ts'
import { htpasswdNames } from '../authentication/htpasswd/htpasswd-file.ts'
import type { Asker } from '../authorization/authorize.ts'
import { bindingFor } from '../authorization/explain/pattern-miss.ts'
import { writtenPatterns } from '../authorization/explain/rule-fit.ts'
import type { Principal, Rule } from '../authorization/rule.ts'
import type { Config } from '../config/config.ts'
import type { RulesInForce } from './rules-in-force.ts'

export interface NamedAsker {
  readonly kind: 'anonymous' | 'authenticated' | 'every_group' | 'group' | 'user' | 'robot'
  /** Empty for those who need none. */
  readonly name: string
  readonly asker: Asker | null
  /** An account that is let in no more, whatever the rules say. */
  readonly isDisabled: boolean
}

/**
 * Nobody and anybody, whoever is in some group, the groups, robots and users that rules name, also by a
 * variable, the members of the file's groups, the accounts, and the users of htpasswd files. Who a directory
 * knows is not among them.
 */
export function namedAskers(
  { config, policy, accounts }: RulesInForce,
  resource: string,
): readonly NamedAsker[] {
  const principals = policy.rules.flatMap((rule) => [...rule.who, ...boundIn(rule, resource)])
  const known = knownUsers(config, accounts)
  const groups = unique([
    ...namesOf(principals, 'group'),
    ...Object.keys(config.groups),
    ...[...known.values()].flatMap((user) => user.groups),
  ])
  const users = unique([
    ...namesOf(principals, 'user'),
    ...Object.values(config.groups).flat(),
    ...known.keys(),
  ])
  const isDisabled = false
  return [
    { kind: 'anonymous', name: '', asker: null, isDisabled },
    { kind: 'authenticated', name: '', asker: someone([]), isDisabled },
    // In a group that no rule can mean: what a directory calls its groups is not known.
    { kind: 'every_group', name: '', asker: someone(['']), isDisabled },
    ...groups.map(
      (name): NamedAsker => ({ kind: 'group', name, asker: someone([name]), isDisabled }),
    ),
    ...users.map((name): NamedAsker => {
      const user = known.get(name)
      const own = (user?.groups ?? []).map((group) => ({ name: group }))
      const asker: Asker = { name, kind: 'user', groups: own }
      return { kind: 'user', name, asker, isDisabled: user?.isDisabled === true }
    }),
    ...unique(namesOf(principals, 'robot')).map((name): NamedAsker => {
      return { kind: 'robot', name, asker: { name, kind: 'robot', groups: [] }, isDisabled }
    }),
  ]
}

interface KnownUser {
  readonly name: string
  readonly groups: readonly string[]
  readonly isDisabled: boolean
}

/** By the first backend that knows the name. */
function knownUsers(
  { authentication }: Config,
  accounts: readonly AccountRecord[],
): ReadonlyMap<string, KnownUser> {
  const known = new Map<string, KnownUser>()
  for (const entry of authentication) {
    if (entry.kind === 'ldap') continue
    const found: readonly KnownUser[] =
      entry.kind === 'accounts'
        ? accounts
        : (htpasswdNames(entry.file) ?? []).map((name) => ({ name, groups: [], isDisabled: false }))
    for (const user of found) if (!known.has(user.name)) known.set(user.name, user)
  }
  return known
}

/** The htpasswd files of whose users nothing is known. */
export function unreadableFiles({ authentication }: Config): readonly string[] {
  return authentication.flatMap((entry) =>
    entry.kind === 'htpasswd' && htpasswdNames(entry.file) === undefined ? entry.file : [],
  )
}

/** Signed in by a name that no rule can mean. */
export function someone(groups: readonly string[]): Asker {
  return { name: '', kind: 'user', groups: groups.map((name) => ({ name })) }
}

/** For `teams/dev/app`, a rule on `teams/${group}/**` speaks of the group dev. */
function boundIn(rule: Rule, resource: string): readonly Principal[] {
  return writtenPatterns(rule).flatMap(({ pattern }) =>
    pattern.variables.flatMap((kind) => {
      const name = bindingFor(kind, pattern, resource, {})
      return name === undefined ? [] : [{ kind, name }]
    }),
  )
}

function namesOf(principals: readonly Principal[], kind: 'group' | 'user' | 'robot'): string[] {
  return principals.flatMap((each) => (each.kind === kind ? [each.name] : []))
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

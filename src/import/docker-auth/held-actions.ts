/** One request, put to docker_auth's rules and to ours: what a registry then lets somebody do, and what differs. */

import { authorize } from '../../authorization/authorize.ts'
import { catalog, type Policy } from '../../authorization/policy.ts'
import { type RepositoryAction, repositoryActions } from '../../protocol/access.ts'
import type { AclAnswer, AclRequest } from './evaluate.ts'
import type { Person } from './sample-requests.ts'

interface Asked {
  readonly person: Person
  /** A repository's name, or the catalog. */
  readonly name: string
  readonly address: string
  readonly service: string
}

/** As docker_auth is asked. */
export function requestOf({ person, name, address, service }: Asked): AclRequest {
  const { account, labels } = person
  const resource =
    name === catalog ? { type: 'registry', name: 'catalog' } : { type: 'repository', name }
  return { account, labels, ...resource, service, address }
}

/** What a registry lets somebody do with docker_auth's answer: `*` is every action to it. */
export function heldBefore(
  { actions }: Pick<Extract<AclAnswer, { kind: 'answered' }>, 'actions'>,
  name: string,
): ReadonlySet<string> {
  const isAll = actions.includes('*')
  if (name === catalog) return new Set(isAll ? ['*'] : [])
  return new Set<RepositoryAction>(
    repositoryActions.filter((action) => isAll || actions.includes(action)),
  )
}

/** What Dockwarden lets somebody do, and by which rules. */
export function heldNow(policy: Policy, { person, name, address, service }: Asked) {
  const scope =
    name === catalog
      ? { type: 'registry', name: 'catalog', actions: ['*'] }
      : { type: 'repository', name, actions: repositoryActions }
  const circumstances = { service, address, time: new Date(0) }
  const { access, rules } = authorize(policy, person.asker, [scope], circumstances)
  return {
    actions: new Set<string>(access[0]?.actions ?? []),
    rules: rules.map((rule) => rule.name),
  }
}

/** What is missing now, and what is new. */
export function differencesOf(before: ReadonlySet<string>, now: ReadonlySet<string>) {
  const less = [...before].filter((action) => !now.has(action))
  const more = [...now].filter((action) => !before.has(action))
  return [
    ...(less.length > 0 ? [{ direction: 'less' as const, actions: less }] : []),
    ...(more.length > 0 ? [{ direction: 'more' as const, actions: more }] : []),
  ]
}

/** What a rule of docker_auth gives, as a registry takes it. */

import { type Action, type RepositoryAction, repositoryActions } from '../../protocol/access.ts'
import type { AclEntry } from './auth-config.ts'
import type { Changes } from './change.ts'

/** An action on repositories, or listing the catalog. */
export type Right = RepositoryAction | 'list'

/** Those on repositories first. */
export const allRights: readonly Right[] = [...repositoryActions, 'list']

/** What a registry makes of the actions. */
export function rightsOf({ actions, number }: AclEntry, changes: Changes): ReadonlySet<Right> {
  if (actions === undefined) {
    changes.add(
      'note',
      number,
      'it has no actions, at which docker_auth breaks requests off; nothing is given here',
    )
    return new Set()
  }
  if (actions.length === 1 && actions[0] === '*') return new Set(allRights)
  const rights = new Set<Right>(repositoryActions.filter((action) => actions.includes(action)))
  if (actions.includes('*')) {
    rights.add('list')
    changes.add(
      'less',
      number,
      'beside other actions docker_auth gave "*" to whoever asked for it by that name, which a registry takes for all of them; Dockwarden gives the others',
    )
  }
  if (rights.has('push') && !rights.has('pull')) {
    rights.delete('push')
    changes.add(
      'less',
      number,
      'it gives push without pull, with which no registry takes an upload; left out, because push holds pull in Dockwarden',
    )
  }
  const unknown = actions.filter(
    (action) => ![...repositoryActions, '*'].includes(action as Action),
  )
  if (unknown.length > 0) {
    changes.add(
      'less',
      number,
      `no registry asks for ${unknown.map((action) => JSON.stringify(action)).join(', ')}`,
    )
  }
  return rights
}

/** As reports name it. */
export function wordOf(right: Right): string {
  return right === 'list' ? 'catalog' : right
}

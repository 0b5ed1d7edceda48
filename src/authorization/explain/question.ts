/** What an explanation is asked for: may this asker do this, here and now? */

import { type Action, repositoryActions } from '../../protocol/access.ts'
import type { Scope } from '../../protocol/scope.ts'
import type { Asker } from '../authorize.ts'
import type { Circumstances } from '../conditions.ts'
import { catalog } from '../policy.ts'
import { listed } from '../rule-words.ts'

export interface Question {
  /** Null where nobody signed in. */
  readonly asker: Asker | null
  readonly actions: readonly Action[]
  /** A repository's name, or `registry:catalog`. */
  readonly resource: string
  /** An empty address, where none is known, is in no network. */
  readonly circumstances: Circumstances
}

export function scopeOf({ resource, actions }: Question): Scope {
  return resource === catalog
    ? { type: 'registry', name: 'catalog', actions }
    : { type: 'repository', name: resource, actions }
}

/** One by one; a `*` is every action that there is, and on the catalog there is no other. */
export function askedActions({ resource, actions }: Question): readonly Action[] {
  if (!actions.includes('*')) return [...new Set(actions)]
  return resource === catalog ? ['*'] : repositoryActions
}

/** As `alice`, `robot ci` or `anonymous`. */
export function askerTitle(asker: Pick<Asker, 'name' | 'kind'> | null): string {
  if (asker === null) return 'anonymous'
  return asker.kind === 'robot' ? `robot ${asker.name}` : asker.name
}

/** What somebody may, or may not, as it follows these words: `push to prod/api`, `pull or push on prod/api`. */
export function deedWords(
  actions: readonly Action[],
  resource: string,
  conjunction: 'and' | 'or',
): string {
  if (resource === catalog) return 'list the repositories'
  const [action = '', ...more] = actions
  if (more.length > 0) return `${listed(actions, conjunction)} on ${resource}`
  return `${action} ${action === 'push' ? 'to' : 'from'} ${resource}`
}

/** One resource seen from its side: what somebody may there, and by which rules. */

import { type Action, repositoryActions } from '../../protocol/access.ts'
import { type Asker, authorize } from '../authorize.ts'
import type { Circumstances } from '../conditions.ts'
import { catalog, type Policy } from '../policy.ts'
import type { Rule } from '../rule.ts'
import { scopeOf } from './question.ts'

export interface AccessOn {
  /** A repository's are written out: `*` is the one action of the catalog. */
  readonly may: readonly Action[]
  readonly givenBy: readonly Rule[]
  /** Those that take something of what is given. */
  readonly deniedBy: readonly Rule[]
}

/** @param asker null where nobody signed in */
export function accessOn(
  policy: Policy,
  resource: string,
  asker: Asker | null,
  circumstances: Circumstances,
): AccessOn {
  const scope = scopeOf({ asker, resource, actions: ['*'], circumstances })
  const { access, rules } = authorize(policy, asker, [scope], circumstances)
  const granted = access[0]?.actions ?? []
  const isAll = granted.includes('*') && resource !== catalog
  return {
    may: isAll ? repositoryActions : granted,
    givenBy: rules.filter(({ may }) => may.length > 0),
    deniedBy: rules.filter(({ mayNot }) => mayNot.length > 0),
  }
}

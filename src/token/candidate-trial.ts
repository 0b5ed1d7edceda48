/**
 * A second policy beside the one in force: what it would decide otherwise is told and counted. It is asked when the
 * decision has been made, and has no say in it.
 */

import { authorize } from '../authorization/authorize.ts'
import type { Rule } from '../authorization/rule.ts'
import { type Access, repositoryActions } from '../protocol/access.ts'
import type { Scope } from '../protocol/scope.ts'
import type { PolicySource, TokenOutcome } from './token-service.ts'

/** What a token would hold under the candidate rules that it does not, and the other way round. */
export interface CandidateDifference {
  readonly gives: readonly Access[]
  readonly takes: readonly Access[]
  /** The candidate rules that would give or take something of what was asked. */
  readonly rules: readonly Rule[]
}

/** Since the start of the server. */
export interface CandidateCounts {
  /** Decisions that the candidate rules were tried on. */
  decisions: number
  /** Those of which a token would hold more; and less. Both may hold for one. */
  gives: number
  takes: number
}

export class CandidateTrial {
  readonly #policies: PolicySource
  readonly #counts: CandidateCounts

  /** @param counts goes on counting there, from one candidate to the next */
  constructor(policies: PolicySource, counts: CandidateCounts) {
    this.#policies = policies
    this.#counts = counts
  }

  /**
   * @returns undefined where the candidate rules decide the same
   * @throws where they cannot be asked
   */
  async compare(
    scopes: readonly Scope[],
    { grant, circumstances }: Extract<TokenOutcome, { kind: 'issued' }>,
  ): Promise<CandidateDifference | undefined> {
    const policy = await this.#policies.current()
    const { access, rules } = authorize(policy, grant.subject, scopes, circumstances)
    const gives = beyond(access, grant.access)
    const takes = beyond(grant.access, access)
    this.#counts.decisions += 1
    if (gives.length > 0) this.#counts.gives += 1
    if (takes.length > 0) this.#counts.takes += 1
    return gives.length + takes.length === 0 ? undefined : { gives, takes, rules }
  }
}

/** What `more` holds and `less` does not. */
function beyond(more: readonly Access[], less: readonly Access[]): readonly Access[] {
  return more.flatMap((access) => {
    const { type, name } = access
    const other = less.find((each) => each.type === type && each.name === name)
    const held = new Set(other && everyAction(other))
    const actions = everyAction(access).filter((action) => !held.has(action))
    return actions.length === 0 ? [] : { type, name, actions }
  })
}

/** On a repository, `*` is the actions that it stands for. */
function everyAction({ type, actions }: Access): Access['actions'] {
  return type === 'repository' && actions.includes('*') ? repositoryActions : actions
}

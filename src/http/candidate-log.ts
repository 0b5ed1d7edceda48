/** The log line of a token request that candidate rules would have decided otherwise. */

import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { formatScope } from '../protocol/scope.ts'
import type { CandidateTrial } from '../token/candidate-trial.ts'
import { formatRule } from '../token/recent-decisions.ts'
import type { TokenRequest } from '../token/token-request.ts'
import type { TokenOutcome } from '../token/token-service.ts'
import { short, shortList } from './short-text.ts'

/** Behind the answer, which it can neither change nor fail. Never rejects. */
export async function tryCandidate(
  trial: CandidateTrial,
  log: Log,
  {
    requestId,
    request: { scopes },
    outcome,
  }: {
    readonly requestId: string
    readonly request: TokenRequest
    readonly outcome: Extract<TokenOutcome, { kind: 'issued' }>
  },
): Promise<void> {
  const { subject, service } = outcome.grant
  const fields = {
    event: 'candidate',
    requestId,
    subject: subject && short(subject.name),
    service: short(service),
  }
  try {
    const difference = await trial.compare(scopes, outcome)
    if (difference === undefined) return
    const { gives, takes, rules } = difference
    log.info(
      {
        ...fields,
        asked: shortList(scopes.map(formatScope)),
        gives: shortList(gives.map(formatScope)),
        takes: shortList(takes.map(formatScope)),
        // Those in force are in the line of the token, by the same request id.
        rules: shortList(rules.map(formatRule)),
      },
      'the candidate rules would decide otherwise',
    )
  } catch (error) {
    const reason = short(messageOf(error))
    log.warn({ ...fields, reason }, 'the candidate rules could not be tried')
  }
}

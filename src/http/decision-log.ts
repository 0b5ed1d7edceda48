/** The one log line of each token request: who asked for what, what they got, and by which rule. */

import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { formatScope } from '../protocol/scope.ts'
import { formatRule } from '../token/recent-decisions.ts'
import type { TokenRequest } from '../token/token-request.ts'
import type { TokenOutcome } from '../token/token-service.ts'
import { maximumListSize, short, shortList } from './short-text.ts'

/** What is known of a request when it has been answered. No field ever holds a secret. */
export interface DecisionRecord {
  readonly requestId: string
  readonly client: string
  readonly method: string
  readonly status: number
  /** Milliseconds. */
  readonly duration: number
  readonly request?: TokenRequest | undefined
  readonly outcome?: TokenOutcome | undefined
  readonly error?: unknown
}

export function logDecision(log: Log, record: DecisionRecord): void {
  const { request, outcome, error } = record
  const fields = {
    event: 'token',
    requestId: record.requestId,
    client: record.client,
    method: record.method,
    status: record.status,
    duration: Math.round(record.duration * 10) / 10,
    ...requestFields(request),
    ...outcomeFields(outcome),
  }
  const code = error instanceof AppError ? error.code : undefined
  const reason = { reason: reasonOf(error) }
  if (code === 'too_many_requests') log.warn({ ...fields, ...reason }, 'throttled')
  // No stack: a flood of logins, or a directory that is down, must not become a flood of stacks.
  else if (code === 'unavailable') log.error({ ...fields, ...reason }, 'could not answer')
  else if (record.status >= 500) log.error({ ...fields, err: error }, 'could not answer')
  else if (outcome === undefined) log.warn({ ...fields, ...reason }, 'bad request')
  else if (outcome.kind === 'refused') log.warn(fields, 'refused')
  else log.info(fields, 'issued')
}

function requestFields(request: TokenRequest | undefined): object {
  if (request === undefined) return {}
  const { service, scopes, malformedScopes, proof } = request
  return {
    service: short(service),
    ...(proof.kind === 'password' && { user: short(proof.credentials.username) }),
    asked: shortList(scopes.map(formatScope)),
    ...(malformedScopes.length > 0 && { malformed: shortList(malformedScopes) }),
  }
}

function outcomeFields(outcome: TokenOutcome | undefined): object {
  if (outcome === undefined) return {}
  if (outcome.kind === 'refused') {
    return { reason: outcome.reason, ...(outcome.backend && { backend: outcome.backend }) }
  }
  const { grant, claims, rules } = outcome
  return {
    subject: grant.subject && short(grant.subject.name),
    ...(grant.subject && { backend: grant.subject.backend }),
    granted: shortList(grant.access.map(formatScope)),
    rules: shortList(rules.map(formatRule)),
    jti: claims.jti,
  }
}

/** With what lies behind it, which is not for the client; a cause tells in its own words what lies behind that. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const cause = error.cause instanceof Error ? ` ${error.cause.message}` : ''
  return short(`${error.message}${cause}`, maximumListSize)
}

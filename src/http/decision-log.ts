/** The one log line of each token request: who asked for what, what they got, and by which rule. */

import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { formatScope } from '../protocol/scope.ts'
import type { TokenRequest } from '../token/token-request.ts'
import type { TokenOutcome } from '../token/token-service.ts'

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

/** Room for one list of a line, in bytes as JSON writes them: there are four, and a line stays under 8 kB. */
const maximumListSize = 1500
const maximumTextSize = 300
/** `\u0000`: the most that JSON makes of one UTF-16 unit. */
const longestEscape = 6

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
  const isBusy = error instanceof AppError && error.code === 'unavailable' && !error.cause
  // A flood of logins must not become a flood of stacks.
  if (isBusy) log.warn({ ...fields, reason: error.message }, 'busy')
  else if (record.status >= 500) log.error({ ...fields, err: error }, 'could not answer')
  else if (outcome === undefined) log.warn({ ...fields, reason: reasonOf(error) }, 'bad request')
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
    rules: shortList(rules.map((rule) => `${rule.name} (${rule.origin})`)),
    jti: claims.jti,
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}

function size(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

/** What JSON leaves as it is, and a terminal obeys or takes for the end of a line. */
const unprintable = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function short(text: string): string {
  const shown = text.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  if (size(shown) <= maximumTextSize) return shown
  return `${shown.slice(0, maximumTextSize / longestEscape)}…`
}

function shortList(texts: readonly string[]): readonly string[] {
  const shown: string[] = []
  let room = maximumListSize
  for (const text of texts.map(short)) {
    room -= size(text)
    if (room < 0) return [...shown, `… and ${texts.length - shown.length} more`]
    shown.push(text)
  }
  return shown
}

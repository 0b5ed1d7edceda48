/**
 * The last decisions that gave less than was asked, in memory: so that a registry's refusal of such a
 * token can be explained to whoever holds it, and to the operator by the request id.
 */

import { LRUCache } from 'lru-cache'
import type { Subject } from '../authentication/authenticator.ts'
import type { Rule } from '../authorization/rule.ts'
import type { Access } from '../protocol/access.ts'
import type { Scope } from '../protocol/scope.ts'
import { registryLeeway } from '../signing/token-signer.ts'
import type { TokenRequest } from './token-request.ts'
import type { TokenOutcome } from './token-service.ts'

/** Plain JSON, without any secret. */
export interface RecentDecision {
  /** As the client was told it. */
  readonly requestId: string
  /** `token`: a token for less than was asked. `denial`: a registry request that the rules refuse. */
  readonly kind: 'token' | 'denial'
  /** ISO 8601. */
  readonly time: string
  /** null where nobody signed in. */
  readonly subject: Subject | null
  readonly service: string
  /** The client's. */
  readonly address: string
  readonly asked: readonly Scope[]
  /** What was asked in a form that nobody can grant. */
  readonly malformed: readonly string[]
  readonly granted: readonly Access[]
  /** The rules that gave or took something: `name (origin)`. */
  readonly rules: readonly string[]
}

const maximumEntries = 10_000
/** Characters, as {@link sizeOf} counts them: somebody in a thousand groups who asks for 32 scopes is one entry too. */
const maximumSize = 8_000_000

export class RecentDecisions {
  readonly #byRequestId = emptyMemory()
  /** By the token's `jti`. Nobody who is not signed in is in it, so strangers cannot push others out of it. */
  readonly #byTokenId = emptyMemory()

  /**
   * @param seconds how long it is worth knowing: as long as a registry takes the token
   * @param tokenId the `jti` of the token that was issued
   */
  remember(decision: RecentDecision, seconds: number, tokenId?: string): void {
    const options = { ttl: seconds * 1000, size: sizeOf(decision) }
    const kept = detached(decision)
    this.#byRequestId.set(kept.requestId, kept, options)
    if (tokenId !== undefined && kept.subject !== null) this.#byTokenId.set(tokenId, kept, options)
  }

  byRequestId(id: string): RecentDecision | undefined {
    return this.#byRequestId.get(id)
  }

  /** @returns undefined for a token that grants all that was asked, and for one from before the last start */
  byTokenId(id: string): RecentDecision | undefined {
    return this.#byTokenId.get(id)
  }
}

/** Keeps the decision of a token request where the token is for less than was asked. */
export function rememberIfLess(
  recentDecisions: RecentDecisions,
  { scopes, malformedScopes }: TokenRequest,
  { grant, claims, rules }: Extract<TokenOutcome, { kind: 'issued' }>,
  from: Pick<RecentDecision, 'requestId' | 'address'>,
): void {
  const { subject, service, access } = grant
  if (malformedScopes.length === 0 && !isLess(access, scopes)) return
  const decision: RecentDecision = {
    ...from,
    kind: 'token',
    time: new Date(claims.iat * 1000).toISOString(),
    subject,
    service,
    asked: scopes,
    malformed: malformedScopes,
    granted: access,
    rules: rules.map(formatRule),
  }
  recentDecisions.remember(decision, claims.exp - claims.iat + registryLeeway, claims.jti)
}

/** As logs and records call a rule. */
export function formatRule({ name, origin }: Pick<Rule, 'name' | 'origin'>): string {
  return `${name} (${origin})`
}

/** Whether some of what was asked is missing in what was granted. */
export function isLess(granted: readonly Access[], asked: readonly Scope[]): boolean {
  return asked.some(({ type, name, actions }) => {
    const held =
      granted.find((access) => access.type === type && access.name === name)?.actions ?? []
    const given: readonly string[] = held
    return !given.includes('*') && actions.some((action) => !given.includes(action))
  })
}

/**
 * What is cut out of a request's text holds on to the whole of it, passwords too: without copies, ten
 * thousand small entries take 200 MB. The groups come from elsewhere.
 */
function detached({ subject, ...rest }: RecentDecision): RecentDecision {
  const { id = '', name = '' } = subject ?? {}
  return { ...copy(rest), subject: subject && { ...subject, ...copy({ id, name }) } }
}

function copy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value
}

function emptyMemory(): LRUCache<string, RecentDecision> {
  return new LRUCache({ max: maximumEntries, maxSize: maximumSize, maxEntrySize: maximumSize / 8 })
}

function sizeOf({ subject, asked, malformed, granted, rules }: RecentDecision): number {
  const texts = [
    ...(subject?.groups ?? []).flatMap(({ name, origin }) => [name, origin]),
    ...(subject?.doubtfulGroups ?? []).flatMap(({ name, origin }) => [name, origin]),
    ...[...asked, ...granted].flatMap(({ name, actions }) => [name, ...actions]),
    ...malformed,
    ...rules,
  ]
  // What every entry has besides.
  return texts.reduce((sum, text) => sum + text.length + 16, 400)
}

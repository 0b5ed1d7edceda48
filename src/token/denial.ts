/**
 * Why a registry has refused a request: because the rules do (then one sentence says so to whoever is at
 * the keyboard), or because the client has to ask for a larger or newer token.
 */

import type { Subject } from '../authentication/authenticator.ts'
import { authorize, type Decision } from '../authorization/authorize.ts'
import type { Circumstances } from '../authorization/conditions.ts'
import type { Rule } from '../authorization/rule.ts'
import type { Clock } from '../clock.ts'
import type { Scope } from '../protocol/scope.ts'
import { registryLeeway } from '../signing/token-signer.ts'
import type { TokenVerifier } from '../signing/token-verifier.ts'
import {
  formatRule,
  isLess,
  type RecentDecision,
  type RecentDecisions,
} from './recent-decisions.ts'
import { readRegistryRequest } from './registry-request.ts'
import type { PolicySource } from './token-service.ts'

/** What the sentence says besides. */
export interface DenialSettings {
  /** Whom to ask: `#platform`. */
  readonly contact: string | undefined
  /** `rule`: the sentence names the rule that denies, or says that no rule gives it. */
  readonly detail: 'rule' | 'none'
}

export interface DenialParts {
  readonly issuer: string
  /** Service name → token lifetime in seconds. */
  readonly services: ReadonlyMap<string, number>
  readonly policies: PolicySource
  readonly settings: DenialSettings
  readonly verifier: TokenVerifier
  readonly recentDecisions: RecentDecisions
  readonly clock: Clock
}

/** A request that a registry has answered with 401. */
export interface RefusedRequest {
  readonly method: string
  /** Path and query, as the client sent them. */
  readonly uri: string
  /** Every Authorization header. */
  readonly authorization: readonly string[]
  /** The client's IP address. */
  readonly address: string
  /** Of the question to us; the sentence quotes it. */
  readonly requestId: string
}

export type DenialOutcome =
  /** 401: there is, or may be, a token that opens it. */
  | { readonly kind: 'unauthorized'; readonly needs: readonly Scope[] }
  /** 404 to a HEAD, so that the client goes on to an upload, whose answer can say why. */
  | { readonly kind: 'absent' }
  /** 403: the rules do not give it to this subject. */
  | {
      readonly kind: 'denied'
      readonly sentence: string
      readonly subject: Subject
      readonly service: string
      readonly needs: readonly Scope[]
      readonly rules: readonly Rule[]
    }

export class DenialService {
  readonly #parts: DenialParts

  constructor(parts: DenialParts) {
    this.#parts = parts
  }

  /**
   * By the rules of now, and by the subject as it was when the token was issued. Where that is not known
   * any more, the client's next token request makes it known.
   */
  async judge(request: RefusedRequest): Promise<DenialOutcome> {
    const read = readRegistryRequest(request.method, request.uri)
    const needs = [read?.target, read?.source].filter((scope) => scope !== undefined)
    const unauthorized = { kind: 'unauthorized', needs } as const
    // Not the source of a mount: at 401 clients upload the blob instead, at 403 containerd gives up.
    const target = read?.target
    const issued = await this.#issued(request.authorization)
    if (target === undefined || !issued?.subject) return unauthorized

    const { subject, service } = issued
    const { policies, settings, clock } = this.#parts
    const policy = await policies.current()
    const circumstances = { service, address: request.address, time: clock() }
    const decision = authorize(policy, subject, [target], circumstances)
    if (!isLess(decision.access, [target])) return unauthorized
    if (request.method === 'HEAD') {
      return isUploadAhead(issued, target) ? { kind: 'absent' } : unauthorized
    }
    this.#remember(request.requestId, subject, target, circumstances, decision)
    const { rules } = decision
    const sentence = sentenceOf(subject, target, rules, settings, request.requestId)
    return { kind: 'denied', sentence, subject, service, needs, rules }
  }

  /** The decision by which the token was issued, where it is ours and was for less than was asked. */
  async #issued(authorization: readonly string[]): Promise<RecentDecision | undefined> {
    const { issuer, services, verifier, recentDecisions } = this.#parts
    const token = bearerOf(authorization)
    if (token === undefined) return undefined
    const id = await verifier.verify(token, { issuer, services: [...services.keys()] })
    return id === undefined ? undefined : recentDecisions.byTokenId(id)
  }

  #remember(
    requestId: string,
    subject: Subject,
    target: Scope,
    { service, address, time }: Circumstances,
    { access, rules }: Decision,
  ): void {
    const { services, recentDecisions } = this.#parts
    const denial: RecentDecision = {
      ...{ requestId, kind: 'denial', time: time.toISOString(), subject, service, address },
      ...{ asked: [target], malformed: [], granted: access, rules: rules.map(formatRule) },
    }
    recentDecisions.remember(denial, (services.get(service) ?? 0) + registryLeeway)
  }
}

function bearerOf(authorization: readonly string[]): string | undefined {
  // Of two headers the registry may have read the other.
  const [header = '', ...more] = authorization
  return more.length === 0 ? /^bearer (\S+)$/i.exec(header)?.[1] : undefined
}

/**
 * Before an upload, clients look whether a blob or manifest is there, and skopeo, podman and crane give up where
 * that is refused. The answer to a HEAD has no body to say why.
 */
function isUploadAhead({ asked }: RecentDecision, { type, name }: Scope): boolean {
  const actions = asked.find((scope) => scope.type === type && scope.name === name)?.actions ?? []
  return actions.includes('push') && !actions.includes('delete')
}

/** Who may not do what where, and whom to ask. Nothing in it depends on what the registry holds. */
function sentenceOf(
  subject: Subject,
  target: Scope,
  rules: readonly Rule[],
  { contact, detail }: DenialSettings,
  requestId: string,
): string {
  const because = detail === 'rule' ? `, ${reasonOf(target, rules)}` : ''
  const ask = contact === undefined ? '' : `; ask ${contact}`
  return `${subject.name} may not ${deedOf(target)}${because}${ask} (request ${requestId})`
}

function deedOf({ type, name, actions }: Scope): string {
  if (type === 'registry') return `list the ${name}`
  if (actions.includes('push')) return `push to ${name}`
  return `${actions.join()} from ${name}`
}

function reasonOf({ actions }: Scope, rules: readonly Rule[]): string {
  const denying = rules.find(({ mayNot }) =>
    mayNot.some((action) => action === '*' || actions.includes(action)),
  )
  return denying === undefined
    ? 'because no rule gives it'
    : `because the rule "${denying.name}" denies it`
}

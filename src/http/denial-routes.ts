/**
 * `GET /registry-denial`: what nginx asks when a registry has refused a token (deploy/nginx), and the answer
 * that the client gets in place of the registry's. Whoever asks it directly learns what their own token
 * would have been told.
 */

import { randomUUID } from 'node:crypto'
import { type Request, Router } from 'express'
import type { Log } from '../log.ts'
import { formatScope, type Scope } from '../protocol/scope.ts'
import type { DenialOutcome, DenialService } from '../token/denial.ts'
import { formatRule } from '../token/recent-decisions.ts'
import type { ClientAddressReader } from './client-address.ts'
import { answerJson } from './error-answer.ts'
import { clientOf, headers } from './request-headers.ts'
import { short, shortList } from './short-text.ts'

export interface DenialRouteParts {
  /** Asked for each request, so that a reload takes effect on the next one. */
  readonly denialService: () => DenialService
  readonly clientAddress: ClientAddressReader
  readonly log: Log
}

/** Longer than every sentence with printable names in it, as JSON writes it; bytes. */
const maximumSentenceSize = 8000

export function denialRoutes({ denialService, clientAddress, log }: DenialRouteParts): Router {
  const router = Router()
  router.get('/registry-denial', async (request, response) => {
    const requestId = randomUUID()
    const address = clientOf(request, clientAddress)
    const method = only(request, 'x-original-method')
    const outcome = await denialService().judge({
      method,
      uri: only(request, 'x-original-uri'),
      authorization: headers(request, 'authorization'),
      address,
      requestId,
    })
    // As a registry says it. The challenge is the registry's own: nginx has kept it.
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0')
    if (outcome.kind === 'unauthorized') {
      answerJson(response, 401, registryError(outcome.needs), requestId)
      return
    }
    if (outcome.kind === 'absent') {
      answerJson(response, 404, { errors: [] }, requestId)
      return
    }
    const message = short(outcome.sentence, maximumSentenceSize)
    answerJson(response, 403, { errors: [{ code: 'DENIED', message }] }, requestId)
    logDenial(log, outcome, { requestId, client: address, method })
  })
  return router
}

/** The body of distribution's 401, which some clients show. */
function registryError(needs: readonly Scope[]): object {
  const records = needs.flatMap(({ type, name, actions }) =>
    actions.map((action) => ({ Type: type, Class: '', Name: name, Action: action })),
  )
  const detail = records.length === 0 ? null : records
  return { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required', detail }] }
}

/** Empty, which no registry request has, where nginx has not sent exactly one. */
function only(request: Request, name: string): string {
  const [value = '', ...more] = headers(request, name)
  return more.length === 0 ? value : ''
}

/** The one log line of each denial. */
function logDenial(
  log: Log,
  { subject, service, needs, rules }: Extract<DenialOutcome, { kind: 'denied' }>,
  fields: { readonly requestId: string; readonly client: string; readonly method: string },
): void {
  const decision = {
    event: 'denial',
    ...fields,
    subject: short(subject.name),
    backend: subject.backend,
    service: short(service),
    needs: needs.map((scope) => short(formatScope(scope))),
    rules: shortList(rules.map(formatRule)),
  }
  log.info(decision, 'denied')
}

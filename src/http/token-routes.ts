/** `GET|POST /token` and its aliases: reads the request, asks the token service, writes the answer. */

import { randomUUID } from 'node:crypto'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { CandidateTrial } from '../token/candidate-trial.ts'
import { type RecentDecisions, rememberIfLess } from '../token/recent-decisions.ts'
import { readTokenForm, readTokenQuery, type TokenRequest } from '../token/token-request.ts'
import { tokenResponse } from '../token/token-response.ts'
import type { TokenOutcome, TokenService } from '../token/token-service.ts'
import { tryCandidate } from './candidate-log.ts'
import type { ClientAddressReader } from './client-address.ts'
import { logDecision } from './decision-log.ts'
import { answerError, answerJson, clientError } from './error-answer.ts'
import { readForm } from './form-body.ts'
import { clientOf, headers } from './request-headers.ts'

export interface TokenRouteParts {
  /** Asked for each request, so that a reload takes effect on the next one. */
  readonly tokenService: () => TokenService
  readonly recentDecisions: RecentDecisions
  /** Undefined where no rules are tried beside those in force. */
  readonly candidate: () => CandidateTrial | undefined
  readonly clientAddress: ClientAddressReader
  readonly log: Log
}

/** The realm path, and the ones that a registry's `autoredirect` makes up. */
const paths = ['/token', '/auth', '/auth/token']

export function tokenRoutes(parts: TokenRouteParts): Router {
  const router = Router()
  router.get(
    paths,
    answerWith(parts, async (request) =>
      readTokenQuery(queryOf(request), headers(request, 'authorization')),
    ),
  )
  router.post(
    paths,
    answerWith(parts, async (request) => readTokenForm(await readForm(request))),
  )
  router.all(
    paths,
    answerWith(parts, async (_request, response) => {
      response.setHeader('Allow', 'GET, HEAD, POST')
      throw new AppError('method_not_allowed', 'ask for a token with GET or POST')
    }),
  )
  return router
}

function answerWith(
  { tokenService, recentDecisions, candidate, clientAddress, log }: TokenRouteParts,
  read: (request: Request, response: Response) => Promise<TokenRequest>,
): RequestHandler {
  return async (request, response) => {
    const start = performance.now()
    const requestId = randomUUID()
    const client = clientOf(request, clientAddress)
    let asked: TokenRequest | undefined
    let trial: CandidateTrial | undefined
    let outcome: TokenOutcome | undefined
    let failure: unknown
    let status = 200
    try {
      asked = await read(request, response)
      trial = candidate()
      outcome = await tokenService().issue(asked, client)
      if (outcome.kind === 'refused') {
        status = answerError(response, wrongCredentials(asked, outcome.tell), requestId)
      } else {
        rememberIfLess(recentDecisions, asked, outcome, { requestId, address: client })
        const method = request.method === 'POST' ? 'POST' : 'GET'
        answerJson(response, status, tokenResponse(outcome, method), requestId)
      }
    } catch (error) {
      failure = error
      status = answerError(response, clientError(error), requestId)
    }
    logDecision(log, {
      requestId,
      client,
      method: request.method,
      status,
      duration: performance.now() - start,
      request: asked,
      outcome,
      error: failure,
    })
    if (trial !== undefined && asked !== undefined && outcome?.kind === 'issued') {
      await tryCandidate(trial, log, { requestId, request: asked, outcome })
    }
  }
}

/** The same words whether the name or the password is wrong: they must not tell which. */
function wrongCredentials({ proof }: TokenRequest, tell: string | undefined): AppError {
  if (tell !== undefined) return new AppError('unauthorized', tell)
  const messages = {
    none: 'sign in first: docker login',
    password: 'wrong user name or password',
    malformed: 'wrong user name or password',
    identity_token: 'this login has ended; sign in again with docker login',
  }
  return new AppError('unauthorized', messages[proof.kind])
}

function queryOf(request: Request): string {
  const mark = request.url.indexOf('?')
  return mark === -1 ? '' : request.url.slice(mark + 1)
}

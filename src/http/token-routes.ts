/** `GET|POST /token` and its aliases: reads the request, asks the token service, writes the answer. */

import { randomUUID } from 'node:crypto'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { readTokenForm, readTokenQuery, type TokenRequest } from '../token/token-request.ts'
import { tokenResponse } from '../token/token-response.ts'
import type { TokenOutcome, TokenService } from '../token/token-service.ts'
import { logDecision } from './decision-log.ts'
import { answerError, answerJson, clientError } from './error-answer.ts'
import { readForm } from './form-body.ts'

export interface TokenRouteParts {
  /** Asked for each request, so that a reload takes effect on the next one. */
  readonly tokenService: () => TokenService
  readonly clientAddress: (peer: string | undefined, forwardedFor: string | undefined) => string
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
  { tokenService, clientAddress, log }: TokenRouteParts,
  read: (request: Request, response: Response) => Promise<TokenRequest>,
): RequestHandler {
  return async (request, response) => {
    const start = performance.now()
    const requestId = randomUUID()
    // Taken before anything is awaited: a client that hangs up takes its address along.
    const client = clientAddress(
      request.socket.remoteAddress,
      headers(request, 'x-forwarded-for').join(',') || undefined,
    )
    let asked: TokenRequest | undefined
    let outcome: TokenOutcome | undefined
    let failure: unknown
    let status = 200
    try {
      asked = await read(request, response)
      outcome = await tokenService().issue(asked)
      if (outcome.kind === 'refused') {
        status = answerError(response, wrongCredentials(asked), requestId)
      } else {
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
  }
}

/** The same words whether the name or the password is wrong: they must not tell which. */
function wrongCredentials({ proof }: TokenRequest): AppError {
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

/** Every header of that name: `request.headers` would hide a second Authorization. */
function headers(request: Request, name: string): readonly string[] {
  if (request.headers[name] === undefined) return []
  return request.rawHeaders.filter(
    (_value, index, raw) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name,
  )
}

/** The Express application on its HTTP server: routes, limits, and a stop that loses nothing in flight. */

import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import { AppError } from '../errors.ts'
import { hostAndPort } from '../host-and-port.ts'
import type { Log } from '../log.ts'
import { reasonOf } from './decision-log.ts'
import { type DenialRouteParts, denialRoutes } from './denial-routes.ts'
import { answerError, clientError } from './error-answer.ts'
import { createExpressServer } from './express-classes.ts'
import { healthRoutes, type Readiness } from './health-routes.ts'
import { type Metric, metricsRoutes } from './metrics-routes.ts'
import { type TokenRouteParts, tokenRoutes } from './token-routes.ts'

export interface HttpServer {
  /** @returns the port, which the kernel chose where 0 was asked for. @throws AppError misconfigured */
  listen(host: string, port: number): Promise<number>
  /**
   * Stops listening at once, answers what is in flight, and cuts off what takes longer than the grace. May be
   * called again, to wait for it.
   */
  close(): Promise<void>
}

/** Milliseconds that a request in flight may still take after a stop was asked for. */
const closingGrace = 8_000

/** Slow and many clients must not hold the server (CWE-400): Node's own limits are minutes and none. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // Node looks for late clients every 30 s unless told otherwise, whatever the two timeouts say.
  connectionsCheckingInterval: 1_000,
  // Longer than the 60 s of nginx's upstream keep-alive, so that it is nginx who hangs up first.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
}
const maximumConnections = 10_000
/**
 * None: the size bounds it. Past its own limit of 1,000 Node drops headers without a word, and wrong
 * credentials behind that many would be none at all.
 */
const maximumHeaders = 0

export function createHttpServer(
  parts: TokenRouteParts &
    DenialRouteParts & {
      readonly readiness: Readiness
      readonly metrics: readonly Metric[]
      readonly log: Log
    },
): HttpServer {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', false)
  // First, with nothing before it: this is the hot path.
  app.use(tokenRoutes(parts))
  app.use(denialRoutes(parts))
  app.use(healthRoutes(parts.readiness))
  app.use(metricsRoutes(parts.metrics))
  app.use((_request, response) => {
    answerError(
      response,
      new AppError('not_found', 'there is nothing here; tokens are at /token'),
      randomUUID(),
    )
  })
  const lastResort: ErrorRequestHandler = (error, request, response, _next) => {
    const requestId = randomUUID()
    // A path that cannot be decoded is the client's doing; the router says so with a status of 400.
    const isClientFault = error instanceof URIError || error?.status === 400
    const answer = isClientFault
      ? new AppError('invalid_request', 'the path of the request does not parse')
      : clientError(error)
    if (!isClientFault) {
      // As in the line of a decision: a database that is down must not become a flood of stacks.
      const cause = error instanceof AppError ? { reason: reasonOf(error) } : { err: error }
      parts.log.error({ requestId, method: request.method, ...cause }, 'could not answer')
    }
    answerError(response, answer, requestId)
  }
  app.use(lastResort)

  let closed: Promise<void> | undefined
  const server = createExpressServer(app, limits, () => closed !== undefined)
  server.maxConnections = maximumConnections
  server.maxHeadersCount = maximumHeaders

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const refuse = (error: NodeJS.ErrnoException) => reject(listenError(error, host, port))
        server.once('error', refuse)
        server.listen(port, host, () => {
          server.off('error', refuse)
          // A connection that the system could not hand over must not end the server.
          server.on('error', (err) => parts.log.error({ err }, 'could not accept a connection'))
          resolve((server.address() as AddressInfo).port)
        })
      }),
    close() {
      closed ??= new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), closingGrace)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        server.closeIdleConnections()
      })
      return closed
    },
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): AppError {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program is listening there; stop it or choose another port',
    EACCES: 'ports below 1024 need the right to use them; choose a higher one',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ENOTFOUND: 'that host name does not resolve',
  }
  const reason = reasons[error.code ?? ''] ?? error.message
  return new AppError(
    'misconfigured',
    `cannot listen on ${hostAndPort(host, port)} (server.listen): ${reason}`,
    {
      cause: error,
    },
  )
}

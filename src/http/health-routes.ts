/** `/healthz`: the process answers. `/readyz`: which part of it could not do its work. */

import { Router } from 'express'
import { closeOnUnreadBody } from './error-answer.ts'

/**
 * `down`: requests fail because of it. `degraded`: they are answered, but somebody should look
 * (an old file is still in force, a certificate ends soon).
 */
export type PartStatus =
  | { readonly state: 'ok' }
  | { readonly state: 'degraded' | 'down'; readonly detail: string }

/** Name of the part → how it is now. Must answer at once: a slow probe is a failed one. */
export type Readiness = () => Promise<Readonly<Record<string, PartStatus>>>

export function healthRoutes(readiness: Readiness): Router {
  const router = Router()
  router.use(['/healthz', '/readyz'], (_request, response, next) => {
    closeOnUnreadBody(response)
    next()
  })
  router.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').type('text/plain').send('ok\n')
  })
  router.get('/readyz', async (_request, response) => {
    const parts = await readiness()
    const ready = Object.values(parts).every(({ state }) => state !== 'down')
    response
      .set('Cache-Control', 'no-store')
      .status(ready ? 200 : 503)
      .json({ ready, parts })
  })
  return router
}

/** `/metrics`: what is counted, in the text format that Prometheus reads. */

import { Router } from 'express'
import type { Registry } from 'prom-client'
import { closeOnUnreadBody } from './error-answer.ts'

/**
 * Something that is counted or measured. Whoever counts keeps the numbers, so that counting costs next to
 * nothing, and those that nobody reads cost nothing else.
 */
export interface Metric {
  /** `dockwarden_…`, a counter's ends in `_total`. */
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  /** Now, one for each set of labels. The sets are few, known beforehand, and name no person and no repository. */
  readonly read: () => readonly MetricValue[]
}

export interface MetricValue {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

export function metricsRoutes(metrics: readonly Metric[]): Router {
  let registry: Promise<Registry> | undefined
  const router = Router()
  router.get('/metrics', async (_request, response) => {
    closeOnUnreadBody(response)
    registry ??= createRegistry(metrics)
    const opened = await registry
    const text = await opened.metrics()
    response.set('Cache-Control', 'no-store').type(opened.contentType).send(text)
  })
  return router
}

async function createRegistry(metrics: readonly Metric[]): Promise<Registry> {
  // 28 ms of the start and 11 MB that nobody needs who does not scrape.
  const { Counter, Gauge, Registry } = await import('prom-client')
  const registry = new Registry()
  for (const { name, help, kind, read } of metrics) {
    const labelNames = Object.keys(read()[0]?.labels ?? {})
    const options = { name, help, labelNames, registers: [registry] }
    if (kind === 'gauge') {
      new Gauge({
        ...options,
        collect() {
          for (const { labels = {}, value } of read()) this.set(labels, value)
        },
      })
    } else {
      new Counter({
        ...options,
        collect() {
          this.reset()
          for (const { labels = {}, value } of read()) this.inc(labels, value)
        },
      })
    }
  }
  return registry
}

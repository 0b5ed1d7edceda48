/** The text that Prometheus reads. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, test } from 'vitest'
import { metricsRoutes } from '../../src/http/metrics-routes.ts'

test('metrics tell their values of now, with help, kind and labels, and are kept by no cache', async () => {
  const counts = { gives: 0, takes: 3 }
  const server = createServer(
    express().use(
      metricsRoutes([
        {
          name: 'dockwarden_differences_total',
          help: 'How often.',
          kind: 'counter',
          read: () =>
            Object.entries(counts).map(([effect, value]) => ({ labels: { effect }, value })),
        },
        {
          name: 'dockwarden_now',
          help: 'Now.',
          kind: 'gauge',
          read: () => [{ value: counts.gives }],
        },
      ]),
    ),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = () => fetch(`http://127.0.0.1:${port}/metrics`)
  const text = (gives: number) => `# HELP dockwarden_differences_total How often.
# TYPE dockwarden_differences_total counter
dockwarden_differences_total{effect="gives"} ${gives}
dockwarden_differences_total{effect="takes"} 3

# HELP dockwarden_now Now.
# TYPE dockwarden_now gauge
dockwarden_now ${gives}
`
  const first = await ask()
  expect(first.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(first.headers.get('cache-control')).toBe('no-store')
  expect(await first.text()).toBe(text(0))
  counts.gives = 2
  expect(await (await ask()).text()).toBe(text(2))
  server.closeAllConnections()
  server.close()
})

/** Denials at registry 3, and pushes that last longer than their token, with every client. */

import { afterAll, expect, test } from 'vitest'
import {
  type DockerEngine,
  describeWithEngine,
  startDockerEngine,
} from '../support/docker-engine.ts'
import { makeImage } from '../support/image.ts'
import { describeWithParts } from '../support/parts.ts'
import { startSlowProxy } from '../support/slow-proxy.ts'
import { describeDenialAnswers } from './denial-answers.ts'
import { crane, docker, type FlowClient, podman, skopeo } from './flow-clients.ts'
import { passwords, startSite } from './site.ts'

describeDenialAnswers(3)

const parts = [
  'registry 2',
  'registry 3',
  'nginx',
  'htpasswd',
  'openssl',
  'skopeo',
  'podman',
  'crane',
] as const

describeWithEngine('docker', () => {
  describeWithParts('a token that ends in the middle of a push', parts, () => {
    let engine: Promise<DockerEngine> | undefined
    const startEngine = (): Promise<DockerEngine> => {
      engine ??= startDockerEngine()
      return engine
    }
    afterAll(async () => await (await engine)?.stop())

    test('is no end of it, with any client at any registry', { timeout: 1_900_000 }, async () => {
      await startEngine()
      const versions = [2, 3] as const
      const clients: readonly FlowClient[] = [docker(startEngine), podman, skopeo, crane]
      await Promise.all(
        versions.map(async (version) => {
          await using site = await startSite(version, '0.0.0.0', {
            services: [{ name: 'registry.example.com', token_lifetime: '60s' }],
          })
          // A minute, the minute that a registry grants beyond it, and a quarter of one.
          const seconds = 135
          const layerSize = 6_000_000
          await using slow = await startSlowProxy(site.port, layerSize / seconds, '0.0.0.0')
          await Promise.all(
            clients.map(async (client) => {
              const alice = await client.session({ ...site, port: slow.port })
              expect(await alice.login('alice', passwords.alice)).toMatchObject({ code: 0 })
              const start = performance.now()
              const image = makeImage({ layers: 1, layerSize })
              const reference = `team/slow-${client.name}:1`
              const pushed = await alice.push(image, reference, { timeout: 400_000 })
              expect(pushed.code, `${client.name} ${version}\n${pushed.output}`).toBe(0)
              expect((performance.now() - start) / 1000).toBeGreaterThan(125)
            }),
          )
          // crane does not count the seconds: it goes on with the old token until it is told.
          const tokens = site.dockwarden.log().filter(({ event }) => event === 'token')
          expect(tokens.length).toBeGreaterThanOrEqual(2 * clients.length)
          const told = site.nginx
            .accessLog()
            .filter((line) => /\/v2\/team\/slow-crane\/.* 401$/.test(line))
          expect(told.length).toBeGreaterThan(0)
        }),
      )
    })
  })
})

/** Every client at every registry through every flow. Prints the table of what came out. */

import { afterAll, beforeAll, describe, expect } from 'vitest'
import {
  type DockerEngine,
  describeWithEngine,
  startDockerEngine,
} from '../support/docker-engine.ts'
import { describeWithParts } from '../support/parts.ts'
import { crane, docker, podman, skopeo } from './flow-clients.ts'
import { type FlowTable, formatTable, testFlows } from './flow-tests.ts'
import { type Site, startSite } from './site.ts'

const servers = ['registry 2', 'registry 3', 'nginx', 'htpasswd', 'openssl'] as const
const table: FlowTable = new Map()

let engine: Promise<DockerEngine> | undefined
const startEngine = (): Promise<DockerEngine> => {
  engine ??= startDockerEngine()
  return engine
}

afterAll(async () => {
  console.log(formatTable(table))
  await (await engine)?.stop()
})

describe.each([2, 3] as const)('registry %i', (version) => {
  describeWithParts('servers', servers, () => {
    let site: Site
    beforeAll(async () => {
      site = await startSite(version, '0.0.0.0')
    })
    afterAll(async () => {
      const faults = site.nginx.accessLog().filter((line) => / 5\d\d$/.test(line))
      await site.stop()
      expect(faults).toEqual([])
    })

    describeWithEngine('docker', () => testFlows(docker(startEngine), version, () => site, table))
    describeWithParts('podman', ['podman'], () => testFlows(podman, version, () => site, table))
    describeWithParts('skopeo', ['skopeo'], () => testFlows(skopeo, version, () => site, table))
    describeWithParts('crane', ['crane'], () => testFlows(crane, version, () => site, table))
  })
})

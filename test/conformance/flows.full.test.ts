/** Every client at every registry through every flow. Writes the table of what came out. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type DockerEngine,
  describeWithEngine,
  startDockerEngine,
} from '../support/docker-engine.ts'
import { describeWithParts } from '../support/parts.ts'
import { crane, docker, type FlowClient, podman, skopeo } from './flow-clients.ts'
import { flows, gatherPeople, type People } from './flows.ts'
import { type Site, startSite } from './site.ts'

const versions = [2, 3] as const

/** Column → flow → outcome. */
const table = new Map<string, Map<string, string>>()

let engine: Promise<DockerEngine> | undefined
const startEngine = (): Promise<DockerEngine> => {
  engine ??= startDockerEngine()
  return engine
}

afterAll(async () => {
  writeTable()
  await (await engine)?.stop()
})

describeWithParts(
  'conformance',
  ['registry 2', 'registry 3', 'nginx', 'htpasswd', 'openssl'],
  () => {
    describe.each(versions)('registry %i', (version) => {
      let site: Site
      beforeAll(async () => {
        site = await startSite(version)
      })
      afterAll(async () => {
        const errors = site.nginx.accessLog().filter((line) => / 5\d\d$/.test(line))
        await site.stop()
        expect(errors).toEqual([])
      })

      describeWithEngine('docker', () => testFlows(docker(startEngine), version, () => site))
      for (const client of [podman, skopeo, crane])
        describeWithParts(client.name, [client.name as 'podman' | 'skopeo' | 'crane'], () =>
          testFlows(client, version, () => site),
        )
    })
  },
)

function testFlows(client: FlowClient, version: 2 | 3, site: () => Site): void {
  const column = new Map<string, string>()
  table.set(`${client.name} ${version}`, column)
  let people: People
  beforeAll(async () => {
    people = await gatherPeople(client, site())
    // Another run of the tests may hold the Docker engine for long.
  }, 1_900_000)

  const possible = flows.filter(({ needs }) => needs === undefined || !client.lacks.includes(needs))
  test.each(possible)('$name', async ({ name, act, isRefused, says, check }) => {
    column.set(name, 'FAILED')
    const result = await act(people)
    if (result === undefined) throw new TypeError(`${client.name} has no command for: ${name}`)
    if (isRefused) expect(result.code, result.output).not.toBe(0)
    else expect(result.code, result.output).toBe(0)
    const words = says?.[client.name] ?? says?.others
    if (words !== undefined) expect(result.output).toMatch(words)
    await check?.(people, result)
    column.set(name, isRefused ? 'refused' : 'done')
  })
}

function writeTable(): void {
  const columns = [...table]
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const lines = [
    row(['flow', ...columns.map(([name]) => name)]),
    row(['---', ...columns.map(() => '---')]),
    ...flows.map(({ name }) =>
      row([name, ...columns.map(([, column]) => column.get(name) ?? '–')]),
    ),
  ]
  console.log(lines.join('\n'))
}

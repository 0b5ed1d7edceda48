/** One test for each flow that a client has commands for, and the table of what came out. */

import { beforeAll, expect, test } from 'vitest'
import type { FlowClient } from './flow-clients.ts'
import { flows, gatherPeople, type People } from './flows.ts'
import type { Site } from './site.ts'

/** Column, client and registry → flow → outcome. */
export type FlowTable = Map<string, Map<string, string>>

/** To be called inside a `describe`. @param site is started by then, but not yet when this is called */
export function testFlows(
  client: FlowClient,
  version: 2 | 3,
  site: () => Site,
  table: FlowTable = new Map(),
): void {
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

/** As Markdown; a dash is a flow that the client has no command for. */
export function formatTable(table: FlowTable): string {
  const columns = [...table]
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    row(['flow', ...columns.map(([name]) => name)]),
    row(['---', ...columns.map(() => '---')]),
    ...flows.map(({ name }) =>
      row([name, ...columns.map(([, column]) => column.get(name) ?? '–')]),
    ),
  ].join('\n')
}

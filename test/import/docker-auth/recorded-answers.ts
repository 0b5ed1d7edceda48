/** What a real docker_auth answered to the fixtures; record-answers.mjs wrote it down. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type AuthConfig, readAuthConfig } from '../../../src/import/docker-auth/auth-config.ts'

export type Recorded =
  | { readonly refused: string }
  | {
      readonly resources: readonly string[]
      readonly asked: readonly {
        readonly account: string
        readonly address: string
        readonly service: string
        /** A digit for each resource: the bits of what was given; `x`: the connection was broken off. */
        readonly answers: string
      }[]
    }

const folder = fileURLToPath(new URL('fixtures', import.meta.url))
const recorded = JSON.parse(
  readFileSync(new URL('recorded-answers.json', import.meta.url), 'utf8'),
) as Record<string, Recorded>

export const fixtureNames: readonly string[] = readdirSync(folder).sort()

export function fixturePath(name: string): string {
  return `${folder}/${name}`
}

export function recordOf(name: string): Recorded {
  const record = recorded[name]
  if (record === undefined) throw new Error(`${name} is not recorded; run record-answers.mjs`)
  return record
}

export function readFixture(name: string): AuthConfig {
  const bytes = readFileSync(fixturePath(name))
  return readAuthConfig(new TextDecoder('utf-8', { fatal: true }).decode(bytes), name)
}

const bits: Readonly<Record<string, number>> = { pull: 1, push: 2, delete: 4, '*': 8 }

/** As the record writes what is given; `*` alone gives whatever was asked, which was everything. */
export function digitOf(actions: readonly string[]): string {
  if (actions.length === 1 && actions[0] === '*') return 'f'
  const given = [...new Set(actions)].map((action) => bits[action] ?? 0)
  return given.reduce((sum, bit) => sum + bit, 0).toString(16)
}

/** What a digit of the record says; a connection that was broken off gave nothing. */
export function actionsOf(digit: string): readonly string[] {
  const sum = digit === 'x' ? 0 : Number.parseInt(digit, 16)
  return Object.keys(bits).filter((action) => (sum & (bits[action] ?? 0)) > 0)
}

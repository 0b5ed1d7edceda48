// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so

/** Loading in a thread of its own: the same answers as in this one. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { loadConfigInWorker } from '../../src/config/load-in-worker.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const workingFolder = temporaryFolder('load-in-worker')
const env = { ISSUER: 'from the environment' }

function options(name: string, text: string) {
  const file = join(workingFolder, name)
  writeFileSync(file, text)
  return { file, env, workingFolder }
}

test('a configuration is the same, and as frozen', async () => {
  const given = options(
    'good.yml',
    'issuer: "${ISSUER}"\nrules: [{ who: ["group:dev"], may: [pull], on: ["a/**"] }]\n',
  )
  const config = await loadConfigInWorker(given)
  expect(config).toEqual(await loadConfig(given))
  expect(config.issuer).toBe('from the environment')
  expect(Object.isFrozen(config.rules[0]?.who)).toBe(true)
})

test('faults keep their places and their words', async () => {
  const given = options('bad.yml', 'isuer: x\nrules: [{ who: [anyone], on: ["A"] }]\n')
  const error = await loadConfigInWorker(given).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  expect(error).toEqual(await loadConfig(given).catch((thrown: unknown) => thrown))
  expect((error as ConfigError).faults[0]?.place).toEqual({ line: 1, column: 1 })
})

test('the event loop goes on while 10,000 rules are read', async () => {
  const rule = (_: unknown, index: number) => `- {who: [anyone], may: [pull], on: ["t${index}/**"]}`
  const given = options('large.yml', `rules:\n${Array.from({ length: 10_000 }, rule).join('\n')}\n`)
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 10)
  const { rules } = await loadConfigInWorker(given)
  clearInterval(timer)
  expect(rules).toHaveLength(10_000)
  expect(turns).toBeGreaterThan(10)
})

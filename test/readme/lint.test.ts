/** What we show to others is what we would not warn of, and what an editor would not underline. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { lint } from '../../src/authorization/lint/lint.ts'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { loadText } from '../config/config-text.ts'
import { fencedBlocks } from './markdown.ts'
import { root } from './readme.ts'

const accepts = new Ajv2020({ strictTypes: false }).compile(configJsonSchema())
const environment = {
  DOCKWARDEN_PUBLIC_URL: 'https://registry.example.com',
  DOCKWARDEN_SERVICE: 'registry',
}

const files = ['dockwarden.example.yml', 'dockwarden/dockwarden.yml', 'systemd/dockwarden.yml']
const examples = [
  ...files.map((file): [string, string] => {
    return [`deploy/${file}`, readFileSync(join(root, 'deploy', file), 'utf8')]
  }),
  ...['README.md', 'docs/rules.md'].flatMap((file) =>
    fencedBlocks(readFileSync(join(root, file), 'utf8'))
      .filter(({ language, text }) => language === 'yaml' && /^rules:/m.test(text))
      .map(({ text }, index): [string, string] => [`${file}, ${index + 1}`, text]),
  ),
]

/** Pull of everything for everybody is what some ask for, and know. */
const deserved = 'opens_to_anonymous'

describe('each example', () => {
  test.each(examples)('%s', async (_, text) => {
    const config = await loadText(text, environment)
    const found = lint({ ...config, names: { users: 'any', groups: 'any' } }, new Date())
    const warnings = found.filter(({ severity }) => severity === 'warning')
    for (const { id, message } of warnings) expect(id, message).toBe(deserved)
    accepts(parse(text))
    expect(accepts.errors).toBeNull()
  })

  test('of which there are many', () => {
    expect(examples.length).toBeGreaterThan(20)
  })
})

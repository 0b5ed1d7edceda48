// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so

/** The schema that editors get, held against the loader. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { mistakes } from './mistakes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const schema = configJsonSchema() as Schema
const ajv = new Ajv2020({ strictSchema: true, strictTypes: false })
const accepts: ValidateFunction = ajv.compile(schema)

/** As far as ours goes. */
interface Schema {
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly examples?: readonly unknown[]
}

function partsOf(part: Schema): readonly Schema[] {
  const { properties = {}, items, anyOf = [], additionalProperties } = part
  const below = [...Object.values(properties), ...anyOf]
  if (items !== undefined) below.push(items)
  if (typeof additionalProperties === 'object') below.push(additionalProperties)
  return [part, ...below.flatMap(partsOf)]
}

const sections = partsOf(schema).filter(({ properties }) => properties !== undefined)
const keys = sections.flatMap(({ properties = {} }) => Object.entries(properties))

test('every key is described, and shows what it may hold', () => {
  expect(keys.length).toBeGreaterThan(80)
  for (const [key, part] of keys) {
    expect(part.description, key).toMatch(/^\S.{8,}[.…a-z)]$/)
    const shown = partsOf(part).some(
      (each) => each.examples ?? each.enum ?? each.default ?? each.properties,
    )
    expect(shown, key).toBe(true)
  }
})

test('every example and every default is accepted by the key that shows it', () => {
  for (const part of partsOf(schema)) {
    const own = ajv.compile(part as object)
    for (const value of [...(part.examples ?? []), part.default ?? []].flat()) {
      if (typeof value === 'object') continue
      const isAccepted = own(value) || own([value])
      expect(isAccepted, `${value}: ${part.description}`).toBe(true)
    }
  }
})

test('no section takes a key that it does not know', () => {
  expect(sections.length).toBeGreaterThan(15)
  for (const section of sections) expect(section.additionalProperties).toBe(false)
})

describe('it accepts what the loader accepts', () => {
  test.each([
    'deploy/dockwarden.example.yml',
    'deploy/dockwarden/dockwarden.yml',
    'deploy/systemd/dockwarden.yml',
    'deploy/openldap/dockwarden/dockwarden.yml',
  ])('%s', (file) => {
    accepts(parse(readFileSync(join(root, file), 'utf8')))
    expect(accepts.errors).toBeNull()
  })

  test.each([
    ['numbers and words as texts', 'issuer: 5\ngroups: { 7: [8, true, 1.5] }\nkeys: yes\n'],
    ['lengths of time in seconds', 'services: [{ name: a, token_lifetime: 300 }]\n'],
    [
      'lengths of time in days',
      'authentication:\n  - ldap: { urls: ["ldaps://a.example"], preset: openldap, base: dc=a, bind: anonymous, failed_binds: { window: 1d } }\n',
    ],
    [
      'variables of the environment',
      'server: { listen: "${LISTEN}" }\nrules: [{ who: "${WHO}", may: "${MAY}", on: "${TEAM}/**" }]\n',
    ],
    [
      'variables of rules',
      'rules: [{ who: authenticated, may: "*", on: ["${user}/**", "a/x-${user}"] }]\n',
    ],
    [
      'a port in a pattern',
      'rules: [{ who: anyone, may: pull, on: ["a.example:5000/**", "a:*/b"] }]\n',
    ],
    ['backends in short', 'authentication: [accounts, { accounts: }, { htpasswd: { file: a } }]\n'],
  ])('%s', (_, text) => {
    accepts(parse(text))
    expect(accepts.errors).toBeNull()
  })
})

/** What an editor has its own words for, or what vanishes when YAML is read as others read it. */
const ofTheYaml = ['not UTF-8', 'anchor', 'tag', 'directive', 'prototype']

const beyondIt: Readonly<Record<string, readonly string[]>> = {
  'numbers within a text': [
    'port too high',
    'no such address',
    'trust the Internet',
    'trust IPv6',
    'prefix too long',
    'short tokens',
    'long tokens',
    'lifetime in parts of a second',
    'a network',
    'a date',
    'too many alternatives',
    'long name',
  ],
  'what stands elsewhere': [
    'services of one name',
    'backends of one name',
    'rules of one name',
    'a service of a condition',
    'a group variable without a group',
    'a test of a group of anonymous',
    'test of a service',
    'an end before its beginning',
    'end before the beginning',
  ],
  'the environment': [
    'no such variable',
    'variable of the environment',
    'a group called as a variable',
  ],
}
const beyond = Object.values(beyondIt).flat()

describe('it refuses what the loader refuses, as far as such a schema can', () => {
  const values = mistakes.flatMap(([name, text]): [string, unknown][] => {
    try {
      return ofTheYaml.includes(name) ? [] : [[name, parse(text, { merge: false })]]
    } catch {
      return []
    }
  })

  test.each(values)('C13: %s', (name, value) => {
    expect(accepts(value)).toBe(beyond.includes(name))
  })

  test('C13: which are nearly all', () => {
    expect(values.length).toBeGreaterThan(120)
    expect(beyond.length).toBeLessThan(values.length / 5)
    for (const name of beyond) expect(values.map(([each]) => each)).toContain(name)
  })
})

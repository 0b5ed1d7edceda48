// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { fc } from '../support/fast-check.ts'
import { processorTime } from '../support/processor-time.ts'
import { faultsOf, folder, loadText } from './config-text.ts'
import { bytesOf, mistakes } from './mistakes.ts'

describe('a mistake is refused with its line, its column, its key and what to do', () => {
  test('C13: of 60 and more, each another one', () => {
    expect(mistakes.length).toBeGreaterThanOrEqual(60)
    expect(new Set(mistakes.map(([name]) => name)).size).toBe(mistakes.length)
    expect(new Set(mistakes.map(([, text]) => text)).size).toBe(mistakes.length)
  })

  test.each(mistakes)('C13: %s', async (_, text, start, fix) => {
    const [first, ...others] = await faultsOf(bytesOf(text))
    expect(others).toEqual([])
    expect(first?.slice(0, start.length)).toBe(start)
    expect(first).toContain(fix)
  })
})

test('what later versions add is refused by its name, and never as an unknown key', async () => {
  const later = ['throttle', 'audit', 'metrics', 'identity_tokens', 'robots']
  expect(await faultsOf(later.map((key) => `${key}: {}`).join('\n'))).toEqual(
    later.map((key, index) => `${index + 1}:1: ${key}: ${key} is not supported yet; remove it`),
  )
})

test('all faults are told at once, in the order of the file', async () => {
  const faults = await faultsOf(`
server:
  lisen: 127.0.0.1:1
  trusted_proxies: ["*", 10.0.0.0/8, nginx]
services:
  - name: a
    token_lifetime: 5s
  - name: a
    trust: jwks
issuer: \${NOPE}
keys: &keys folder
groups:
  dev: alice
rules:
  - name: first
    who: [anyone, nobody]
    may: pull
    on: [A, "registry:catalog"]
  - name: first
    who: anyone
    when: {}
`)
  expect(faults.map((fault) => fault.split(': ').slice(0, 2).join(' '))).toEqual([
    '3:3 server.lisen',
    '4:21 server.trusted_proxies[0]',
    '4:38 server.trusted_proxies[2]',
    '7:21 services[0].token_lifetime',
    '8:11 services[1].name',
    '9:5 services[1].trust',
    '10:9 issuer',
    '11:13 keys',
    '13:8 groups.dev',
    '16:19 rules[0].who[1]',
    '17:10 rules[0].may',
    '18:10 rules[0].on[0]',
    '19:5 rules[1].on',
    '19:5 rules[1]',
    '19:11 rules[1].name',
    '21:11 rules[1].when',
  ])
})

test('each fault is one line of bounded length, whatever the file holds', async () => {
  const faults = await faultsOf(`"a\\nb\\u001b[31m": 1\n"${'k'.repeat(1_000)}": 1\n`)
  expect(faults).toHaveLength(2)
  expect(faults[0]).toMatch(/^1:1: a\\nb\\u001b\[31m: no such key/)
  for (const fault of faults) expect(fault.length).toBeLessThanOrEqual(1_001)
})

test('what cannot be seen, or turns the text around, is written out', async () => {
  const hidden = ['\\x9b2J', '\\x7f', '\\u202e', '\\u200b', '\\u2028', '\\ufeff']
  const text = hidden.map((each) => `"a${each}": 1\n"${each}": 1`).join('\n')
  const faults = await faultsOf(`${text}\nissuer: "b\\u202ec\\u2066"\n`)
  expect(faults).toHaveLength(2 * hidden.length + 1)
  for (const fault of faults) expect(fault).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  expect(faults[4]).toMatch(/^5:1: a\\u202e: no such key/)
  const [long = ''] = await faultsOf(`"${'\\u202e'.repeat(1_000)}": 1\n`)
  expect(long.length).toBeLessThanOrEqual(1_001)
})

test('a thousand faults are a hundred lines and a word', async () => {
  const text = `groups:\n${Array.from({ length: 1_000 }, (_, index) => `  g${index}: x`).join('\n')}`
  const faults = await faultsOf(text)
  expect(faults).toHaveLength(101)
  expect(faults.at(-1)).toBe('… and more; mend these first')
})

test('a file that cannot be read says why', async () => {
  const load = (file: string) => loadConfig({ file, env: {}, workingFolder: folder })
  await expect(load('missing.yml')).rejects.toThrow(
    'missing.yml: cannot be read: there is no such file',
  )
  await expect(load('.')).rejects.toThrow('cannot be read: it is a folder')
  execFileSync('mkfifo', [join(folder, 'pipe')])
  await expect(load('pipe')).rejects.toThrow('cannot be read: it is a pipe')
  await expect(load('/dev/zero')).rejects.toThrow('/dev/zero: is larger than 1 MiB')
  await expect(load('missing.yml')).rejects.toMatchObject({ code: 'misconfigured' })
})

const mebibyte = 1_000_000
const laughs = [...'bcdefghij'].map((name, index) => {
  const before = `*${'abcdefghij'[index]}`
  return `${name}: &${name} [${Array(9).fill(before).join(', ')}]`
})
const hostile: Readonly<Record<string, string>> = {
  'a billion laughs': ['a: &a [ha, ha, ha]', ...laughs].join('\n'),
  'brackets, open': '['.repeat(mebibyte),
  'brackets, closed': ']'.repeat(mebibyte),
  'brackets, matched': `a: ${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  braces: '{a: '.repeat(mebibyte / 4),
  steps: Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  dashes: '- '.repeat(mebibyte / 2),
  commas: `[${','.repeat(mebibyte)}]`,
  quotes: '"'.repeat(mebibyte),
  anchors: '&a '.repeat(mebibyte / 3),
  'bad escapes': `a: "${'\\q'.repeat(mebibyte / 2)}"`,
  documents: '---\n'.repeat(mebibyte / 4),
  aliases: `a: [${'*a,'.repeat(mebibyte / 3)}]`,
  keys: Array.from({ length: 90_000 }, (_, index) => `k${index}:`).join('\n'),
  'open variables': `issuer: "${'${A:-'.repeat(mebibyte / 5)}"`,
  'braces in a pattern': `rules: [{ who: anyone, may: pull, on: "${'{a,b}'.repeat(180_000)}" }]`,
  'long variables': `groups:\n  a: [${'"${LONG}",'.repeat(20_000)}]`,
}

describe('a hostile file of up to one MiB is refused at once', () => {
  test.each(Object.entries(hostile))('%s', async (name, text) => {
    // The processor's time: what else the machine does is not the file's doing.
    const start = processorTime()
    const faults = await faultsOf(text, { LONG: 'x'.repeat(100_000) })
    const took = processorTime() - start
    expect(faults.length).toBeGreaterThan(0)
    expect(took).toBeLessThan(name === 'a billion laughs' ? 1_000 : 4_000)
  })
})

const word = fc.constantFrom(
  ...['server', 'listen', 'services', 'name', 'rules', 'who', 'may', 'may_not', 'on', 'groups'],
  ...['authentication', 'htpasswd', 'file', 'accounts', 'issuer', 'database', 'keys', 'anyone'],
  ...['pull', '"*"', '"**"', 'registry:catalog', '127.0.0.1:1', '__proto__', 'constructor', '<<'],
  ...[': ', ':\n  ', '\n', '\n  ', '\n    ', '- ', '\n  - ', '[', ']', '{', '}', ', ', '"', "'"],
  ...[
    '&a ',
    '*a',
    '!t ',
    '${A}',
    '${',
    '|',
    '>',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '\t',
    '#',
    '~',
    '\0',
  ],
)
const anyText = fc.oneof(
  fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
  fc.string({ unit: 'binary', maxLength: 200 }),
)

test('no text at all makes it fail in another way than with a ConfigError', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      try {
        const config = await loadText(text, { A: 'b' })
        expect(Object.isFrozen(config)).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError)
        expect((error as ConfigError).faults.length).toBeGreaterThan(0)
      }
    }),
    { numRuns: 1_000 },
  )
})

const anyValue = fc.jsonValue({ maxDepth: 3 })
const ldapKeys = ['preset', 'urls', 'base', 'bind', 'tls', 'user', 'groups', 'breaker', 'cache']
const sections = [
  'server',
  'services',
  'issuer',
  'database',
  'keys',
  'groups',
  'authentication',
  'rules',
]

test('nor does a map that has a key of every object', async () => {
  for (const value of ['[{ toString: "" }]', '{ toString: "" }', '[{ constructor: 1 }]']) {
    for (const key of ['issuer', 'server', 'rules', 'database']) {
      expect(await faultsOf(`${key}: ${value}\n`), key).not.toEqual([])
    }
  }
})

test('nor does any value of any key', async () => {
  const file = fc.oneof(
    fc.tuple(fc.constantFrom(...sections), anyValue).map(([key, value]) => ({ [key]: value })),
    fc
      .tuple(fc.constantFrom('who', 'may', 'may_not', 'on', 'name'), anyValue)
      .map(([key, value]) => ({
        rules: [{ who: 'anyone', may: 'pull', on: 'a', [key]: value }],
      })),
    fc.tuple(fc.constantFrom(...ldapKeys), anyValue).map(([key, value]) => ({
      authentication: [
        {
          ldap: {
            preset: 'openldap',
            urls: 'ldaps://a',
            base: 'dc=a',
            bind: 'anonymous',
            [key]: value,
          },
        },
      ],
    })),
    fc.tuple(fc.constantFrom('htpasswd', 'accounts', 'ldap'), anyValue).map(([key, value]) => ({
      authentication: [{ [key]: value }],
    })),
  )
  await fc.assert(
    fc.asyncProperty(file, async (content) => {
      await faultsOf(JSON.stringify(content))
    }),
    { numRuns: 500 },
  )
})

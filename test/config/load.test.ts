// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { loadConfig } from '../../src/config/load.ts'
import { configSchema } from '../../src/config/schema.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { faultsOf, folder, loadText } from './config-text.ts'

describe('which file', () => {
  const workingFolder = temporaryFolder('which')
  const write = (path: string) => writeFileSync(join(workingFolder, path), `issuer: ${path}\n`)
  const issuer = async (options: { file?: string; env?: Record<string, string> }) =>
    (await loadConfig({ env: {}, workingFolder, ...options })).issuer

  test('none at all is fine: the defaults run', async () => {
    const config = await loadConfig({ env: {}, workingFolder })
    expect(config).toEqual({
      file: undefined,
      server: {
        host: '127.0.0.1',
        port: 5001,
        publicUrl: 'http://127.0.0.1:5001',
        trustedProxies: [],
        controlSocket: join(workingFolder, 'data/dockwarden.sock'),
      },
      services: [{ name: 'registry', tokenLifetime: 300 }],
      issuer: 'dockwarden',
      database: { kind: 'sqlite', path: join(workingFolder, 'data/dockwarden.db') },
      keys: join(workingFolder, 'keys'),
      groups: {},
      authentication: [{ kind: 'accounts', name: 'accounts' }],
      rules: [
        {
          name: 'admin may everything',
          origin: 'built-in',
          who: [{ kind: 'user', name: 'admin' }],
          may: ['*'],
          mayNot: [],
          on: ['**', 'registry:catalog'],
        },
        {
          name: 'people own their namespace',
          origin: 'built-in',
          who: [{ kind: 'authenticated' }],
          may: ['*'],
          mayNot: [],
          on: ['${user}/**'],
        },
      ],
      ruleTests: [],
      rulesCandidate: undefined,
      denials: { contact: undefined, detail: 'none' },
      lintAllowances: {},
      origins: {},
    })
  })

  test('the one named comes before the environment, and that before the working folder', async () => {
    write('dockwarden.yml')
    expect(await issuer({})).toBe('dockwarden.yml')
    write('environment.yml')
    const env = { DOCKWARDEN_CONFIG: 'environment.yml' }
    expect(await issuer({ env })).toBe('environment.yml')
    write('named.yml')
    expect(await issuer({ env, file: 'named.yml' })).toBe('named.yml')
    expect(await issuer({ env: { DOCKWARDEN_CONFIG: '' } })).toBe('dockwarden.yml')
  })

  test('a file of the environment that is missing is a fault, not the defaults', async () => {
    await expect(issuer({ env: { DOCKWARDEN_CONFIG: 'missing.yml' } })).rejects.toThrow(
      'there is no such file',
    )
  })

  test('relative paths start at the folder of the file', async () => {
    mkdirSync(join(workingFolder, 'etc'))
    writeFileSync(
      join(workingFolder, 'etc/a.yml'),
      'keys: k\ndatabase: sqlite:../d.db\nauthentication: [{ htpasswd: { file: /h } }, { htpasswd: { file: h, name: b } }]',
    )
    const config = await loadConfig({ file: 'etc/a.yml', env: {}, workingFolder })
    expect(config).toMatchObject({
      file: join(workingFolder, 'etc/a.yml'),
      keys: join(workingFolder, 'etc/k'),
      database: { path: join(workingFolder, 'd.db') },
      authentication: [{ file: '/h' }, { file: join(workingFolder, 'etc/h') }],
    })
  })
})

describe('values', () => {
  test.each([
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0, publicUrl: 'http://127.0.0.1:0' }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80, publicUrl: 'http://0.0.0.0:80' }],
    ['[::1]:5001', { host: '::1', port: 5001, publicUrl: 'http://[::1]:5001' }],
    ['localhost:5001', { host: 'localhost', port: 5001, publicUrl: 'http://localhost:5001' }],
  ])('listen %s', async (listen, server) => {
    expect((await loadText(`server: { listen: "${listen}" }`)).server).toMatchObject(server)
  })

  test.each([
    ['https://registry.example.com', 'https://registry.example.com'],
    ['https://registry.example.com/', 'https://registry.example.com'],
    ['https://Registry.Example.com:443', 'https://registry.example.com'],
    ['https://registry.example.com:44301', 'https://registry.example.com:44301'],
    ['http://registry/auth//', 'http://registry/auth'],
  ])('public_url %s', async (written, publicUrl) => {
    expect((await loadText(`server: { public_url: "${written}" }`)).server.publicUrl).toBe(
      publicUrl,
    )
  })

  test.each([
    ['60', 60],
    ['300s', 300],
    ['5m', 300],
    ['1h', 3_600],
  ])('token_lifetime %s', async (written, seconds) => {
    const { services } = await loadText(`services: [{ name: a b, token_lifetime: ${written} }]`)
    expect(services).toEqual([{ name: 'a b', tokenLifetime: seconds }])
  })

  test('trusted proxies are addresses and networks of both families', async () => {
    const proxies = ['10.0.0.7', '172.16.0.0/12', '10.0.0.0/8', '2001:db8::/32', 'fc00::/7', '::1']
    const { server } = await loadText(`server: { trusted_proxies: ${JSON.stringify(proxies)} }`)
    expect(server.trustedProxies).toEqual(proxies)
  })

  test('a name that YAML would read as something else stays what was written', async () => {
    const { groups } = await loadText('groups: { 007: [0123, no, 1e3, true, "null"] }')
    expect(groups).toEqual({ '007': ['0123', 'no', '1e3', 'true', 'null'] })
  })

  test.each(['- accounts', '- accounts:', '- accounts: null', '- accounts: {}'])(
    'the backend of accounts is written %s',
    async (written) => {
      const { authentication } = await loadText(`authentication:\n  ${written}\n`)
      expect(authentication).toEqual([{ kind: 'accounts', name: 'accounts' }])
    },
  )
})

describe('rules', () => {
  test('are words and lists of words, and know their line', async () => {
    const { rules } = await loadText(
      `# a comment
rules:
  - name: first
    who: [anonymous, "user:bob"]
    may: [pull, push]
    on: ["a/**", host:5000/b]
  -
    who: group:dev
    may_not: delete
    on: c
  - { who: anyone, may: "*", may_not: "*", on: registry:catalog }
`,
    )
    expect(rules).toEqual([
      {
        name: 'first',
        origin: 'dockwarden.yml:3',
        who: [{ kind: 'anonymous' }, { kind: 'user', name: 'bob' }],
        may: ['pull', 'push'],
        mayNot: [],
        on: ['a/**', 'host:5000/b'],
      },
      {
        name: 'dockwarden.yml:8',
        origin: 'dockwarden.yml:8',
        who: [{ kind: 'group', name: 'dev' }],
        may: [],
        mayNot: ['delete'],
        on: ['c'],
      },
      {
        name: 'dockwarden.yml:11',
        origin: 'dockwarden.yml:11',
        who: [{ kind: 'anyone' }],
        may: ['*'],
        mayNot: ['*'],
        on: ['registry:catalog'],
      },
    ])
  })

  test.each([
    ['neither rules nor backends', 'issuer: a', 2],
    ['backends and no rules', 'authentication: [{ htpasswd: { file: h } }]', 0],
    ['our own accounts and no rules', 'authentication: [accounts]', 0],
    ['an empty list', 'rules: []', 0],
  ])('a file with %s: the built-in rules stand only in the first case', async (_, text, count) => {
    expect((await loadText(text)).rules).toHaveLength(count)
  })

  test('an empty list of backends stands for a registry that nobody signs in to', async () => {
    expect((await loadText('authentication: []')).authentication).toEqual([])
  })
})

describe('the environment', () => {
  const issuer = async (text: string, env: Record<string, string>) =>
    (await loadText(`issuer: ${text}`, env)).issuer

  test.each([
    ['${A}', { A: 'x' }, 'x'],
    ['"${A}"', { A: 'x' }, 'x'],
    ['a-${A}-${B_2}', { A: 'x', B_2: 'y' }, 'a-x-y'],
    ['${A:-y}', {}, 'y'],
    ['${A:-y}', { A: '' }, 'y'],
    ['${A:-y}', { A: 'x' }, 'x'],
    ['a${A:-}', {}, 'a'],
    ['$A', { A: 'x' }, '$A'],
  ])('%s with %o', async (text, env, expected) => {
    expect(await issuer(text, env as Record<string, string>)).toBe(expected)
  })

  test.each([
    ['${A}', { A: '${user}' }],
    ['$${A}', { A: '{user}' }],
    ['${A}${B}', { A: '$', B: '{user}' }],
  ])('and no variable of rules: %s', async (on, env) => {
    await expect(
      loadText(`rules: [{ who: authenticated, may: push, on: "${on}/**" }]`, env),
    ).rejects.toThrow(/rules\[0\]\.on: .*would make a variable of rules/)
  })
  test.each(['x: [y]', '[y]', '{ a: b }', '*a', '&a b', '${B}', '# c', '- d', '~', '!t x'])(
    'a value is text, and never structure: %s',
    async (value) => {
      expect(await issuer('${A}', { A: value, B: 'expanded' })).toBe(value)
    },
  )

  test.each([
    ['server: { public_url: "${A}" }', 'secret', '"${A}" is no http or https URL'],
    ['services: [{ name: s, token_lifetime: "x${A}" }]', 'secret', '"x${A}" is no length of time'],
    ['database: "${A}"', 'mysql://me:secret@db/x', '"${A}" is no database'],
    ['database: mysql://me:secret@db/x', '', '"mysql://…@db/x" is no database'],
    ['server: { public_url: ftp://me:secret@a.example }', '', '"ftp://…@a.example" is no'],
  ])('A7: a fault shows the variable and no secret: %s', async (text, value, told) => {
    const [fault, ...more] = await faultsOf(text, { A: value })
    expect(more).toEqual([])
    expect(fault).toContain(told)
    expect(fault).not.toContain('secret')
  })

  test.each([
    'server: { listen: "${A}" }',
    'server: { listen: "${A}:5001" }',
    'server: { listen: "a:9${A}" }',
    'server: { public_url: "https://${A}" }',
    'server: { trusted_proxies: ["${A}"] }',
    'services: [{ name: r, token_lifetime: "${A}" }]',
    'services: [{ name: "${A}" }, { name: "${A}" }]',
    'services: [{ name: "${A}" }]\nrules: [{ who: anyone, may: pull, on: a, when: { service: b } }]',
    'authentication: [accounts, { accounts: { name: "${A}" } }, { accounts: { name: "${A}" } }]',
    'authentication: ["${A}"]',
    'database: "sqlite://${A}"',
    'rules: [{ who: "${A}", may: pull, on: a }]',
    'rules: [{ who: anyone, may: "${A}", on: a }]',
    'rules: [{ who: anyone, may: pull, on: "${A}" }]',
    'rules: [{ who: anyone, may: pull, on: ["a", "b/{x,${A}}"] }]',
    'rules: [{ who: anyone, may: pull, on: a, when: { network: "${A}" } }]',
    'rules: [{ who: anyone, may: pull, on: a, when: { network: "10.0.0.0/${A}" } }]',
    'rules: [{ who: anyone, may: pull, on: a, when: { from: "${A}" } }]',
    'rule_tests: [{ who: a, may: pull, on: "${A}" }]',
    'rule_tests: [{ who: a, may: pull, on: a, from: "${A}" }]',
  ])('A7: nor a part of it, nor what is made of it: %s', async (text) => {
    const values = ['Sup3rS3cret', 'sup3r#s3cret', '198.51.100.7/77', 'sup3r-s3cret-:99999', 'puhl']
    const parts = /s3cret|sup3r|#|198\.51|77|99999|puhl|did you mean/i
    for (const value of values) {
      for (const fault of await faultsOf(text, { A: value })) {
        const [, message = ''] = /^[\d:]+ [^ ]+ (.*)$/.exec(fault) ?? []
        expect(message, value).not.toMatch(parts)
        expect(message.length, value).toBeGreaterThan(20)
      }
    }
  })
})

const example = fileURLToPath(new URL('../../deploy/dockwarden.example.yml', import.meta.url))

test('everything in the result is frozen', async () => {
  const text = readFileSync(example)
  const thawed: string[] = []
  const look = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return
    if (!Object.isFrozen(value)) thawed.push(path)
    for (const [key, part] of Object.entries(value)) look(part, `${path}.${key}`)
  }
  look(await loadText(text), 'file')
  look(await loadConfig({ env: {}, workingFolder: temporaryFolder('none') }), 'built-in')
  expect(thawed).toEqual([])
})

type JsonSchema = {
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  anyOf?: JsonSchema[]
  description?: string
}

/** Every key of the schema as `section.key`, with its description. */
function* keysOf(schema: JsonSchema, path = ''): Generator<[string, string | undefined]> {
  for (const [key, part] of Object.entries(schema.properties ?? {})) {
    yield [`${path}${key}`, part.description]
    yield* keysOf(part, `${path}${key}.`)
  }
  if (schema.items !== undefined) yield* keysOf(schema.items, path)
  for (const part of schema.anyOf ?? []) yield* keysOf(part, path)
}

test('every key is described, and stands in the example', () => {
  const keys = [...keysOf(z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema)]
  expect(keys.length).toBeGreaterThan(20)
  expect(keys.filter(([, description]) => description === undefined)).toEqual([])
  const text = readFileSync(example, 'utf8')
  const names = keys.map(([path]) => path.split('.').at(-1))
  // What cannot stand beside another key stands in a comment.
  expect(names.filter((name) => !new RegExp(`\\b${name}:`).test(text))).toEqual([])
})

test('the example loads', async () => {
  const config = await loadConfig({ file: example, env: {}, workingFolder: folder })
  expect(config.rules.map(({ origin }) => origin)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^dockwarden\.example\.yml:\d+$/)]),
  )
})

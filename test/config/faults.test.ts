// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { faultsOf, folder, loadText } from './config-text.ts'

const rule = (lines: string) => `rules:\n  - name: a rule\n    who: anyone\n${lines}`

/** Name of the mistake, the file, and of its only fault the place, the key and a piece of the message. */
const mistakes: readonly (readonly [string, string, string, string])[] = [
  // The file
  ['empty file', '', '1:1: the file is empty', 'defaults'],
  ['only comments', '# nothing\n', '1:1: the file is empty', 'remove the file'],
  ['a list', '- server\n', '1:1: must be a map', 'is a list'],
  ['a text', 'hello\n', '1:1: must be a map', 'is a text'],
  ['not UTF-8', 'issuer: b\nkeys: caf\xe9\n', '2:10: ', 'save the file as UTF-8'],
  ['two documents', 'issuer: a\n---\nissuer: b\n', '2:1: a second document', '---'],
  // YAML
  ['tab', 'server:\n\tlisten: 127.0.0.1:1\n', '2:1: a tab cannot indent', 'use spaces'],
  ['key twice', 'issuer: a\nissuer: b\n', '2:1: issuer: ', 'stands twice'],
  [
    'key twice, deep',
    'server:\n  listen: "[::1]:1"\n  listen: "[::1]:2"\n',
    '3:3: server.listen: ',
    'stands twice',
  ],
  ['anchor', 'issuer: &name a\n', '1:15: issuer: ', 'anchor &name is not supported'],
  ['alias', 'issuer: *name\n', '1:9: issuer: ', 'alias *name is not supported'],
  [
    'merge key',
    'server:\n  <<: { listen: "[::1]:1" }\n',
    '2:3: server.<<: ',
    'merge keys are not supported',
  ],
  ['tag', 'issuer: !secret a\n', '1:17: issuer: ', 'tag !secret is not supported'],
  ['directive', '%YAML 1.1\n---\nissuer: a\n', '1:1: ', 'remove the line'],
  ['open quote', 'issuer: "a\n', '2:1: ', 'Missing closing "quote'],
  ['colon in a text', 'issuer: a: b\n', '1:9: ', 'quote a text'],
  ['key that is a list', '[a]: b\n', '1:1: ', 'a key must be a text'],
  [
    'prototype',
    'groups:\n  __proto__: [a]\n',
    '2:3: groups.__proto__: ',
    'no key may be called this',
  ],
  [
    'too deep',
    `issuer: ${'['.repeat(40)}${']'.repeat(40)}\n`,
    '1:40: ',
    'more than 32 levels deep',
  ],
  ['too much', `keys: [${'a,'.repeat(300_000)}]\n`, '1:333338: ', 'too much for one file'],
  ['bare variable in brackets', 'keys: { a: ${B} }\n', '1:17: ', 'quote a text that holds "${"'],
  // Keys
  ['mistyped section', 'sever:\n  listen: "[::1]:1"\n', '1:1: sever: ', 'did you mean "server"?'],
  [
    'mistyped key',
    'server:\n  lisen: "[::1]:1"\n',
    '2:3: server.lisen: ',
    'did you mean "listen"?',
  ],
  [
    'key like no other',
    'server:\n  colour: red\n',
    '2:3: server.colour: ',
    'known are: listen, public_url, trusted_proxies',
  ],
  [
    'camel case',
    'server:\n  publicUrl: https://a.example\n',
    '2:3: server.publicUrl: ',
    'did you mean "public_url"?',
  ],
  ['key in the wrong section', 'listen: 127.0.0.1:1\n', '1:1: listen: ', 'no such key'],
  ['key without a value', 'issuer:\n', '1:1: issuer: ', 'has no value'],
  ['text for a section', 'server: here\n', '1:9: server: ', 'must be a map, and is a text'],
  ['list for a text', 'issuer: [a]\n', '1:9: issuer: ', 'must be a text, and is a list'],
  // server
  ['no port', 'server:\n  listen: 127.0.0.1\n', '2:11: server.listen: ', 'is not host:port'],
  ['no host', 'server:\n  listen: ":5001"\n', '2:11: server.listen: ', '0.0.0.0:5001'],
  [
    'port too high',
    'server:\n  listen: 127.0.0.1:65536\n',
    '2:11: server.listen: ',
    'no port 65536',
  ],
  ['bare IPv6', 'server:\n  listen: ::1:5001\n', '2:11: server.listen: ', '[::1]:5001'],
  [
    'no such address',
    'server:\n  listen: 127.0.0.256:1\n',
    '2:11: server.listen: ',
    'is no address',
  ],
  [
    'URL without a scheme',
    'server:\n  public_url: registry.example.com\n',
    '2:15: server.public_url: ',
    'is no http or https URL',
  ],
  [
    'URL of another scheme',
    'server:\n  public_url: ftp://a.example\n',
    '2:15: server.public_url: ',
    'is no http or https URL',
  ],
  [
    'URL with a password',
    'server:\n  public_url: https://a:b@c.example\n',
    '2:15: server.public_url: ',
    'no user name or password',
  ],
  [
    'URL with a query',
    'server:\n  public_url: https://a.example/?b\n',
    '2:15: server.public_url: ',
    'has a query',
  ],
  [
    'trust everybody',
    'server:\n  trusted_proxies: ["*"]\n',
    '2:21: server.trusted_proxies[0]: ',
    'anybody wrote',
  ],
  [
    'trust true',
    'server:\n  trusted_proxies: true\n',
    '2:20: server.trusted_proxies: ',
    'must be a list',
  ],
  [
    'trust "true"',
    'server:\n  trusted_proxies: [true]\n',
    '2:21: server.trusted_proxies[0]: ',
    'anybody wrote',
  ],
  [
    'trust the Internet',
    'server:\n  trusted_proxies: [0.0.0.0/0]\n',
    '2:21: server.trusted_proxies[0]: ',
    'wider than any private network',
  ],
  [
    'trust IPv6',
    'server:\n  trusted_proxies: ["::/0"]\n',
    '2:21: server.trusted_proxies[0]: ',
    'wider than any private network',
  ],
  [
    'trust a name',
    'server:\n  trusted_proxies: [nginx]\n',
    '2:21: server.trusted_proxies[0]: ',
    'is no address and no CIDR',
  ],
  [
    'prefix too long',
    'server:\n  trusted_proxies: [10.0.0.0/33]\n',
    '2:21: server.trusted_proxies[0]: ',
    '/0 to /32',
  ],
  // services, issuer, database, keys
  ['no service', 'services: []\n', '1:11: services: ', 'name one'],
  [
    'service without a name',
    'services:\n  - token_lifetime: 5m\n',
    '2:5: services[0].name: ',
    'is missing',
  ],
  [
    'services of one name',
    'services:\n  - name: a\n  - name: a\n',
    '3:11: services[1].name: ',
    'another service',
  ],
  [
    'service with quotes',
    `services:\n  - name: 'a"b'\n`,
    '2:11: services[0].name: ',
    'without quotes',
  ],
  [
    'short tokens',
    'services:\n  - name: a\n    token_lifetime: 59s\n',
    '3:21: services[0].token_lifetime: ',
    'at least 60s',
  ],
  [
    'long tokens',
    'services:\n  - name: a\n    token_lifetime: 2h\n',
    '3:21: services[0].token_lifetime: ',
    '1h or less',
  ],
  [
    'lifetime in words',
    'services:\n  - name: a\n    token_lifetime: five minutes\n',
    '3:21: services[0].token_lifetime: ',
    'write 5m',
  ],
  [
    'later: trust',
    'services:\n  - name: a\n    trust: jwks\n',
    '3:5: services[0].trust: ',
    'not supported yet',
  ],
  ['empty issuer', 'issuer: ""\n', '1:9: issuer: ', 'is empty'],
  ['issuer with a space at its end', 'issuer: "a "\n', '1:9: issuer: ', 'space at an end'],
  ['control character', 'keys: "a\\0b"\n', '1:7: keys: ', 'control character'],
  ['PostgreSQL', 'database: postgres://a/b\n', '1:11: database: ', 'not supported yet'],
  ['database without a kind', 'database: data/a.db\n', '1:11: database: ', 'sqlite:PATH'],
  ['database in memory', 'database: "sqlite::memory:"\n', '1:11: database: ', 'outlive'],
  // groups
  ['group of one text', 'groups:\n  dev: alice\n', '2:8: groups.dev: ', 'must be a list'],
  [
    'group with a colon',
    'groups:\n  "group:dev": [alice]\n',
    '2:3: groups.group:dev: ',
    'without ":"',
  ],
  [
    'principal as a member',
    'groups:\n  dev: [alice, user:bob]\n',
    '2:16: groups.dev[1]: ',
    'write the bare name',
  ],
  // authentication
  [
    'unknown backend',
    'authentication:\n  - htpaswd: { file: a }\n',
    '2:5: authentication[0].htpaswd: ',
    'did you mean "htpasswd"?',
  ],
  [
    'unknown short backend',
    'authentication:\n  - acounts\n',
    '2:5: authentication[0]: ',
    'did you mean "accounts"?',
  ],
  [
    'htpasswd without a file',
    'authentication:\n  - htpasswd: { name: a }\n',
    '2:15: authentication[0].htpasswd.file: ',
    'is missing',
  ],
  [
    'short htpasswd',
    'authentication:\n  - htpasswd\n',
    '2:5: authentication[0]: ',
    'needs its file',
  ],
  [
    'two backends in one',
    'authentication:\n  - htpasswd: { file: a }\n    accounts: {}\n',
    '2:5: authentication[0]: ',
    'two backends',
  ],
  [
    'backends of one name',
    'authentication:\n  - htpasswd: { file: a }\n  - htpasswd: { file: b }\n',
    '3:5: authentication[1]: ',
    'another backend is named "htpasswd"',
  ],
  [
    'later: LDAP',
    'authentication:\n  - ldap: { urls: [a] }\n',
    '2:5: authentication[0].ldap: ',
    'not supported yet',
  ],
  [
    'later: LDAP, short',
    'authentication:\n  - ldap\n',
    '2:5: authentication[0]: ',
    'not supported yet',
  ],
  // rules
  [
    'nobody',
    'rules:\n  - who: anonimous\n    may: pull\n    on: a\n',
    '2:10: rules[0].who: ',
    'names nobody',
  ],
  ['no who', 'rules:\n  - may: pull\n    on: a\n', '2:5: rules[0].who: ', 'is missing'],
  ['no on', rule('    may: pull\n'), '2:5: rules[0].on: ', 'is missing'],
  ['neither may nor may_not', rule('    on: a\n'), '2:5: rules[0]: ', 'add may: or may_not:'],
  ['may nothing', rule('    may: []\n    on: a\n'), '4:10: rules[0].may: ', 'is an empty list'],
  [
    'unknown action',
    rule('    may: [pull, write]\n    on: a\n'),
    '4:17: rules[0].may[1]: ',
    'pull, push, delete',
  ],
  [
    'mistyped action',
    rule('    may: pul\n    on: a\n'),
    '4:10: rules[0].may: ',
    'did you mean "pull"?',
  ],
  [
    'upper-case pattern',
    rule('    may: pull\n    on: [a, Team/**]\n'),
    '5:13: rules[0].on[1]: ',
    'write "team/**"',
  ],
  [
    'mistyped catalog',
    rule('    may: "*"\n    on: registry:catalogue\n'),
    '5:9: rules[0].on: ',
    'as registry:catalog',
  ],
  [
    'pull on the catalog',
    rule('    may: pull\n    on: ["registry:catalog"]\n'),
    '4:10: rules[0].may: ',
    'write may: ["*"]',
  ],
  [
    'rules of one name',
    `${rule('    may: pull\n    on: a\n')}  - { name: a rule, who: anyone, may: pull, on: b }\n`,
    '6:13: rules[1].name: ',
    'another rule',
  ],
  [
    'space after the colon',
    'rules:\n  - { who: [user: bob], may: pull, on: a }\n',
    '2:13: rules[0].who[0]: ',
    '"a:b" is a text',
  ],
  [
    'space in quotes',
    'rules:\n  - { who: "user: bob", may: pull, on: a }\n',
    '2:12: rules[0].who: ',
    'nobody has it',
  ],
  [
    'every user',
    'rules:\n  - { who: "user:*", may_not: push, on: a }\n',
    '2:12: rules[0].who: ',
    'is "authenticated"',
  ],
  [
    'later: conditions',
    rule('    may: pull\n    on: a\n    when: {}\n'),
    '6:5: rules[0].when: ',
    'not supported yet',
  ],
  [
    'later: the user variable',
    rule('    may: pull\n    on: "${user}/**"\n'),
    '5:9: rules[0].on: ',
    'not supported yet',
  ],
  [
    'later: each group',
    'rules:\n  - { who: "group:*", may: pull, on: a }\n',
    '2:12: rules[0].who: ',
    'not supported yet',
  ],
  [
    'later: robots',
    'rules:\n  - { who: "robot:ci", may: pull, on: a }\n',
    '2:12: rules[0].who: ',
    'not supported yet',
  ],
  ['rules: nothing', 'rules:\n', '1:1: rules: ', 'has no value'],
  // The environment
  ['no such variable', 'issuer: ${NOPE}\n', '1:9: issuer: ', 'the environment has no NOPE'],
  ['lower-case variable', 'issuer: ${issuer}\n', '1:9: issuer: ', 'in upper case'],
  ['open variable', 'issuer: "${NOPE"\n', '1:9: issuer: ', 'is not closed'],
]

describe('a mistake is told with its line, its column, its key and what to do', () => {
  test.each(mistakes)('%s', async (_, text, start, piece) => {
    const content = text.includes('\xe9') ? Buffer.from(text, 'latin1') : text
    const [first, ...others] = await faultsOf(content)
    expect(others).toEqual([])
    expect(first?.slice(0, start.length)).toBe(start)
    expect(first).toContain(piece)
  })
})

test('what later versions add is refused by its name, and never as an unknown key', async () => {
  const later = [
    'rule_tests',
    'rules_candidate',
    'denials',
    'throttle',
    'audit',
    'metrics',
    'identity_tokens',
    'robots',
  ]
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
    '21:5 rules[1].when',
  ])
})

test('each fault is one line of bounded length, whatever the file holds', async () => {
  const faults = await faultsOf(`"a\\nb\\u001b[31m": 1\n"${'k'.repeat(1_000)}": 1\n`)
  expect(faults).toHaveLength(2)
  expect(faults[0]).toMatch(/^1:1: a\\nb\\u001b\[31m: no such key/)
  for (const fault of faults) expect(fault.length).toBeLessThanOrEqual(1_001)
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
    const start = process.cpuUsage()
    const faults = await faultsOf(text, { LONG: 'x'.repeat(100_000) })
    const { user, system } = process.cpuUsage(start)
    expect(faults.length).toBeGreaterThan(0)
    expect((user + system) / 1_000).toBeLessThan(name === 'a billion laughs' ? 1_000 : 4_000)
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

test('nor does any value of any key', async () => {
  const file = fc.oneof(
    fc.tuple(fc.constantFrom(...sections), anyValue).map(([key, value]) => ({ [key]: value })),
    fc
      .tuple(fc.constantFrom('who', 'may', 'may_not', 'on', 'name'), anyValue)
      .map(([key, value]) => ({
        rules: [{ who: 'anyone', may: 'pull', on: 'a', [key]: value }],
      })),
    fc.tuple(fc.constantFrom('htpasswd', 'accounts'), anyValue).map(([key, value]) => ({
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

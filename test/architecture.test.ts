import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  architectureFaults,
  type Directions,
  type SourceTree,
  unusedDirections,
} from './architecture.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}

/** Backends and stores, which `app` puts behind their seams, are imported by nobody else. */
const directions: Directions = {
  protocol: [],
  errors: [],
  clock: [],
  log: [],
  printable: [],
  health: [],
  'plain-file': [],
  'watched-file': ['plain-file'],
  'pino-log': ['errors', 'log'],

  network: [],
  'network-list': [],
  'host-and-port': [],
  authorization: ['protocol', 'network', 'network-list'],

  // What an `ldap` entry says has the shape that the backend asks for.
  config: [
    'errors',
    'printable',
    'host-and-port',
    'protocol',
    'authorization',
    'authentication/ldap',
  ],
  authentication: ['errors', 'protocol', 'authentication/password'],
  'authentication/password': ['errors', 'protocol'],
  'authentication/accounts': ['clock', 'protocol', 'authentication', 'authentication/password'],
  'authentication/htpasswd': [
    'errors',
    'health',
    'log',
    'plain-file',
    'watched-file',
    'protocol',
    'authentication',
    'authentication/password',
  ],
  'authentication/ldap': [
    'errors',
    'health',
    'clock',
    'log',
    'plain-file',
    'protocol',
    'authentication',
  ],
  'authentication/throttle': ['errors', 'clock', 'log', 'authentication'],
  signing: ['errors', 'clock', 'log'],

  token: ['errors', 'clock', 'health', 'protocol', 'authorization', 'authentication', 'signing'],

  admin: [
    'errors',
    'clock',
    'protocol',
    'authorization',
    'config',
    'authentication',
    'authentication/accounts',
    'authentication/htpasswd',
    'authentication/password',
  ],

  // What other programs' files become in ours; it reads ours back, to prove it.
  import: ['errors', 'network', 'protocol', 'authorization', 'config', 'authentication/password'],

  storage: [
    'errors',
    'clock',
    'health',
    'protocol',
    'authorization',
    'token',
    'authentication/accounts',
    'authentication/password',
    'authentication/throttle',
    'admin',
  ],
  http: ['errors', 'log', 'printable', 'network-list', 'host-and-port', 'protocol', 'token'],
  control: ['errors', 'log'],
  reload: ['errors', 'clock', 'log', 'watched-file', 'config', 'http', 'control'],

  app: [
    'errors',
    'clock',
    'log',
    'host-and-port',
    'config',
    'signing',
    'token',
    'storage',
    'http',
    'reload',
    'authentication',
    'authentication/password',
    'authentication/accounts',
    'authentication/throttle',
    'backends',
    'running',
  ],
  // What a reload of the app replaces.
  running: [
    'clock',
    'health',
    'log',
    'config',
    'authorization',
    'signing',
    'token',
    'storage',
    'http',
    'reload',
    'authentication',
    'authentication/password',
    'authentication/accounts',
    'backends',
  ],
  // What all composition roots that answer for logins have in common.
  backends: [
    'errors',
    'clock',
    'health',
    'log',
    'config',
    'authentication',
    'authentication/password',
    'authentication/accounts',
    'authentication/htpasswd',
    'authentication/ldap',
  ],
  // The other composition roots: for commands that change what is stored, without a server; and for one
  // login as the server would take it.
  administration: [
    'errors',
    'clock',
    'authorization',
    'config',
    'authentication/password',
    'admin',
    'storage',
  ],
  'trial-login': [
    'clock',
    'log',
    'config',
    'protocol',
    'authentication',
    'authentication/password',
    'storage',
    'backends',
    'administration',
  ],
  'registry-catalog': ['errors', 'clock', 'log', 'config', 'signing', 'token'],
  // `check` reads the files of backends, `ldap check` asks directories, `setup` makes keys; without the server.
  cli: [
    'errors',
    'printable',
    'pino-log',
    'host-and-port',
    'config',
    'protocol',
    'authorization',
    'authentication',
    'authentication/htpasswd',
    'authentication/ldap',
    'authentication/password',
    'signing',
    'import',
    'token',
    'admin',
    'control',
    'reload',
    'app',
    'administration',
    'trial-login',
    'registry-catalog',
  ],
  main: ['cli'],
}

const own = { root: join(root, 'src'), directions, packages: Object.keys(dependencies) }

test('every file imports only what stands before it, and keeps the rules of the house', () => {
  expect(architectureFaults(own)).toEqual([])
})

test('no direction is open that no import takes', () => {
  expect(unusedDirections(own)).toEqual([])
})

/** A tree of two units, of which `outer` may import `inner`. */
function treeOf(files: Readonly<Record<string, string>>): SourceTree {
  const folder = temporaryFolder('tree')
  for (const [path, code] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), code)
  }
  return {
    root: folder,
    directions: { inner: [], 'inner/secret': ['inner'], outer: ['inner'], main: ['outer'] },
    packages: ['zod', '@scope/name'],
  }
}

const inner = { 'inner/word.ts': 'export const word = 1' }

test('a tree that keeps the rules has no faults', () => {
  expect(
    architectureFaults(
      treeOf({
        ...inner,
        'inner/secret/key.ts': "import { word } from '../word.ts'\nexport const key = word",
        'outer/use.ts': [
          "import { readFileSync } from 'node:fs'",
          "import {\n  type Word,\n  word,\n} from '../inner/word.ts'",
          "import { z } from 'zod'",
          "import name from '@scope/name/deep'",
          "// import { main } from '../main.ts'",
          '/** The process.env of others; `process.exit(1)`. */',
          "export const text = 'https://example.com'",
          'export function make(): readonly string[] {\n  return Array.from("main.ts")\n}',
          'export const at = other.process.pid',
        ].join('\n'),
        'main.ts': "import { text } from './outer/use.ts'\nprocess.exitCode = text.length",
      }),
    ),
  ).toEqual([])
})

test('a direction that no import takes is found', () => {
  const files = { ...inner, 'outer/a.ts': "import { word } from '../inner/word.ts'" }
  expect(unusedDirections(treeOf(files))).toEqual([
    'inner/secret may import inner, and does not',
    'main may import outer, and does not',
  ])
})

const plants: readonly { name: string; files: Record<string, string>; fault: RegExp }[] = [
  {
    name: 'an import against the direction',
    files: { 'outer/a.ts': '', 'inner/b.ts': "import { a } from '../outer/a.ts'" },
    fault: /^inner\/b\.ts imports outer\/a\.ts, but inner may not import outer$/,
  },
  {
    name: 'a type taken against the direction',
    files: { 'outer/a.ts': '', 'inner/b.ts': "import type { A } from '../outer/a.ts'" },
    fault: /inner may not import outer/,
  },
  {
    name: 'an import for its effect against the direction',
    files: { 'outer/a.ts': '', 'inner/b.ts': "import '../outer/a.ts'" },
    fault: /inner may not import outer/,
  },
  {
    name: 'a late import against the direction',
    files: { 'outer/a.ts': '', 'inner/b.ts': "const a = await import('../outer/a.ts')" },
    fault: /inner may not import outer/,
  },
  {
    name: 'an import over several lines against the direction',
    files: { 'outer/a.ts': '', 'inner/b.ts': "import {\n  a,\n  type B,\n} from '../outer/a.ts'" },
    fault: /inner may not import outer/,
  },
  {
    name: 'a worker against the direction',
    files: {
      'outer/a.ts': '',
      'inner/b.ts': "const file = new URL('../outer/a.js', import.meta.url)",
    },
    fault: /inner may not import outer/,
  },
  {
    name: 'an import of an implementation',
    files: {
      'inner/secret/key.ts': '',
      'outer/a.ts': "import { key } from '../inner/secret/key.ts'",
    },
    fault: /outer may not import inner\/secret/,
  },
  {
    name: 'an import of a file that is not there',
    files: { 'outer/a.ts': "import { a } from '../inner/none.ts'" },
    fault: /inner\/none\.ts, which is not there/,
  },
  {
    name: 'a file outside of every unit',
    files: { 'stray/a.ts': '' },
    fault: /stray\/a\.ts is in no unit/,
  },
  {
    name: 'a cycle of two',
    files: {
      'inner/a.ts': "import { b } from './b.ts'",
      'inner/b.ts': "import type { a } from './a.ts'",
    },
    fault: /^a cycle: inner\/a\.ts → inner\/b\.ts → inner\/a\.ts$/,
  },
  {
    name: 'a cycle of three that is entered from outside',
    files: {
      'inner/a.ts': "import './b.ts'",
      'inner/b.ts': "import './c.ts'",
      'inner/c.ts': "import './d.ts'",
      'inner/d.ts': "import './b.ts'",
    },
    fault: /^a cycle: inner\/b\.ts → inner\/c\.ts → inner\/d\.ts → inner\/b\.ts$/,
  },
  {
    name: 'a package that is not declared',
    files: { 'inner/a.ts': "import { x } from 'left-pad'" },
    fault: /imports left-pad, which package\.json does not declare/,
  },
  {
    name: 'the process touched',
    files: { 'inner/a.ts': 'export const home = process.env["HOME"]' },
    fault: /touches the process/,
  },
  {
    name: 'the process imported',
    files: { 'inner/a.ts': "import { env } from 'node:process'" },
    fault: /touches the process/,
  },
  {
    name: 'the process by way of the global object',
    files: { 'inner/a.ts': 'export const { process } = globalThis' },
    fault: /touches the process/,
  },
  { name: 'a grab bag', files: { 'inner/utils/a.ts': '' }, fault: /says nothing of what it owns/ },
  {
    name: 'a file of types',
    files: { 'inner/types.ts': '' },
    fault: /says nothing of what it owns/,
  },
  { name: 'a barrel', files: { 'inner/index.ts': '' }, fault: /says nothing of what it owns/ },
  {
    name: 'an export of what another file owns',
    files: { ...inner, 'outer/a.ts': "export { word } from '../inner/word.ts'" },
    fault: /exports what another file owns/,
  },
  {
    name: 'an export of all that another file owns',
    files: { ...inner, 'outer/a.ts': "export * from '../inner/word.ts'" },
    fault: /exports what another file owns/,
  },
  {
    name: 'a default export',
    files: { 'inner/a.ts': 'export default 1' },
    fault: /default export/,
  },
  { name: 'a name in camel case', files: { 'inner/someWord.ts': '' }, fault: /kebab-case/ },
]
for (const { name, files, fault } of plants) {
  test(`${name} is found`, () => {
    expect(architectureFaults(treeOf(files))).toEqual([expect.stringMatching(fault)])
  })
}

/** README.md as a whole: nothing in it that no test runs, and nothing that it names is missing. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { blocks, readme, root } from './readme.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('every block of README.md has a name here, and one only', () => {
  expect(Object.values(readme).sort()).toEqual(blocks.map(({ text }) => text).sort())
})

test('every named block is run by a test', () => {
  const tests = readdirSync(import.meta.dirname)
    // This file runs none.
    .filter((name) => name.endsWith('.test.ts') && name !== 'readme.test.ts')
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
    .join()
  const unused = Object.keys(readme).filter(
    (name) => !new RegExp(`readme\\.${name}\\b`).test(tests),
  )
  expect(unused).toEqual([])
})

test('what our documents link to is there', () => {
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]
  const missing = documents
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map(([, target = '']) => join(dirname(path), target))
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${path}: ${target}`),
    )
  expect(missing).toEqual([])
})

test('a setting for .env is one that docker-compose.yml reads and .env.example explains', () => {
  const settings = [
    readme.composeEnvironment,
    readme.directoryExample,
    readme.everybodyEnvironment,
    readme.anotherPort,
    readme.withoutTls,
  ].flatMap((text) => [...text.matchAll(/^(\w+)=/gm)].map(([, name = '']) => name))
  expect(settings).toContain('REGISTRY_HOST')
  for (const name of settings) {
    // This one compose itself reads.
    const reader = name === 'COMPOSE_PROFILES' ? 'profiles: [' : `\${${name}`
    expect(read('docker-compose.yml')).toContain(reader)
    expect(read('.env.example')).toMatch(new RegExp(`^#${name}=`, 'm'))
  }
  // And the other way round: nothing can be set that .env.example does not tell.
  for (const [, name] of read('docker-compose.yml').matchAll(/\$\{(\w+)/g))
    expect(read('.env.example')).toMatch(new RegExp(`^#${name}=`, 'm'))
})

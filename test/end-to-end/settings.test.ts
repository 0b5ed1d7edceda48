/** The settings of the compose bundle, as far as reading its files goes. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('.env.example explains every setting of docker-compose.yml, and no other', () => {
  const used = names(read('docker-compose.yml'), /\$\{([A-Z_]+)/g)
  // Those that begin so are compose's own.
  const explained = names(read('.env.example'), /^#(?!COMPOSE_)([A-Z_]+)=/gm)
  expect(explained).toEqual(used)
})

test('.env.example changes nothing when it is copied as it is', () => {
  expect(read('.env.example')).not.toMatch(/^(?!#|$)/m)
})

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8')
}

function names(text: string, pattern: RegExp): readonly (string | undefined)[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort()
}

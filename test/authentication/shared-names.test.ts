import { expect, test } from 'vitest'
import type { Authenticator } from '../../src/authentication/authenticator.ts'
import { findSharedNames } from '../../src/authentication/shared-names.ts'

function list(name: string, own: readonly string[]): Authenticator & { asked: number } {
  return { ...directory(name, own), names: async () => own }
}

/** Knows names, and cannot list them. */
function directory(name: string, own: readonly string[]): Authenticator & { asked: number } {
  return {
    name,
    asked: 0,
    find: async () => undefined,
    async knows(names) {
      this.asked += names.length
      return names.filter((each) => own.includes(each))
    },
  }
}

test('a name of two lists belongs to the first of them', async () => {
  const backends = [list('a', ['x', 'y']), list('b', ['y', 'z']), list('c', ['z', 'x'])]
  expect(await findSharedNames(backends)).toEqual([
    { owner: 'a', other: 'b', names: ['y'] },
    { owner: 'a', other: 'c', names: ['x'] },
    { owner: 'b', other: 'c', names: ['z'] },
  ])
})

test('a directory is asked for the names of a list, whichever of them comes first', async () => {
  const shared = (...backends: Authenticator[]) => findSharedNames(backends)
  expect(await shared(list('a', ['x', 'y']), directory('b', ['y']))).toEqual([
    { owner: 'a', other: 'b', names: ['y'] },
  ])
  expect(await shared(directory('b', ['y']), list('a', ['x', 'y']))).toEqual([
    { owner: 'b', other: 'a', names: ['y'] },
  ])
  expect(await shared(directory('a', ['x']), directory('b', ['x']))).toEqual([])
})

test('a directory is not asked for more than a thousand names', async () => {
  const many = list(
    'a',
    Array.from({ length: 5_000 }, (_, index) => `user-${index}`),
  )
  const asked = directory('b', [])
  await findSharedNames([many, asked])
  expect(asked.asked).toBe(1_000)
})

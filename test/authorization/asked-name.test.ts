import { expect, test } from 'vitest'
import { parseAsker } from '../../src/authorization/asked-name.ts'

test.each([
  ['anonymous', { kind: 'anonymous' }],
  ['alice', { kind: 'user', name: 'alice' }],
  ['user:alice', { kind: 'user', name: 'alice' }],
  ['robot:ci', { kind: 'robot', name: 'ci' }],
  ['Alice Example', { kind: 'user', name: 'Alice Example' }],
  ['robot', { kind: 'user', name: 'robot' }],
  ['user:anonymous', { kind: 'user', name: 'anonymous' }],
  ['user:authenticated', { kind: 'user', name: 'authenticated' }],
  ['robot:anyone', { kind: 'robot', name: 'anyone' }],
  ['authenticated', 'many'],
  ['anyone', 'many'],
])('%s is asked about', (word, asked) => {
  expect(parseAsker(word)).toEqual(asked)
})

test.each(['', ' alice', 'user: alice', 'user:', '*', 'user:*', 'group:dev', 'group:*', 'a:b:c'])(
  '"%s" names nobody',
  (word) => {
    expect(parseAsker(word)).toBeUndefined()
  },
)

import { expect, test } from 'vitest'
import { parseScopes } from '../../src/protocol/scope.ts'

test('a scope is type, name and actions', () => {
  expect(parseScopes(['repository:a/b:pull,push'])).toEqual({
    scopes: [{ type: 'repository', name: 'a/b', actions: ['pull', 'push'] }],
    malformed: [],
  })
})

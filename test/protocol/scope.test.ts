import { describe, expect, test } from 'vitest'
import { formatScope, parseScopes, type Scope } from '../../src/protocol/scope.ts'
import { fc } from '../support/fast-check.ts'
import { processorTime } from '../support/processor-time.ts'

const repository = (name: string, ...actions: string[]): Scope => ({
  type: 'repository',
  name,
  actions,
})

describe('a scope in the grammar', () => {
  const cases: readonly [text: string, scope: Scope][] = [
    ['repository:a:pull', repository('a', 'pull')],
    ['repository:samalba/my-app:pull,push', repository('samalba/my-app', 'pull', 'push')],
    ['repository:samalba/my-app:push,pull', repository('samalba/my-app', 'push', 'pull')],
    ['repository:a:*', repository('a', '*')],
    ['repository(plugin):a/b:pull', repository('a/b', 'pull')],
    ['repository:host:5000/a/b:pull', repository('host:5000/a/b', 'pull')],
    [
      'repository:registry.Example.com:5000/a:pull',
      repository('registry.Example.com:5000/a', 'pull'),
    ],
    ['repository:a__b.c-d--e/f_g:pull', repository('a__b.c-d--e/f_g', 'pull')],
    ['repository:a:', repository('a')],
    ['repository:a:pull,,pull', repository('a', 'pull')],
    ['repository:a:fly', repository('a', 'fly')],
    ['registry:catalog:*', { type: 'registry', name: 'catalog', actions: ['*'] }],
  ]
  test.each(cases)('%s', (text, scope) => {
    expect(parseScopes([text])).toEqual({ scopes: [scope], malformed: [] })
  })
})

describe('what is not in the grammar is malformed, and never half read', () => {
  const cases = [
    'repository',
    'repository:a',
    ':a:pull',
    'Repository:a:pull',
    'REPO!repository:a:pull',
    'repository(:a:pull',
    'repository():a:pull',
    'repository::pull',
    'repository:/a:pull',
    'repository:a/:pull',
    'repository:a//b:pull',
    'repository:a/../b:pull',
    'repository:../a:pull',
    'repository:a..b:pull',
    'repository:a___b:pull',
    'repository:-a:pull',
    'repository:a.:pull',
    'repository:a/B:pull',
    'repository:a/host:5000:pull',
    'repository:host:5000:pull',
    'repository:host:/a:pull',
    'repository:a%2fb:pull',
    'repository:a\tb:pull',
    'repository:a\u0000b:pull',
    'repository:é:pull',
    'repository:a*:pull',
    'repository:a:PULL',
    'repository:a:pull;push',
    'repository:a:**',
    'repository:a:pull,p*',
    `"${'repository:a:pull'}"`,
  ]
  test.each(cases)('%j', (text) => {
    expect(parseScopes([text])).toEqual({ scopes: [], malformed: [text] })
  })
})

test('several scopes in one parameter and in several are read alike', () => {
  const apart = parseScopes(['repository:a:pull', 'repository:b:push'])
  expect(parseScopes(['repository:a:pull repository:b:push'])).toEqual(apart)
  expect(parseScopes([' repository:a:pull  repository:b:push '])).toEqual(apart)
})

test('one resource asked twice becomes one scope, in the order first seen', () => {
  const { scopes } = parseScopes([
    'repository:x:pull repository:y:pull repository:x:pull,push',
    'repository(plugin):x:delete',
  ])
  expect(scopes).toEqual([repository('x', 'pull', 'push', 'delete'), repository('y', 'pull')])
})

test('a malformed scope takes nothing away from its neighbours', () => {
  expect(parseScopes(['junk repository:a:pull'])).toEqual({
    scopes: [repository('a', 'pull')],
    malformed: ['junk'],
  })
})

test('no scope at all asks for nothing', () => {
  expect(parseScopes([])).toEqual({ scopes: [], malformed: [] })
  expect(parseScopes([''])).toEqual({ scopes: [], malformed: [] })
})

const component = fc.stringMatching(/^[a-z0-9]{1,6}(?:[._-][a-z0-9]{1,4}){0,2}$/)
const scope = fc.record({
  type: fc.constantFrom('repository', 'registry'),
  name: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  actions: fc.uniqueArray(fc.constantFrom('pull', 'push', 'delete', '*'), { minLength: 1 }),
})

test('parsing what was formatted gives it back', () => {
  fc.assert(
    fc.property(scope, (scope) => {
      expect(parseScopes([formatScope(scope)])).toEqual({ scopes: [scope], malformed: [] })
    }),
  )
})

test('whatever is sent, every name that is read stands in the text letter for letter', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), fc.array(scope), (junk, scopes) => {
      const values = [...junk, ...scopes.map(formatScope)]
      const text = values.join(' ')
      for (const { type, name } of parseScopes(values).scopes) {
        expect(text).toContain(name)
        expect(text).toContain(type)
      }
    }),
  )
})

test('the longest hostile text is read in time linear to its length', () => {
  const texts = [
    `repository:${'a-'.repeat(8000)}:pull`,
    `repository:${'a.'.repeat(8000)}a!:pull`,
    `repository:${'-'.repeat(16_000)}/a:pull`,
    `repository:${'a/'.repeat(8000)}:pull`,
    ':'.repeat(16_000),
    'repository:a:pull '.repeat(900),
  ]
  for (const text of texts) {
    const start = processorTime()
    parseScopes([text])
    expect(processorTime() - start).toBeLessThan(200)
  }
})

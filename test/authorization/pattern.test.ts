// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of rules, not of JavaScript

import { describe, expect, test } from 'vitest'
import { matches, parsePattern } from '../../src/authorization/pattern.ts'
import { fc } from '../support/fast-check.ts'

function covers(text: string, name: string): boolean {
  const patterns = parsePattern(text)
  if (typeof patterns === 'string') throw new Error(patterns)
  return patterns.some((pattern) => matches(pattern, name))
}

describe('B28: a pattern covers', () => {
  test.each([
    ['a', 'a'],
    ['a/b', 'a/b'],
    ['*', 'a'],
    ['*', 'a.b-c'],
    ['a*', 'a'],
    ['a*', 'abc'],
    ['*-api', 'team-api'],
    ['a*b*c', 'aXbXc'.toLowerCase()],
    ['a/*', 'a/b'],
    ['*/*', 'a/b'],
    ['**', 'a'],
    ['**', 'a/b/c'],
    ['a/**', 'a/b'],
    ['a/**', 'a/b/c/d'],
    ['**/api', 'x/api'],
    ['**/api', 'x/y/api'],
    ['a/**/z', 'a/b/z'],
    ['a/**/z', 'a/z/b/z'],
    ['**/b/**', 'a/b/c'],
    ['**/b/**', 'b/b/b'],
    ['a?c', 'abc'],
    ['{api,web}', 'web'],
    ['x-{a,b}-{c,d}/*', 'x-b-c/y'],
    ['a{,-dev}', 'a'],
    ['host:5000/a', 'host:5000/a'],
  ])('%s covers %s', (pattern, name) => expect(covers(pattern, name)).toBe(true))
})

describe('B28: a pattern does not cover', () => {
  test.each([
    ['a', 'ab'],
    ['a', 'ba'],
    ['test', 'prod/latest-keys'],
    ['*', 'a/b'],
    ['a*', 'a/b'],
    ['a/*', 'a'],
    ['a/*', 'a/b/c'],
    ['*/*', 'a'],
    ['a/**', 'a'],
    ['a/**', 'ab/c'],
    ['**/api', 'api'],
    ['a/**/z', 'a/z'],
    ['**/b/**', 'b/c'],
    ['**/**', 'a'],
    ['a?c', 'a/c'],
    ['a?', 'a'],
    ['{api,web}', 'apiweb'],
    ['{a,b}/c', 'c/c'],
    ['a.c', 'abc'],
    ['host:5000/a', 'host/a'],
  ])('%s does not cover %s', (pattern, name) => expect(covers(pattern, name)).toBe(false))
})

describe('a pattern that could never match, or not as its author thinks, is refused with the fix', () => {
  test.each([
    ['', 'empty'],
    ['Team/App', 'write "team/app"'],
    ['a//b', 'empty segment'],
    ['/a', 'empty segment'],
    ['a/', 'empty segment'],
    ['a/../b', 'begins or ends'],
    ['a/.*', 'no regular expressions'],
    ['a/-b', 'begins or ends'],
    ['a_/b', 'begins or ends'],
    ['a/{b,.c}', 'begins or ends'],
    ['a**', 'whole segment'],
    ['a/b**/c', 'whole segment'],
    ['***', 'whole segment'],
    ['a b', '" "'],
    ['a[bc]', '"["'],
    ['^a$', '"^"'],
    ['(a|b)', '"("'],
    ['é', '"é"'],
    ['{a,b', 'braces'],
    ['a}', 'braces'],
    ['a,b', 'comma'],
    ['{a,{b,c}}', 'braces'],
    ['{a/b,c}', 'within a segment'],
    ['{a,*}{*,b}', 'nobody wrote'],
    ['*{*,b}', 'nobody wrote'],
    ['{,a}', 'empty'],
    ['{a,b}'.repeat(10), 'more than 100'],
    [`${'a/'.repeat(200)}b`, 'at most 255'],
    ['${team}/**', 'rules know ${user}, ${group} and ${robot}'],
    ['${user/**', 'no repository name holds "$"'],
  ])('%s', (pattern, reason) => {
    const fault = parsePattern(pattern)
    expect(fault).toBeTypeOf('string')
    expect(fault).toContain(reason)
  })
})

test('B28: a literal pattern matches itself and nothing else', () => {
  const name = fc
    .array(fc.stringMatching(/^[a-z0-9]{1,5}$/), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'))
  fc.assert(
    fc.property(name, name, (pattern, other) => {
      expect(covers(pattern, pattern)).toBe(true)
      expect(covers(pattern, other)).toBe(pattern === other)
    }),
  )
})

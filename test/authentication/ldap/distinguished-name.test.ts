/** DNs: every spelling of one is one, and no value gets out of its place. */

import { describe, expect, test } from 'vitest'
import {
  escapeDnValue,
  isWithin,
  lowerAscii,
  normalName,
  ownValue,
  parseDistinguishedName,
} from '../../../src/authentication/ldap/distinguished-name.ts'
import { fc } from '../../support/fast-check.ts'

const normal = (text: string): string | undefined => {
  const name = parseDistinguishedName(text)
  return name === undefined ? undefined : normalName(name)
}

describe('one DN has one normal form', () => {
  const spellings: readonly (readonly [string, string, string])[] = [
    ['types in capitals', 'CN=dev,DC=example', 'cn=dev,dc=example'],
    ['ASCII letters in capitals', 'cn=DEV,dc=Example', 'cn=dev,dc=example'],
    ['spaces around separators', ' cn = dev , dc= example ', 'cn=dev,dc=example'],
    ['a comma in hex', 'cn=Smith\\2C Sam,dc=example', 'cn=smith\\, sam,dc=example'],
    ['an equals sign with and without escape', 'cn=a\\=b,dc=x', 'cn=a=b,dc=x'],
    ['bytes of UTF-8 in hex', 'cn=jos\\c3\\a9,dc=x', 'cn=josé,dc=x'],
    ['parts of one relative name in another order', 'uid=a+cn=b,dc=x', 'cn=b+uid=a,dc=x'],
    ['a space that counts, in hex', 'cn=a\\20,dc=x', 'cn=a\\ ,dc=x'],
    ['an object identifier', '2.5.4.3=a', '2.5.4.3=A'],
  ]
  for (const [what, one, other] of spellings) {
    test(what, () => {
      expect(normal(one)).toBeDefined()
      expect(normal(one)).toBe(normal(other))
    })
  }
})

test('DNs that differ in a letter beyond ASCII, in a space or in a comma stay apart', () => {
  const apart = ['cn=É', 'cn=é', 'cn=a  b', 'cn=a b', 'cn=a\\,b', 'cn=a,cn=b', 'cn=\u212a', 'cn=k']
  expect(new Set(apart.map(normal)).size).toBe(apart.length)
})

test('what is no DN, or holds raw BER, is none', () => {
  const none = ['', 'dev', 'cn', '=a', 'cn=a,', ',cn=a', 'cn=a,,dc=x', 'cn=#0403414243', 'cn=a\\']
  for (const text of [...none, 'cn=a\\q', 'cn="a"', 'cn=a;dc=x', 'cn=a\0', 'cn=\\ff', '1cn=a']) {
    expect(parseDistinguishedName(text), text).toBeUndefined()
  }
})

test('an empty value is one', () => {
  expect(normal('cn=,dc=x')).toBe('cn=,dc=x')
})

test('a DN is within itself and every DN that it ends in, and within no other', () => {
  const name = parseDistinguishedName('cn=dev,ou=Groups,dc=example,dc=org') ?? []
  for (const base of ['dc=example,dc=org', 'OU=groups, DC=example,DC=org', 'dc=org'])
    expect(isWithin(name, parseDistinguishedName(base) ?? []), base).toBe(true)
  for (const base of [
    'dc=ample,dc=org',
    'ou=other,dc=example,dc=org',
    'cn=x,cn=dev,ou=groups,dc=example,dc=org',
  ])
    expect(isWithin(name, parseDistinguishedName(base) ?? []), base).toBe(false)
})

test('any value comes back from the DN that it was written into, and changes nothing else of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (value) => {
      const name = parseDistinguishedName(`cn=${escapeDnValue(value)},dc=x`)
      expect(name).toHaveLength(2)
      expect(ownValue(name ?? [], 'CN')).toBe(value)
    }),
    { numRuns: 1000 },
  )
})

test('the normal form of a DN is a DN, and its own normal form', () => {
  const value = fc.string({ unit: fc.constantFrom(...'aA ,+"\\<>;=#é\u0001') })
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
      const text = normal(values.map((each) => `CN=${escapeDnValue(each)}`).join(', '))
      expect(text).toBeDefined()
      expect(normal(text ?? '')).toBe(text)
    }),
    { numRuns: 1000 },
  )
})

test('anything at all is read or refused, and never throws', () => {
  const text = fc.string({ unit: fc.constantFrom(...'acn=,+\\"#; 20cé\0') })
  fc.assert(
    fc.property(text, (each) => {
      parseDistinguishedName(each)
    }),
    { numRuns: 5000 },
  )
})

test('only ASCII letters lose their case', () => {
  expect(lowerAscii('ABC \u212a \u0130 É')).toBe('abc \u212a \u0130 É')
})

/** Filters: a value is a value, whatever it holds. */

import { BerReader, BerWriter } from 'ldapts'
import { describe, expect, test } from 'vitest'
import { equals, parseFilter } from '../../../src/authentication/ldap/filter.ts'
import { fc } from '../../support/fast-check.ts'

function written(filter: ReturnType<typeof equals>): Buffer {
  const writer = new BerWriter()
  filter.write(writer)
  return writer.buffer
}

test('B5: an equality filter sends exactly the bytes of its value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (value) => {
      const reader = new BerReader(written(equals('uid', value)))
      reader.readSequence(0xa3)
      expect(reader.readString()).toBe('uid')
      expect(reader.readString(0x04, true)).toEqual(Buffer.from(value))
      expect(reader.remain).toBe(0)
    }),
    { numRuns: 500 },
  )
})

describe('a filter of the configuration', () => {
  const same: readonly (readonly [string, string, string])[] = [
    [
      'may have spaces between its parts',
      ' (& (a=b)\n  (| (c=d) (e=f) ) )',
      '(&(a=b)(|(c=d)(e=f)))',
    ],
    ['may have no parentheses around it', 'a=b', '(a=b)'],
    ['may escape the bytes of a letter', '(cn=jos\\c3\\a9)', '(cn=josé)'],
  ]
  for (const [what, one, other] of same) {
    test(what, () => expect(written(parseFilter(one))).toEqual(written(parseFilter(other))))
  }

  test('keeps spaces within values, and escapes of what means something', () => {
    expect(written(parseFilter('(cn=a b)')).includes('a b')).toBe(true)
    expect(written(parseFilter('(cn=a\\2ab)')).includes('a*b')).toBe(true)
    expect(parseFilter('(cn=a\\2ab)').constructor.name).toBe('EqualityFilter')
  })

  test('is refused with a sentence where it is none', () => {
    for (const text of ['', '(', '(a=b', '(a=b)(c=d)', '(cn=\\ff)', '(cn=\\q)', '(&)']) {
      expect(() => parseFilter(text), text).toThrow(/is no LDAP filter/)
    }
  })
})

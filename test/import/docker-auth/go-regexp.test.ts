import { expect, test } from 'vitest'
import { compileGoRegexp } from '../../../src/import/docker-auth/go-regexp.ts'
import { fc } from '../../support/fast-check.ts'
import { processorTime } from '../../support/processor-time.ts'

const piece = fc.constantFrom(
  ...[
    'a',
    'b',
    '.',
    '[ab]',
    '[^b]',
    '(a|ab)',
    '(b*)',
    'a?',
    'b+',
    'a*?',
    '(?:ab)+?',
    '(a)|b',
    '^',
    '$',
    '\\w',
    '\\b',
    '(a{1,2})',
    '(|a)',
    '((a)(b)?)',
  ],
)
const texts = ['', 'a', 'b', 'ab', 'ba', 'aab', 'abab', 'bbaa', 'a-b', 'aabbab']

test('what both know, Go’s expressions and JavaScript’s, fits the same, with the same groups', () => {
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), (pieces) => {
      const source = pieces.join('')
      const compiled = compileGoRegexp(source)
      if ('reason' in compiled) throw new Error(`${source}: ${compiled.reason}`)
      // A group within a repetition forgets in JavaScript what Go remembers.
      const hasRepeatedGroup = /\)[*+?{]/.test(source)
      for (const text of texts) {
        const expected = new RegExp(source).exec(text)
        expect([source, text, compiled.test(text)]).toEqual([source, text, expected !== null])
        if (expected === null || hasRepeatedGroup) continue
        expect([source, text, compiled.find(text)]).toEqual([
          source,
          text,
          [...expected].map((group) => group ?? ''),
        ])
      }
    }),
    { numRuns: 500 },
  )
})

const hostile = [
  '^(a+)+$',
  '^(a|a)*$',
  '^(a|aa)+$',
  '(.*)*x',
  '^([a-z0-9]+[._-]?)*$',
  '(a*)*(a*)*(a*)*b',
  `${'a?'.repeat(100)}${'a'.repeat(100)}`,
  '((a{0,9}){0,9}){0,9}$',
]
for (const source of hostile) {
  test(`B27: ${source.slice(0, 40)} on 255 characters takes no time`, () => {
    const compiled = compileGoRegexp(source)
    if ('reason' in compiled) throw new Error(compiled.reason)
    const start = processorTime()
    compiled.test(`${'a'.repeat(254)}!`)
    compiled.find(`${'a'.repeat(254)}!`)
    expect(processorTime() - start).toBeLessThan(2_000)
  })
}

const refused: readonly (readonly [string, 'invalid' | 'unsupported'])[] = [
  ...[
    'a**',
    '*',
    'a{2}{3}',
    '(',
    ')',
    '[',
    '[]',
    '[b-a]',
    '\\',
    '(?=a)',
    '(?<!a)',
    '\\1',
    'a{1001}',
    'a{2,1}',
    '[[:no:]]',
    '(?P<a',
    '\\Z',
    '|*',
    '(*)',
    '\\8',
    '(?z)',
    'a+*',
    '\\xzz',
    '\\x{110000}',
  ].map((source) => [source, 'invalid'] as const),
  ...[
    '\\pL',
    '[\\p{Greek}]',
    `${'('.repeat(300)}${')'.repeat(300)}`,
    '((((a{100}){100}){100}){100})',
  ].map((source) => [source, 'unsupported'] as const),
]
for (const [source, kind] of refused) {
  test(`${source.slice(0, 40)} is ${kind}`, () => {
    expect(compileGoRegexp(source)).toMatchObject({ kind, reason: expect.any(String) })
  })
}

const fitting: readonly (readonly [source: string, text: string, fits: boolean])[] = [
  ['a{,2}', 'a{,2}', true],
  ['a{', 'a{', true],
  ['[]a]', ']', true],
  ['[^]a]', ']', false],
  ['[[:alpha:]-]', '-', true],
  ['[[:^digit:]]', '1', false],
  ['\\Qa.b\\E', 'a.b', true],
  ['\\Qa.b\\E', 'axb', false],
  ['(?i)AB', 'ab', true],
  ['(?i:A)b', 'aB', false],
  ['a(?-s).b', 'a\nb', false],
  ['(?s)a.b', 'a\nb', true],
  ['^a$', 'a\n', false],
  ['(?m)^b$', 'a\nb\nc', true],
  ['\\x61\\x{62}\\143', 'abc', true],
  ['[\\d\\-x]', '-', true],
  ['a-z]', 'a-z]', true],
]
for (const [source, text, fits] of fitting) {
  test(`${source} ${fits ? 'fits' : 'does not fit'} ${JSON.stringify(text)}`, () => {
    const compiled = compileGoRegexp(source)
    expect('reason' in compiled ? compiled.reason : compiled.test(text)).toBe(fits)
  })
}

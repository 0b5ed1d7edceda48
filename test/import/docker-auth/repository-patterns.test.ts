import { expect, test } from 'vitest'
import { matches, parsePattern } from '../../../src/authorization/pattern.ts'
import { expressionOf } from '../../../src/import/docker-auth/auth-config.ts'
import { compileGoRegexp } from '../../../src/import/docker-auth/go-regexp.ts'
import { globMatches, parseGlob } from '../../../src/import/docker-auth/path-match.ts'
import { patternSetOf } from '../../../src/import/docker-auth/repository-patterns.ts'
import { fc } from '../../support/fast-check.ts'

const piece = fc.constantFrom(
  ...[
    'a',
    'b',
    'team',
    '-',
    '/',
    '\\/',
    '.',
    '.*',
    '.+',
    '[^/]*',
    '[^/]+',
    '[ab]',
    '[^a]',
    '(a|b)',
    '(a/)?',
    'b?',
    '[a-z]+',
  ],
  ...[
    '[a-z0-9._-]+',
    '(ab){2}',
    '(?:a|team)',
    '\\d',
    '^',
    '$',
    'a*',
    '(a|b)*',
    '\\b',
    'B',
    '(?i)A',
  ],
)
const expression = fc
  .tuple(fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([begins, pieces, ends]) => `/${begins ? '^' : ''}${pieces.join('')}${ends ? '$' : ''}/`)
const glob = fc
  .array(
    fc.constantFrom('a', 'b', '*', '?', '/', '[ab]', '[^a]', '**', 'team', '\\a', '[a-c]', '-'),
    { minLength: 1, maxLength: 5 },
  )
  .map((pieces) => pieces.join(''))

const names = [
  ...[
    'a',
    'b',
    'ab',
    'ba',
    'aa',
    'team',
    'team/a',
    'a/b',
    'a/b/a',
    'a/team',
    'a-b',
    'ab/ab',
    'abab',
    'team-a/b',
    'x',
    'x/y/z/w',
  ],
  ...[
    'a1',
    '1',
    'b/a/b/a',
    'a/a',
    'localhost:5000/a',
    'a:1/b',
    'c',
    'a.b',
    'a_b/c-d',
    'team/a/b/team',
  ],
]

function fits(pattern: string, name: string): boolean {
  const text = expressionOf(pattern)
  if (text === undefined) {
    const chunks = parseGlob(pattern)
    return chunks !== undefined && globMatches(chunks, name)
  }
  const compiled = compileGoRegexp(text)
  return !('reason' in compiled) && compiled.test(name)
}

function matching(patterns: readonly string[]): readonly string[] {
  const parsed = patterns.flatMap((pattern) => {
    const read = parsePattern(pattern)
    if (typeof read === 'string') throw new Error(read)
    return read
  })
  return names.filter((name) => parsed.some((each) => matches(each, name)))
}

for (const [what, arbitrary, runs] of [
  ['a regular expression', expression, 400],
  ['a glob', glob, 300],
] as const) {
  test(`${what} lies between the two sets of patterns that it becomes`, () => {
    fc.assert(
      fc.property(arbitrary, (pattern) => {
        const fitting = names.filter((name) => fits(pattern, name))
        const { inner, outer, reason } = patternSetOf(pattern)
        expect(matching(inner).filter((name) => !fitting.includes(name))).toEqual([])
        const missing = fitting.filter((name) => !matching(outer).includes(name))
        expect(missing).toEqual([])
        if (reason === undefined) expect(inner).toEqual(outer)
      }),
      { numRuns: runs },
    )
  })
}

const known: readonly (readonly [pattern: string, becomes: readonly string[]])[] = [
  ['/^team-[^/]+\\/.*$/', ['team-?*/**']],
  ['/.+/', ['**']],
  ['/^(web|api)$/', ['web', 'api']],
  ['/test/', ['*test*', '*test*/**', '**/*test*', '**/*test*/**']],
  ['/^mid\\/.*\\/end$/', ['mid/**/end']],
  ['/^(prod|stage)(\\/|$)/', ['prod', 'stage', 'prod/**', 'stage/**']],
  ['/^[^/]*[^/]*$/', ['*']],
  ['team/**', ['team/*']],
  ['{a,b}', []],
  ['A*', []],
  ['[', []],
  ['a/', []],
]
for (const [pattern, becomes] of known) {
  test(`${pattern} becomes ${becomes.join(', ') || 'nothing'}`, () => {
    expect(patternSetOf(pattern)).toEqual({ inner: becomes, outer: becomes, reason: undefined })
  })
}

test('Go takes the first fit of what stands between two stars, also across a slash', () => {
  expect(globMatches(parseGlob('*[^a]*c') ?? [], 'bc')).toBe(true)
  expect(globMatches(parseGlob('*[^a]*c') ?? [], 'a/c')).toBe(true)
  expect(globMatches(parseGlob('*[^a]*c') ?? [], 'b/c')).toBe(false)
  expect(patternSetOf('*[^a]*c')).toMatchObject({
    inner: [],
    reason: expect.stringContaining('class'),
  })
})

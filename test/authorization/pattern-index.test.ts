// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of rules, not of JavaScript

import { expect, test } from 'vitest'
import { matches, type Pattern, parsePattern } from '../../src/authorization/pattern.ts'
import { PatternIndex } from '../../src/authorization/pattern-index.ts'
import { fc } from '../support/fast-check.ts'

function parse(text: string): Pattern {
  const patterns = parsePattern(text)
  if (typeof patterns === 'string') throw new Error(patterns)
  const [only] = patterns
  if (only === undefined || patterns.length > 1) throw new Error('one pattern, please')
  return only
}

const segments = fc.constantFrom(
  ...['a', 'b', 'ab', '*', '**', 'a*', '*b', '?', 'a?', '*a*'],
  ...['${user}', '${group}', '${robot}', 'a${group}', '${group}*', '${user}-${group}', '?${group}'],
)
const patterns = fc.array(segments, { minLength: 1, maxLength: 5 }).map((all) => all.join('/'))
const names = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', 'u', 'u-a', 'u-b'), {
    minLength: 1,
    maxLength: 5,
  })
  .map((all) => all.join('/'))
const values = fc.record({
  user: fc.constantFrom('u', 'a', '*', 'a/b', ''),
  robot: fc.constantFrom(undefined, 'b'),
  groups: fc.uniqueArray(fc.constantFrom('a', 'b', 'ab', '*', '?', '**', 'a/b')),
})

test('B28: the index finds what a look at each pattern finds, each group tried by itself', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(patterns, { minLength: 1, maxLength: 12 }),
      names,
      values,
      (texts, name, { user, robot, groups }) => {
        const index = new PatternIndex<string>()
        for (const text of texts) index.at(parse(text), () => text)
        const found = index
          .find(name, { user, robot, groups: new Set(groups) })
          .map(({ value, group }) => `${value} ${group}`)
        const expected = texts.flatMap((text) => {
          const pattern = parse(text)
          const tried = pattern.variables.includes('group') ? groups : [undefined]
          return tried
            .filter((group) => matches(pattern, name, { user, robot, group }))
            .map((group) => `${text} ${group}`)
        })
        expect(found.sort()).toEqual(expected.sort())
      },
    ),
    { numRuns: 3_000 },
  )
})

test('B27: a walk stays in one state for each place of a pattern, however many "**" it has', () => {
  const index = new PatternIndex<string>()
  const text = `${'**/'.repeat(60)}b`
  index.at(parse(text), () => text)
  // Without that, the ways to lay sixty "**" upon 127 segments could not be counted.
  const name = `${'a/'.repeat(126)}b`
  expect(index.find(name, { groups: new Set() })).toEqual([{ value: text, group: undefined }])
  expect(index.find(`${name}/c`, { groups: new Set() })).toEqual([])
})

import { expect, test } from 'vitest'
import { matches, parsePattern } from '../../src/authorization/pattern.ts'
import { holds, meets, remainder } from '../../src/import/glob-sets.ts'
import { fc } from '../support/fast-check.ts'
import { processorTime } from '../support/processor-time.ts'

const segments = ['a', 'b', 'ab', 'ba', 'aab', 'c', 'a-b']
/** Every name of up to four of these segments. */
const names: string[] = [...segments]
for (const name of names) {
  if (name.split('/').length < 4) names.push(...segments.map((segment) => `${name}/${segment}`))
}
const segment = fc.constantFrom(
  'a',
  'b',
  'ab',
  '*',
  'a*',
  '*b',
  '?',
  '?*',
  'a?',
  '{a,b}',
  '{a,b}*',
  '**',
  'a*b',
)
const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const patterns = fc.array(pattern, { minLength: 1, maxLength: 3 })

/** The names that the rules of Dockwarden themselves take for matching. */
function matching(texts: readonly string[]): ReadonlySet<string> {
  const parsed = texts.flatMap((text) => {
    const read = parsePattern(text)
    if (typeof read === 'string') throw new Error(read)
    return read
  })
  return new Set(names.filter((name) => parsed.some((each) => matches(each, name))))
}

test('what holds, meets and remains agrees with what the rules match', () => {
  fc.assert(
    fc.property(patterns, patterns, (some, others) => {
      const [a, b] = [matching(some), matching(others)]
      if (holds(some, others)) expect([...b].filter((name) => !a.has(name))).toEqual([])
      if (!meets(some, others)) expect([...b].filter((name) => a.has(name))).toEqual([])
      const rest = remainder(some, others)
      if (rest === undefined) return
      expect([...matching(rest)].sort()).toEqual([...a].filter((name) => !b.has(name)).sort())
    }),
    // Some of the sets are large: what is left of the time is left.
    { numRuns: 150, interruptAfterTimeLimit: 5_000 },
  )
})

const told: readonly (readonly [
  holder: readonly string[],
  held: readonly string[],
  is: boolean,
])[] = [
  [['**'], ['a/*', 'b'], true],
  [['*', '*/**'], ['**'], true],
  [['a/**'], ['a/*'], true],
  [['a/*'], ['a/**'], false],
  [['?*'], ['*'], true],
  [['?'], ['*'], false],
  [['*/*'], [`\${user}/*`], true],
  [[`\${user}/**`], [`\${user}/*`], true],
  [[`\${user}/*`], [`\${group}/*`], false],
  [['?/*'], [`\${user}/*`], false],
  [['alice/*'], [`\${user}/*`], false],
]
for (const [holder, held, is] of told) {
  test(`${holder} ${is ? 'holds' : 'does not hold'} ${held}`, () => {
    expect(holds(holder, held)).toBe(is)
  })
}

test('a variable may be any name', () => {
  expect(meets([`\${user}/*`], ['alice/x'])).toBe(true)
  expect(meets([`\${user}/*`], ['a/b/c'])).toBe(false)
  expect(remainder(['alice/*'], [`\${user}/*`])).toBeUndefined()
})

test('patterns with many ways to fit are answered soon', () => {
  const start = processorTime()
  const hostile = Array.from(
    { length: 20 },
    (_, index) => `${'*a'.repeat(40)}${'/*?a*'.repeat(index)}`,
  )
  holds(
    hostile,
    hostile.map((text) => `${text}*b`),
  )
  meets(
    hostile,
    hostile.map((text) => `${text}*c`),
  )
  expect(processorTime() - start).toBeLessThan(10_000)
})

test('what is left of many "**" is looked for in bounded time', () => {
  const start = processorTime()
  expect(remainder(['*b/**/**/**/*b'], ['*/**/**/ab/**'])).toBeUndefined()
  expect(processorTime() - start).toBeLessThan(10_000)
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule

/** What lint is certain of, held against the engine: random policies over a world that is small enough to be asked whole. */

import { expect, test } from 'vitest'
import { type Asker, authorize } from '../../../src/authorization/authorize.ts'
import { lint } from '../../../src/authorization/lint/lint.ts'
import { coversPattern } from '../../../src/authorization/lint/pattern-cover.ts'
import { matches, type Pattern, parsePattern } from '../../../src/authorization/pattern.ts'
import { compilePolicy, type GroupMap } from '../../../src/authorization/policy.ts'
import { type Principal, parsePrincipal, type Rule } from '../../../src/authorization/rule.ts'
import { fc } from '../../support/fast-check.ts'

const segments = [
  'a',
  'b',
  'ab',
  'x-a',
  '*',
  '**',
  '?',
  'a*',
  '*b',
  '?*',
  '{a,b}',
  '${user}',
  '${group}',
  '${user}-*',
]
const pattern = fc
  .array(fc.constantFrom(...segments), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))

const words = ['a', 'b', 'ab', 'ba', 'x-a', 'a-b']
const names = [
  ...words,
  ...words.flatMap((one) => words.map((two) => `${one}/${two}`)),
  ...words.flatMap((one) =>
    ['a', 'b', 'ab'].flatMap((two) => ['a', 'x-a'].map((three) => `${one}/${two}/${three}`)),
  ),
  'a/b/a/b',
  'b/a/x-a/ab/a',
]
const values = [{}, { user: 'a', group: 'b' }, { user: 'ab', group: 'a' }]

const parsed = (text: string) => parsePattern(text) as readonly Pattern[]

test('a pattern that is said to cover another fits whatever that one fits', () => {
  let covered = 0
  fc.assert(
    fc.property(pattern, pattern, (outerText, innerText) => {
      for (const outer of parsed(outerText)) {
        for (const inner of parsed(innerText)) {
          if (!coversPattern(outer, inner)) continue
          covered += 1
          for (const name of names) {
            for (const each of values) {
              if (matches(inner, name, each)) expect(matches(outer, name, each)).toBe(true)
            }
          }
        }
      }
    }),
    { numRuns: 3_000 },
  )
  expect(covered).toBeGreaterThan(100)
})

test.each([
  ['**', '**'],
  ['**', 'a/**'],
  ['**', '*/a/**/b'],
  ['**', '*/**'],
  ['a/**', 'a/*'],
  ['a/**', 'a/*/**'],
  ['a/**', 'a/b/**/c'],
  ['**/a', 'b/**/a'],
  ['*', 'a?b*'],
  ['?*', 'a*'],
  ['a*b', 'a?*b'],
  ['*', '${user}'],
  ['**', '${user}/${group}'],
  ['*-${user}', 'a-*-${user}'],
])('"%s" covers "%s"', (outer, inner) => {
  const [a, b] = [parsed(outer)[0], parsed(inner)[0]]
  expect(a !== undefined && b !== undefined && coversPattern(a, b)).toBe(true)
})

const askers: readonly (Asker | null)[] = [
  null,
  { kind: 'user', name: 'a', groups: [] },
  { kind: 'user', name: 'ab', groups: [{ name: 'a' }, { name: 'b' }] },
  { kind: 'user', name: 'c', groups: [] },
  { kind: 'robot', name: 'a', groups: [{ name: 'b' }] },
]
const groups: GroupMap = { b: ['a'], c: ['c'] }
const moments = ['2026-01-01', '2026-06-01', '2027-01-01'].map((day) => new Date(day))
const [, now = new Date()] = moments

const who = fc
  .uniqueArray(
    fc.constantFrom(
      'anonymous',
      'authenticated',
      'anyone',
      'user:a',
      'user:c',
      'group:a',
      'group:b',
      'group:*',
      'robot:a',
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((all) => all.map((word) => parsePrincipal(word) as Principal))
const action = fc.constantFrom('pull' as const, 'push' as const, 'delete' as const, '*' as const)
const when = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  fc.record(
    {
      network: fc.constantFrom(['10.0.0.0/8'], ['10.0.0.0/8', '192.0.2.0/24']),
      from: fc.constantFrom(...moments),
      until: fc.constantFrom(...moments),
      service: fc.constantFrom(['one'], ['one', 'two']),
    },
    { requiredKeys: [] },
  ),
)
const actions = fc.oneof(fc.constant([]), fc.array(action, { minLength: 1, maxLength: 2 }))
const rule = fc.record({
  name: fc.constant(''),
  origin: fc.constant(''),
  who,
  may: actions,
  mayNot: actions,
  on: fc.array(fc.oneof(pattern, fc.constantFrom('**', 'a/**', 'a/b')), {
    minLength: 1,
    maxLength: 2,
  }),
  when,
})

/** Everything that these rules decide in this world. */
function decisions(rules: readonly Rule[], time: Date): string {
  const policy = compilePolicy(rules, groups)
  return askers
    .flatMap((asker) =>
      [
        { service: 'one', address: '10.0.0.1', time },
        { service: 'two', address: '192.0.2.1', time },
      ].flatMap((circumstances) =>
        names
          .filter((_, index) => index % 3 === 0)
          .map((name) => {
            const actions = ['pull', 'push', 'delete']
            const { access } = authorize(
              policy,
              asker,
              [{ type: 'repository', name, actions }],
              circumstances,
            )
            return access[0]?.actions.join() ?? ''
          }),
      ),
    )
    .join(';')
}

test('a rule that is said to be redundant, or to give nothing, can go without a difference', () => {
  const seen = { redundant: 0, shadowed: 0, expired: 0 }
  fc.assert(
    fc.property(fc.array(rule, { minLength: 2, maxLength: 5 }), (rules: readonly Rule[]) => {
      const names = { users: 'any', groups: 'any' } as const
      for (const { id, rule: told, message } of lint({ rules, groups, names }, now)) {
        if (!(id in seen) || message.startsWith('"')) continue
        seen[id as keyof typeof seen] += 1
        const without = rules.flatMap((each) => {
          if (each !== told) return [each]
          return id === 'shadowed' ? [{ ...each, may: [] }] : []
        })
        for (const time of id === 'expired' ? [now] : moments) {
          expect(decisions(without, time)).toBe(decisions(rules, time))
        }
      }
    }),
    { numRuns: 250 },
  )
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(5)
})

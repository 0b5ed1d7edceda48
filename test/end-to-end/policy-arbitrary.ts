/** Random policies over a small world of names, dense enough that rules meet, overlap and contradict. */

import fc from 'fast-check'
import type { Policy, PolicyRule, Resource } from './oracle.ts'

export const users = [
  'alice',
  'bob',
  'carol',
  'dave',
  'Alice',
  'a.b+c@example.org',
  'müller',
  '{alice,bob}',
]
const groupNames = ['dev', 'ops', 'empty']

const words = ['a', 'b', 'ab', 'abc', 'app', 'app-1', 'web', 'dev', 'ops', 'alice', 'x']
const globs = [
  '*',
  'a*',
  '*b',
  '?',
  '??',
  'a?c',
  'app-*',
  '{a,b}',
  '{app,web}',
  'a{b,bc}',
  '{a*,?}',
]

const segment = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words) },
  { weight: 3, arbitrary: fc.constantFrom(...globs) },
  { weight: 2, arbitrary: fc.constant('**') },
)
const pattern = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  },
  { weight: 1, arbitrary: fc.constantFrom('**', '*', '*/**', '**/**', '**/a', '**/x/**') },
)
const principal = fc.constantFrom(
  'anonymous',
  'authenticated',
  'anyone',
  ...users.slice(0, 7).map((name) => `user:${name}`),
  ...groupNames.map((name) => `group:${name}`),
)
const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number) =>
  fc.uniqueArray(arbitrary, { minLength: 1, maxLength })

const repositoryRule = fc.record({
  denies: fc.integer({ min: 0, max: 3 }).map((die) => die === 0),
  who: some(principal, 3),
  actions: fc.oneof(
    some(fc.constantFrom('pull', 'push', 'delete'), 3),
    fc.constant(['*']),
    fc.constant(['pull']),
  ),
  on: some(pattern, 3),
})
const catalogRule = fc.record({
  denies: fc.integer({ min: 0, max: 3 }).map((die) => die === 0),
  who: some(principal, 2),
  actions: fc.constant(['*']),
  on: fc.constant(['registry:catalog']),
})
const rule = fc.oneof(
  { weight: 12, arbitrary: repositoryRule },
  { weight: 1, arbitrary: catalogRule },
)

const namedRule = (
  { denies, who, actions, on }: typeof rule extends fc.Arbitrary<infer R> ? R : never,
  index: number,
): PolicyRule => ({
  name: `rule ${index}`,
  who,
  ...(denies ? { may_not: actions } : { may: actions }),
  on,
})

export const policyArbitrary: fc.Arbitrary<Policy> = fc.record({
  groups: fc.record({
    dev: fc.subarray(users),
    ops: fc.subarray(users),
    empty: fc.constant<string[]>([]),
  }),
  rules: fc.array(rule, { minLength: 1, maxLength: 14 }).map((rules) => rules.map(namedRule)),
})

/** Names that the patterns above can match, cross and just miss. */
export const resources: readonly Resource[] = [
  ...words,
  ...words
    .slice(0, 8)
    .flatMap((first) => ['a', 'b', 'app-1', 'dev'].map((second) => `${first}/${second}`)),
  'a/b/c',
  'a/x/b',
  'a/b/x/app',
  'app/web/x',
  'x/x/x/x',
  'dev/app/a',
  'a/b/c/d/e/f',
  'app-',
  'app-1-2',
  'abcd',
  'localhost:5000/a',
  'a.b/c__d/e-f',
]
  .map((name) => ({ type: 'repository', name }))
  .concat([
    { type: 'registry', name: 'catalog' },
    { type: 'registry', name: 'a' },
    { type: 'chart', name: 'a' },
  ])

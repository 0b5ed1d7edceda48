// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule
/**
 * B27: no pattern and no name make a decision expensive, nor do rules that have nothing to say. What is
 * looked at is how the time grows with the size, never the time itself: a machine may be slow, but twice
 * the input may not cost the square of it.
 */

import { describe, expect, test } from 'vitest'
import { parsePattern } from '../../src/authorization/pattern.ts'
import { processorTime } from '../support/processor-time.ts'
import { compiled, granted } from './engine.ts'
import type { Asker, PolicyRule, Question } from './oracle.ts'

/** The longest name and the longest pattern have 255 characters. */
const sizes = [8, 16, 32, 64, 127]
const user = (name: string, groups: readonly string[] = []): Asker => ({
  name,
  kind: 'user',
  groups: groups.map((group) => ({ name: group })),
})
const alice = user('alice')

/** Microseconds of processor time of one call: the least of several, since what disturbs only adds. */
function cost(work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < 3; look += 1) {
    const start = processorTime()
    let calls = 0
    while (processorTime() - start < 2) {
      work()
      calls += 1
    }
    least = Math.min(least, (processorTime() - start) / calls)
  }
  return least
}

/** Expects that each size costs at most three times what it would if the cost grew as the size does. */
function expectLinear(workOf: (size: number) => () => void, growing = sizes): void {
  let before: { readonly size: number; readonly cost: number } | undefined
  for (const size of growing) {
    const work = workOf(size)
    let now = cost(work)
    const allowed =
      before === undefined ? Number.POSITIVE_INFINITY : (before.cost * 3 * size) / before.size
    for (let again = 0; now > allowed && again < 5; again += 1) now = Math.min(now, cost(work))
    // Ends here, before a size at which a decision would take for ever.
    expect(now, `${size}, after ${JSON.stringify(before)}`).toBeLessThanOrEqual(allowed)
    before = { size, cost: now }
  }
}

function decision(on: readonly string[], name: string, asker: Asker = alice): () => void {
  const who = ['authenticated', 'group:*']
  const rules: PolicyRule[] = [{ name: 'hostile', who, may: ['pull'], on }]
  return ask(compiled({ rules, groups: {} }), name, asker)
}

function ask(policy: ReturnType<typeof compiled>, name: string, asker: Asker = alice): () => void {
  const question: Question = {
    asker,
    resource: { type: 'repository', name },
    circumstances: { service: 'registry', address: '127.0.0.1', time: new Date(0) },
  }
  return () => void granted(policy, question, ['pull'])
}

function numberedRules(count: number, patternOf: (index: number) => string): PolicyRule[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `rule ${index}`,
    who: ['anyone'],
    may: ['pull'],
    on: [patternOf(index)],
  }))
}

const times = (text: string, count: number) => text.repeat(count)
const segments = (count: number) => times('a/', count).slice(0, -1)

test.each([
  ['a regex that backtracks', '(a+)+$'],
  ['braces within braces', '{a,{a,{a,b}}}'],
  ['braces that multiply', times('{a,b}', 10)],
  ['a long one', times('a', 256)],
])('B27: %s is refused before it is compiled', (_name, text) => {
  expect(parsePattern(text)).toBeTypeOf('string')
})

/** A pattern, and a name that comes close to it; both grow with their size. */
const shapes: Readonly<
  Record<string, { pattern: (size: number) => string; name: (size: number) => string }>
> = {
  // None ends in a letter: by its last one a name would be turned away before it is looked at.
  'a near miss at each letter': {
    pattern: (n) => `*${times('a', n)}b*`,
    name: (n) => times('a', 2 * n),
  },
  'a star before each letter': {
    pattern: (n) => `${times('*a', n)}*b*`,
    name: (n) => times('a', 2 * n),
  },
  'a star behind each letter': {
    pattern: (n) => `${times('a*', n)}b?`,
    name: (n) => times('a', 2 * n),
  },
  'stars and question marks': {
    pattern: (n) => `${times('?*', n)}b*`,
    name: (n) => times('a', 2 * n),
  },
  'a star in each segment': {
    pattern: (n) => `${times('*/', n)}b`,
    name: (n) => segments(n),
  },
  'two stars as each segment': {
    pattern: (n) => `${times('**/', Math.ceil(n / 2))}b`,
    name: (n) => segments(n),
  },
  'two stars between the segments': {
    pattern: (n) => `${times('**/a/', Math.ceil(n / 3))}b`,
    name: (n) => segments(n),
  },
  'two stars between segments of stars': {
    pattern: (n) => `${times('**/*a*/', Math.ceil(n / 4))}b`,
    name: (n) => segments(n),
  },
  'braces up to their limit': {
    pattern: (n) => `${times('{a,aa}', 6)}${times('*a', Math.ceil(n / 2))}*b*`,
    name: (n) => times('a', 2 * n),
  },
}

describe('B27: the time of a decision grows with the name', () => {
  test.each(Object.entries(shapes))('%s', (_name, { pattern, name }) => {
    expectLinear((size) => decision([pattern(60)], name(size)))
  })
})

describe('B27: the time of a decision grows with the pattern', () => {
  test.each(Object.entries(shapes))('%s', (_name, { pattern, name }) => {
    expectLinear(
      (size) => decision([pattern(size)], name(100)),
      [8, 16, 32, 60, 120].filter((size) => pattern(size).length <= 255),
    )
  })
})

describe('B27: the time of a decision grows with the value of a variable', () => {
  test.each(['*', '**', '?', 'a', '{a,b}'])('%s', (text) => {
    expectLinear((size) =>
      decision(['*${user}*${user}*b*', '**/${user}/**'], times('a', 200), user(times(text, size))),
    )
    expectLinear((size) =>
      decision(['${group}*${group}*b*'], times('a', 200), user('alice', [times(text, size)])),
    )
  })
})

describe('B27: the time of a decision grows with the groups of the asker', () => {
  test.each([
    ['${group}/**', 'team-1/a'],
    ['teams/${group}', 'teams/none'],
    ['**/${group}-?/**', 'a/b/team-7-x/y'],
    ['*-${group}-*', 'a-team-team-team-b'],
  ])('%s', (pattern, name) => {
    const groups = (count: number) => Array.from({ length: count }, (_, index) => `team-${index}`)
    expectLinear((size) => decision([pattern], name, user('alice', groups(size))), [50, 400])
  })
})

describe('B27: the time of a decision grows with the rules that all concern it', () => {
  test.each<[string, (index: number) => string, string]>([
    ['the same prefix', (index) => `a/**/x-${index}`, segments(100)],
    ['no end', (index) => `**/*-${index}*`, segments(20)],
    ['all that cover it', (index) => `a/**/{c,x-${index}}`, 'a/b/c'],
    ['the same literal', () => 'a/b/c', 'a/b/c'],
  ])('%s', (_name, patternOf, name) => {
    const policyOf = (count: number) =>
      compiled({ groups: {}, rules: numberedRules(count, patternOf) })
    expectLinear((size) => ask(policyOf(size), name), [1_250, 10_000])
  })
})

describe('B27: the time of loading grows with the rules', () => {
  test.each<[string, (index: number) => string]>([
    ['with nothing in common', (index) => `team-${index}/**`],
    ['that are all one', () => '**/a/**'],
    ['with stars everywhere', (index) => `*/**/*${index}*/**`],
    ['with as many braces as may be', (index) => `x-${index}/${times('{a,b}', 6)}`],
  ])('%s', (_name, patternOf) => {
    const policyOf = (count: number) => ({
      groups: {},
      rules: numberedRules(count, patternOf),
    })
    expectLinear((size) => () => void compiled(policyOf(size)), [75, 600])
  })
})

describe('a decision costs no more with 10,000 rules than with ten, where few of them match', () => {
  test.each<[string, (index: number) => string, (index: number) => string]>([
    ['literal names', (index) => `team-${index}/app`, (index) => `team-${index}/app`],
    ['prefixes', (index) => `team-${index}/**`, (index) => `team-${index}/a/b`],
    ['wildcards behind', (index) => `x-${index}-*/?`, (index) => `x-${index}-a/b`],
    ['wildcards before', (index) => `**/*-${index}`, (index) => `a/b/c-${index}`],
    ['wildcards around', (index) => `x-${index}*y/**`, (index) => `x-${index}-y/a`],
    ['${user} before', (index) => `\${user}-${index}/**`, (index) => `alice-${index}/a`],
    ['${group} before', (index) => `\${group}-${index}/**`, (index) => `team-7-${index}/a`],
    ['${group} around', (index) => `x-${index}-\${group}-*/a`, (index) => `x-${index}-team-7-b/a`],
    ['${group} above', (index) => `\${group}/app-${index}`, (index) => `team-7/app-${index}`],
  ])('%s', (_name, patternOf, nameOf) => {
    const asker = user(
      'alice',
      Array.from({ length: 100 }, (_, index) => `team-${index}`),
    )
    const costOf = (count: number) => {
      const rules = numberedRules(count, patternOf).map((rule) => ({ ...rule, who: ['group:*'] }))
      const policy = compiled({ groups: {}, rules })
      const questions = [0, 1, 2, 3].map((part) => ask(policy, nameOf(part * (count / 5)), asker))
      return () => cost(() => questions.forEach((question) => void question()))
    }
    const [few, many] = [costOf(10), costOf(10_000)]
    let ratio = many() / few()
    for (let again = 0; ratio > 3 && again < 5; again += 1) ratio = Math.min(ratio, many() / few())
    expect(ratio).toBeLessThanOrEqual(3)
  })
})

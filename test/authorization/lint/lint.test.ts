// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule

/** What lint finds, and what it must leave alone. */

import { describe, expect, test } from 'vitest'
import { type KnownNames, lint, type NameSource } from '../../../src/authorization/lint/lint.ts'
import { loadText } from '../../config/config-text.ts'
import { processorTime } from '../../support/processor-time.ts'

const now = new Date('2026-06-01T00:00:00Z')
const anyNames: KnownNames = { users: 'any', groups: 'any' }

/** One line for each warning: its id and the index of its rule. */
async function lintOf(
  rules: readonly string[],
  names = anyNames,
  groups = '{ dev: [alice, bob], ops: [carol] }',
): Promise<readonly string[]> {
  const lines = rules.map((rule) => `  - { ${rule} }\n`).join('')
  const config = await loadText(`groups: ${groups}\nrules:\n${lines}`)
  return lint({ ...config, names }, now).map(({ id, rule, severity, message }) => {
    expect(message).toMatch(/^[^\n]{20,250}$/)
    return `${severity === 'notice' ? 'notice ' : ''}${id} ${config.rules.indexOf(rule)}`
  })
}

const everybodyPushes = 'who: authenticated, may: push, on: "**"'

describe('it finds', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    // never_matches
    ['a name with a tag', ['who: authenticated, may: pull, on: "a/b:5000"'], ['never_matches 0']],
    [
      'a port and nothing else',
      ['who: authenticated, may: pull, on: "a:5000"'],
      ['never_matches 0'],
    ],
    ['two dots', ['who: authenticated, may: pull, on: a..b'], ['never_matches 0']],
    ['three underscores', ['who: authenticated, may: pull, on: a___b/c'], ['never_matches 0']],
    [
      'the second pattern',
      ['who: authenticated, may: pull, on: [a, a.-b/**]'],
      ['never_matches 0'],
    ],
    ...[
      'releases/app:*',
      'releases/app:1.*',
      'releases/*:?',
      '{a,b}:*',
      'a:5000/b:*/c',
      '**/a:*',
      '${user}:1*',
    ].map((on): [string, string[], string[]] => [
      `a tag that is a wildcard: ${on}`,
      [`who: authenticated, may_not: pull, on: "${on}"`],
      ['never_matches 0'],
    ]),
    // expired, not_yet
    ['an end', ['who: user:a, may: pull, on: a, when: { until: 2026-06-01 }'], ['expired 0']],
    [
      'a beginning',
      ['who: user:a, may: pull, on: a, when: { from: 2026-06-02 }'],
      ['notice not_yet 0'],
    ],
    // shadowed
    [
      'the very same',
      ['who: user:a, may: pull, on: a', 'who: user:a, may_not: pull, on: a'],
      ['shadowed 0'],
    ],
    [
      'by everybody',
      ['who: user:a, may: push, on: a', 'who: anyone, may_not: pull, on: "**"'],
      ['shadowed 0'],
    ],
    [
      'by a rule before it',
      ['who: anyone, may_not: "*", on: "**"', 'who: group:dev, may: "*", on: a/b'],
      ['shadowed 1'],
    ],
    [
      'by two rules',
      [
        'who: [user:a, user:b], may: delete, on: x',
        'who: user:a, may_not: delete, on: x',
        'who: user:b, may_not: delete, on: x',
      ],
      ['shadowed 0'],
    ],
    ['by itself', ['who: user:a, may: delete, may_not: "*", on: x'], ['shadowed 0']],
    [
      'through the groups of the file',
      ['who: user:alice, may: delete, on: x', 'who: group:dev, may_not: delete, on: x'],
      ['shadowed 0'],
    ],
    [
      'through any group',
      ['who: user:carol, may: delete, on: x', 'who: "group:*", may_not: delete, on: x'],
      ['shadowed 0'],
    ],
    [
      'the catalog',
      [
        'who: user:a, may: "*", on: registry:catalog',
        'who: anyone, may_not: "*", on: registry:catalog',
      ],
      ['shadowed 0'],
    ],
    [
      'with variables',
      [
        'who: authenticated, may: delete, on: "${user}/a"',
        'who: authenticated, may_not: delete, on: "${user}/*"',
      ],
      ['shadowed 0'],
    ],
    [
      'within its time',
      [
        'who: user:a, may: delete, on: x, when: { until: 2027-01-01 }',
        'who: user:a, may_not: delete, on: x, when: { until: 2028-01-01 }',
      ],
      ['shadowed 0'],
    ],
    // redundant
    [
      'the same twice, the later one',
      ['who: user:a, may: pull, on: a', 'who: user:a, may: pull, on: a'],
      ['redundant 1'],
    ],
    [
      'a narrower one before',
      ['who: user:a, may: pull, on: a/b', 'who: user:a, may: push, on: a/*'],
      ['redundant 0'],
    ],
    [
      'a narrower deny',
      ['who: user:a, may_not: push, on: a/b', 'who: anyone, may_not: pull, on: "**"'],
      ['redundant 0'],
    ],
    [
      'one group of each',
      [
        'who: "group:*", may: push, on: "t/${group}/**"',
        'who: group:dev, may: push, on: "t/${group}/a"',
      ],
      ['redundant 1'],
    ],
    [
      'fewer networks',
      [
        'who: user:a, may: pull, on: a, when: { network: [10.0.0.0/8, "::1"] }',
        'who: user:a, may: pull, on: a, when: { network: 10.0.0.0/8 }',
      ],
      ['redundant 1'],
    ],
    [
      'braces',
      ['who: user:a, may: pull, on: "{a,b}/c"', 'who: user:a, may: pull, on: [a/c, b/c]'],
      ['redundant 1'],
    ],
    [
      'a pattern within another',
      ['who: user:a, may: pull, on: [a/*, a/b, "a/**"]'],
      ['redundant 0', 'redundant 0'],
    ],
    ['a pattern twice', ['who: user:a, may: pull, on: [a, b, a]'], ['redundant 0']],
    // opens_to_anonymous
    ['push for anyone', ['who: anyone, may: push, on: a'], ['opens_to_anonymous 0']],
    ['delete for anonymous', ['who: anonymous, may: delete, on: a/b'], ['opens_to_anonymous 0']],
    ['everything', ['who: [user:a, anonymous], may: "*", on: a'], ['opens_to_anonymous 0']],
    [
      'pull of everything',
      ['who: anyone, may: pull, on: [a, "**"]'],
      ['redundant 0', 'opens_to_anonymous 0'].toReversed(),
    ],
    [
      'the catalog for anonymous',
      ['who: anyone, may: "*", on: registry:catalog'],
      ['opens_to_anonymous 0'],
    ],
    // shallow_deny
    [
      'one level of a release',
      ['who: anyone, may_not: push, on: releases/*', everybodyPushes],
      ['shallow_deny 0'],
    ],
    [
      'one level, deeper',
      ['who: authenticated, may_not: delete, on: a/b/*', 'who: group:dev, may: delete, on: "a/**"'],
      ['shallow_deny 0'],
    ],
    // variable_beside_wildcard
    [
      'a name and anything',
      ['who: authenticated, may: push, on: "${user}-*/**"'],
      ['variable_beside_wildcard 0'],
    ],
    [
      'anything and a name',
      ['who: "group:*", may: push, on: "a/*${group}"'],
      ['variable_beside_wildcard 0'],
    ],
    [
      'two names',
      ['who: "group:*", may: push, on: "${group}${user}/a"'],
      ['variable_beside_wildcard 0'],
    ],
  ])('%s', async (_, rules, found) => {
    expect(await lintOf(rules)).toEqual(found)
  })
})

describe('it leaves alone', () => {
  test.each<[string, readonly string[]]>([
    [
      'groups that are called as what every object has',
      ['constructor', 'toString', 'hasOwnProperty'].flatMap((name) => [
        `who: group:${name}, may: pull, on: a`,
        `who: user:${name}, may: pull, on: a`,
      ]),
    ],
    ['a host with a port', ['who: authenticated, may: pull, on: "a.example:5000/b"']],
    [
      'a port that is a wildcard',
      ['a:*/b', '*:5000/**', '{a,b}:50?0/*'].map(
        (on) => `who: authenticated, may_not: pull, on: "${on}"`,
      ),
    ],
    ['separators', ['who: authenticated, may: pull, on: [a.b, a_b, a__b, "a--b", a-b.c/d]']],
    [
      'a time that has begun and not ended',
      ['who: user:a, may: pull, on: a, when: { from: 2026-06-01, until: 2026-06-02 }'],
    ],
    ['a deny of less', [everybodyPushes, 'who: anyone, may_not: push, on: "releases/**"']],
    [
      'a deny of one action',
      ['who: user:a, may: "*", on: a', 'who: user:a, may_not: delete, on: a'],
    ],
    [
      'a deny of push, for who may pull',
      ['who: user:a, may: push, on: a', 'who: user:a, may_not: push, on: a'],
    ],
    [
      'a deny of some',
      [
        'who: authenticated, may: pull, on: a',
        'who: [user:a, group:dev, anonymous], may_not: pull, on: a',
      ],
    ],
    [
      'a deny of another user',
      ['who: user:dave, may: delete, on: x', 'who: group:dev, may_not: delete, on: x'],
    ],
    [
      'a deny of a robot of the same name',
      [
        'who: robot:alice, may: delete, on: x',
        'who: [user:alice, "group:*"], may_not: delete, on: x',
      ],
    ],
    [
      'a deny for a time',
      [
        'who: user:a, may: delete, on: x',
        'who: user:a, may_not: delete, on: x, when: { until: 2028-01-01 }',
      ],
    ],
    [
      'a deny from somewhere',
      [
        'who: user:a, may: delete, on: x',
        'who: user:a, may_not: delete, on: x, when: { network: 10.0.0.0/8 }',
      ],
    ],
    [
      'a deny of one level',
      ['who: user:a, may: delete, on: "a/**"', 'who: user:b, may_not: delete, on: a/*'],
    ],
    [
      'a deny of the repositories, for the catalog',
      ['who: user:a, may: "*", on: registry:catalog', 'who: user:a, may_not: "*", on: "**"'],
    ],
    ['the same for others', ['who: user:a, may: pull, on: a', 'who: user:b, may: pull, on: a']],
    [
      'the same for a time',
      [
        'who: user:a, may: pull, on: a',
        'who: user:a, may: push, on: a, when: { until: 2027-01-01 }',
      ],
    ],
    ['more', ['who: user:a, may: pull, on: a/*', 'who: user:a, may: pull, on: "a/**/b"']],
    ['the folder and what is in it', ['who: user:a, may: pull, on: [a, "a/**"]']],
    [
      'each their own',
      [
        'who: authenticated, may: "*", on: "${user}/**"',
        'who: "group:*", may: push, on: "${group}/**"',
        'who: user:alice, may: push, on: "alice/**"',
      ],
    ],
    [
      'everybody, and each team',
      [
        'who: authenticated, may: pull, on: "t/**"',
        'who: "group:*", may: push, on: "t/${group}/**"',
      ],
    ],
    ['pull for anyone on something', ['who: anyone, may: pull, on: ["public/**", "*"]']],
    [
      'push for anyone in a network',
      ['who: anyone, may: push, on: a, when: { network: 10.0.0.0/8 }'],
    ],
    ['a variable, which nobody has who is anonymous', ['who: anyone, may: push, on: "${user}/**"']],
    ['a deny for anyone', ['who: anyone, may_not: "*", on: "**"']],
    [
      'one level of everything',
      ['who: anyone, may_not: push, on: "*"', 'who: user:a, may: push, on: "**"'],
    ],
    [
      'one level, and what is below',
      [
        'who: anyone, may_not: push, on: a/*',
        'who: anyone, may_not: push, on: "a/*/**"',
        everybodyPushes,
      ],
    ],
    [
      'one level, for somebody else',
      ['who: user:a, may_not: push, on: a/*', 'who: user:b, may: push, on: "**"'],
    ],
    [
      'one level, and nothing below',
      ['who: anyone, may_not: push, on: a/*', 'who: user:b, may: push, on: a/b'],
    ],
    [
      'a name in a segment of its own, or with words',
      ['who: authenticated, may: push, on: ["${user}/*", "users/${user}-images/**"]'],
    ],
    ['a deny of too much', ['who: authenticated, may_not: push, on: "${user}-*"']],
  ])('%s', async (_, rules) => {
    expect(await lintOf(rules)).toEqual([])
  })
})

describe('names that nobody has', () => {
  const rules = ['who: [user:alice, user:Zoe, group:dev, group:Devs, group:devs], may: pull, on: a']
  test.each<[string, KnownNames, readonly string[]]>([
    ['may be anything: nothing is said', anyNames, []],
    ['are all known', { users: new Set(['alice', 'Zoe']), groups: new Set(['devs', 'Devs']) }, []],
    [
      'are not all known',
      { users: new Set(['alice']), groups: new Set(['devs']) },
      ['unknown_user 0', 'unknown_group 0'],
    ],
    [
      'are in lower case',
      { users: 'lower_case', groups: 'lower_case' },
      ['unknown_user 0', 'unknown_group 0'],
    ],
  ])('%s', async (_, names, found) => {
    expect(await lintOf(rules, names)).toEqual(found)
  })

  test.each<[string, NameSource, readonly string[]]>([
    ['in a list without them', new Set(['alice']), ['unknown_user 0']],
    ['where all is lower case', 'lower_case', ['unknown_user 0']],
    ['where nobody can tell', 'any', []],
  ])('a group of the file that is to be denied something, %s', async (_, users, found) => {
    const groups = '{ suspended: [alice, Bob] }'
    const names = { users, groups: 'any' } as const
    const deny = 'who: group:suspended, may_not: pull, on: a'
    const give = 'who: group:suspended, may: pull, on: a'
    expect(await lintOf([deny], names, groups)).toEqual(found)
    expect(await lintOf([give], names, groups)).toEqual([])
  })
})

test('a rule that has ended opens nothing below one level', async () => {
  const ended = 'who: group:dev, may: push, on: "releases/**", when: { until: 2026-01-01 }'
  expect(await lintOf(['who: anyone, may_not: push, on: releases/*', ended])).toEqual(['expired 1'])
})

test('one rule is linted beside all others, of which nothing is said', async () => {
  const config = await loadText(`
rules:
  - { who: user:a, may: pull, on: a..b }
  - { who: user:a, may: pull, on: a/b }
  - { who: anyone, may_not: pull, on: "a/**" }
`)
  const of = config.rules.slice(1)
  const warnings = lint({ ...config, names: anyNames, of }, now)
  expect(warnings.map(({ id, rule }) => [id, config.rules.indexOf(rule)])).toEqual([
    ['shadowed', 1],
  ])
})

test('a rule of 3,000 names is linted in a time that grows with their number', async () => {
  const names = Array.from({ length: 3_000 }, (_, index) => `prod/app-${index}`)
  const time = async (count: number) => {
    const on = names.slice(0, count).join(', ')
    const config = await loadText(`rules: [{ who: group:dev, may: push, on: [${on}, prod/app-0] }]`)
    const start = processorTime()
    expect(lint({ ...config, names: anyNames }, now)).toHaveLength(1)
    return processorTime() - start
  }
  await time(300)
  const small = await time(300)
  expect(await time(3_000)).toBeLessThan(Math.max(small, 50) * 30)
})

test('10,000 rules that overlap in all ways are linted in a time that grows with their number', async () => {
  const teams = Array.from({ length: 2_500 }, (_, index) => [
    `{ who: "group:t${index}", may: push, on: "teams/t${index}/**" }`,
    `{ who: anyone, may_not: delete, on: "**/r${index}/*" }`,
    `{ who: authenticated, may: pull, on: "x${index}-*/**" }`,
    `{ who: "user:u${index}", may: push, on: "t${index}/{a,b}/*" }`,
  ])
  const text = teams.flat().map((rule) => `  - ${rule}\n`)
  const time = async (count: number) => {
    const config = await loadText(`rules:\n${text.slice(0, count).join('')}`)
    const start = processorTime()
    expect(lint({ ...config, names: anyNames }, now)).toEqual([])
    return processorTime() - start
  }
  await time(1_000)
  const small = await time(1_000)
  expect(await time(10_000)).toBeLessThan(Math.max(small, 100) * 30)
})

import { describe, expect, test } from 'vitest'
import { type Asker, authorize } from '../../src/authorization/authorize.ts'
import type { Circumstances } from '../../src/authorization/conditions.ts'
import { compilePolicy, type GroupMap } from '../../src/authorization/policy.ts'
import { parsePrincipal, type Rule } from '../../src/authorization/rule.ts'
import type { Action } from '../../src/protocol/access.ts'
import { formatScope, parseScopes } from '../../src/protocol/scope.ts'

interface Line {
  who: string[]
  may?: Action[]
  may_not?: Action[]
  on: string[]
}

function rule({ who, may = [], may_not = [], on }: Line, index = 0): Rule {
  const principals = who.map((word) => {
    const principal = parsePrincipal(word)
    if (typeof principal === 'string') throw new Error(principal)
    return principal
  })
  return {
    name: `rule ${index}`,
    origin: `test:${index}`,
    who: principals,
    may,
    mayNot: may_not,
    on,
  }
}

const alice: Asker = { name: 'alice', kind: 'user', groups: [] }
const bob: Asker = { name: 'bob', kind: 'user', groups: [{ name: 'dev' }] }

const circumstances: Circumstances = {
  service: 'registry',
  address: '192.0.2.1',
  time: new Date('2026-11-21T12:00:00Z'),
}

function granted(rules: Line[], asker: Asker | null, asked: string, groups: GroupMap = {}): string {
  const { access } = authorize(
    compilePolicy(rules.map(rule), groups),
    asker,
    parseScopes([asked]).scopes,
    circumstances,
  )
  return access.map(formatScope).join(' ')
}

test('B28: a doubtful group gives nothing, and takes what is denied to it', () => {
  const asker: Asker = { ...bob, doubtfulGroups: [{ name: 'ops' }] }
  const on = ['a']
  const may: Line = { who: ['group:ops', 'group:dev'], may: ['pull', 'push'], on }
  const mayNot: Line = { who: ['group:ops'], may_not: ['push'], on }
  expect(granted([{ ...may, who: ['group:ops'] }], asker, 'repository:a:pull')).toBe('')
  expect(granted([may], asker, 'repository:a:pull,push')).toBe('repository:a:pull,push')
  expect(granted([may, mayNot], asker, 'repository:a:pull,push')).toBe('repository:a:pull')
  expect(granted([may, mayNot], bob, 'repository:a:pull,push')).toBe('repository:a:pull,push')
})

describe('B28: who', () => {
  const on = ['a']
  const may: Action[] = ['pull']
  test.each<[who: string, nobody: boolean, alice: boolean, bob: boolean]>([
    ['anonymous', true, false, false],
    ['authenticated', false, true, true],
    ['anyone', true, true, true],
    ['user:alice', false, true, false],
    ['user:Alice', false, false, false],
    ['group:dev', false, false, true],
    ['group:bob', false, false, false],
    ['user:dev', false, false, false],
    ['group:staff', false, true, false],
  ])('%s', (who, ...expected) => {
    const groups = { staff: ['alice'] }
    const result = [null, alice, bob].map(
      (asker) => granted([{ who: [who], may, on }], asker, 'repository:a:pull', groups) !== '',
    )
    expect(result).toEqual(expected)
  })

  test('the groups of the backend and of the file are united', () => {
    const rules: Line[] = [
      { who: ['group:dev'], may, on },
      { who: ['group:ops'], may: ['delete'], on },
    ]
    expect(granted(rules, bob, 'repository:a:pull,delete', { ops: ['bob'] })).toBe(
      'repository:a:pull,delete',
    )
  })

  test('a user who is called like a principal is only a user', () => {
    for (const name of ['anonymous', 'group:dev', 'authenticated', '*']) {
      const asker: Asker = { name, kind: 'user', groups: [] }
      const rules: Line[] = [
        { who: ['anonymous', 'group:dev'], may, on },
        { who: ['authenticated'], may_not: ['pull'], on: ['b'] },
      ]
      expect(granted(rules, asker, 'repository:a:pull repository:b:pull')).toBe('')
    }
  })
})

describe('B28: may and may_not', () => {
  const on = ['a']
  const who = ['anyone']
  test.each<[name: string, rules: Line[], asked: string, expected: string]>([
    ['no rule gives nothing', [], 'repository:a:pull', ''],
    [
      'less than was asked',
      [{ who, may: ['pull'], on }],
      'repository:a:pull,push',
      'repository:a:pull',
    ],
    [
      'never more than was asked',
      [{ who, may: ['*'], on }],
      'repository:a:pull',
      'repository:a:pull',
    ],
    [
      'the order that was asked',
      [{ who, may: ['*'], on }],
      'repository:a:push,pull',
      'repository:a:push,pull',
    ],
    [
      'push brings pull',
      [{ who, may: ['push'], on }],
      'repository:a:pull,push',
      'repository:a:pull,push',
    ],
    [
      'push alone can be asked',
      [{ who, may: ['push'], on }],
      'repository:a:push',
      'repository:a:push',
    ],
    [
      'delete brings nothing',
      [{ who, may: ['delete'], on }],
      'repository:a:pull,delete',
      'repository:a:delete',
    ],
    [
      'may: * is pull, push and delete',
      [{ who, may: ['*'], on }],
      'repository:a:pull,push,delete',
      'repository:a:pull,push,delete',
    ],
    ['* asked by who holds all', [{ who, may: ['*'], on }], 'repository:a:*', 'repository:a:*'],
    [
      '* asked by who holds some',
      [{ who, may: ['push'], on }],
      'repository:a:*',
      'repository:a:pull,push',
    ],
    [
      '* asked beside others',
      [{ who, may: ['pull'], on }],
      'repository:a:delete,*',
      'repository:a:pull',
    ],
    ['* asked by who holds nothing', [], 'repository:a:*', ''],
    [
      'an action that nobody knows',
      [{ who, may: ['*'], on }],
      'repository:a:fly,pull',
      'repository:a:pull',
    ],
    [
      'a deny wins over an allow before it',
      [
        { who, may: ['*'], on },
        { who, may_not: ['push'], on },
      ],
      'repository:a:pull,push,delete',
      'repository:a:pull,delete',
    ],
    [
      'a deny wins over an allow after it',
      [
        { who, may_not: ['push'], on },
        { who, may: ['*'], on },
      ],
      'repository:a:pull,push,delete',
      'repository:a:pull,delete',
    ],
    [
      'a deny of pull takes push too',
      [
        { who, may: ['*'], on },
        { who, may_not: ['pull'], on },
      ],
      'repository:a:pull,push,delete',
      'repository:a:delete',
    ],
    [
      'a deny of delete takes only that',
      [
        { who, may: ['*'], on },
        { who, may_not: ['delete'], on },
      ],
      'repository:a:*',
      'repository:a:pull,push',
    ],
    [
      'may_not: * takes all',
      [
        { who, may: ['*'], on },
        { who, may_not: ['*'], on },
      ],
      'repository:a:*',
      '',
    ],
    [
      'allows are united',
      [
        { who, may: ['pull'], on },
        { who, may: ['delete'], on: ['*'] },
      ],
      'repository:a:*',
      'repository:a:pull,delete',
    ],
    [
      'one rule may give and take',
      [{ who, may: ['*'], may_not: ['delete'], on }],
      'repository:a:*',
      'repository:a:pull,push',
    ],
    [
      'several resources, each by its own rules',
      [{ who, may: ['pull'], on }],
      'repository:b:pull repository:a:pull',
      'repository:a:pull',
    ],
    [
      'braces',
      [{ who, may: ['pull'], on: ['{a,b}/x'] }],
      'repository:a/x:pull repository:c/x:pull',
      'repository:a/x:pull',
    ],
  ])('%s', (_name, rules, asked, expected) => expect(granted(rules, null, asked)).toBe(expected))
})

describe('B28: resources', () => {
  const all: Line[] = [
    { who: ['anyone'], may: ['*'], on: ['**'] },
    { who: ['user:alice'], may: ['*'], on: ['registry:catalog'] },
  ]
  test.each<[asked: string, expected: string]>([
    ['registry:catalog:*', 'registry:catalog:*'],
    ['registry:catalog:pull', ''],
    ['registry:other:*', ''],
    ['repository:catalog:pull', 'repository:catalog:pull'],
    ['image:a:pull', ''],
    ['repository:host.example.com:5000/a:pull', 'repository:host.example.com:5000/a:pull'],
    ['repository:HOST:5000/a:pull', ''],
    [`repository:${'a'.repeat(255)}:pull`, `repository:${'a'.repeat(255)}:pull`],
    [`repository:${'a'.repeat(256)}:pull`, ''],
  ])('%s', (asked, expected) => expect(granted(all, alice, asked)).toBe(expected))

  test('** does not reach the catalog', () => {
    expect(granted(all, bob, 'registry:catalog:*')).toBe('')
  })

  test('the catalog can be denied', () => {
    const rules = [...all, { who: ['anyone'], may_not: ['*' as const], on: ['registry:catalog'] }]
    expect(granted(rules, alice, 'registry:catalog:* repository:a:pull')).toBe('repository:a:pull')
  })
})

test('a decision names the rules that gave and took, for the log', () => {
  const rules: Line[] = [
    { who: ['anyone'], may: ['pull'], on: ['a/**'] },
    { who: ['user:carol'], may: ['push'], on: ['a/**'] },
    { who: ['anyone'], may_not: ['pull'], on: ['a/secret'] },
    { who: ['anyone'], may_not: ['delete'], on: ['a/**'] },
  ]
  const policy = compilePolicy(rules.map(rule))
  const decided = (name: string) =>
    authorize(
      policy,
      alice,
      parseScopes([`repository:${name}:pull`]).scopes,
      circumstances,
    ).rules.map((r) => r.name)
  expect(decided('a/b')).toEqual(['rule 0'])
  expect(decided('a/secret')).toEqual(['rule 0', 'rule 2'])
  expect(decided('b')).toEqual([])
})

test('anonymous may do something as soon as one rule gives them something', () => {
  const may = (line: Line) => compilePolicy([rule(line)]).anonymousMay(circumstances)
  expect(may({ who: ['anonymous'], may: ['pull'], on: ['a'] })).toBe(true)
  expect(may({ who: ['anyone'], may: ['pull'], on: ['a'] })).toBe(true)
  expect(may({ who: ['authenticated'], may: ['pull'], on: ['a'] })).toBe(false)
  expect(may({ who: ['anonymous'], may_not: ['pull'], on: ['a'] })).toBe(false)
})

describe('a word of who that names nobody is refused', () => {
  test.each([
    '',
    'alice',
    'user:',
    'group:',
    'user:a:b',
    'team:dev',
    'Anonymous',
    'user:*:a',
    'robots:ci',
    '*',
  ])('%j', (word) => expect(parsePrincipal(word)).toBeTypeOf('string'))
})

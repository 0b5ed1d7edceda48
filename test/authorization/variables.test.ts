// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of rules, not of JavaScript
import { describe, expect, test } from 'vitest'
import { type Asker, authorize } from '../../src/authorization/authorize.ts'
import { compilePolicy, unite } from '../../src/authorization/policy.ts'
import { parsePrincipal, type Rule } from '../../src/authorization/rule.ts'
import { formatScope, parseScopes } from '../../src/protocol/scope.ts'

const now = { service: 'registry', address: '192.0.2.1', time: new Date('2026-11-21T12:00:00Z') }

function rule(who: string, on: string, rest: Partial<Rule> = {}): Rule {
  const principal = parsePrincipal(who)
  if (typeof principal === 'string') throw new Error(principal)
  const given: Rule = {
    name: 'a rule',
    origin: 'test:1',
    who: [principal],
    may: ['pull'],
    mayNot: [],
    on: [on],
  }
  return { ...given, ...rest }
}

function may(rules: readonly Rule[], asker: Asker | null, name: string, asked = 'pull'): string {
  const { scopes } = parseScopes([`repository:${name}:${asked}`])
  return authorize(compilePolicy(rules, { file: ['alice'] }), asker, scopes, now)
    .access.map(formatScope)
    .join(' ')
}

const user = (name: string, ...groups: string[]): Asker => ({
  name,
  kind: 'user',
  groups: groups.map((each) => ({ name: each })),
})
const robot = (name: string): Asker => ({ name, kind: 'robot', groups: [] })

describe('B28: variables', () => {
  test.each<[who: string, on: string, asker: Asker | null, name: string, isGiven: boolean]>([
    ['authenticated', '${user}/**', user('alice'), 'alice/app', true],
    ['authenticated', '${user}/**', user('alice'), 'bob/app', false],
    ['authenticated', '${user}/**', user('alice'), 'alice', false],
    ['anyone', '${user}/**', null, 'anonymous/app', false],
    ['authenticated', '${user}/**', robot('ci'), 'ci/app', false],
    ['authenticated', '${robot}/**', robot('ci'), 'ci/app', true],
    ['robot:ci', '${robot}/**', user('ci'), 'ci/app', false],
    ['authenticated', 'u-${user}', user('alice'), 'u-alice', true],
    ['authenticated', 'u-${user}', user('alice'), 'u-alice-b', false],
    ['authenticated', '{${user},public}/**', user('alice'), 'alice/app', true],
    ['authenticated', '{${user},public}/**', user('alice'), 'public/app', true],
    ['authenticated', '{${user},public}/**', user('alice'), 'bob/app', false],
    // A value is a literal within one segment.
    ['authenticated', '${user}/**', user('*'), 'a/app', false],
    ['authenticated', '${user}/**', user('**'), 'a/b/app', false],
    ['authenticated', '${user}/**', user('teams/dev'), 'teams/dev/app', false],
    ['authenticated', '${user}/**', user('Alice'), 'alice/app', false],
    ['authenticated', '${user}/**', user('${group}', 'dev'), 'dev/app', false],
    ['group:*', '${group}/**', user('alice', '*'), 'a/app', false],
    // Each group that the rule's own words fit.
    ['group:*', 'teams/${group}/**', user('alice', 'dev', 'ops'), 'teams/ops/app', true],
    ['group:*', 'teams/${group}/**', user('alice', 'dev'), 'teams/ops/app', false],
    ['group:*', 'teams/${group}/**', user('alice'), 'teams/file/app', true],
    ['group:*', 'teams/${group}/**', user('bob'), 'teams/file/app', false],
    ['group:dev', '${group}/**', user('bob', 'dev', 'ops'), 'dev/app', true],
    ['group:dev', '${group}/**', user('bob', 'dev', 'ops'), 'ops/app', false],
    ['group:*', '${group}/${group}', user('bob', 'a', 'b'), 'a/a', true],
    ['group:*', '${group}/${group}', user('bob', 'a', 'b'), 'a/b', false],
    ['group:*', '${group}/${user}', user('bob', 'a', 'b'), 'b/bob', true],
    ['group:*', 'x', user('bob'), 'x', false],
    ['group:*', 'x', user('bob', 'any'), 'x', true],
    ['group:*', 'x', null, 'x', false],
  ])('%s on %s', (who, on, asker, name, isGiven) => {
    const scope = `repository:${name}:pull`
    expect(may([rule(who, on)], asker, name)).toBe(isGiven ? scope : '')
    const all = rule('anyone', '**')
    const deny = rule(who, on, { may: [], mayNot: ['pull'] })
    expect(may([all, deny], asker, name)).toBe(isGiven ? '' : scope)
  })

  test('a user who is named beside a group has no value for the group', () => {
    const both = rule('group:dev', '${group}/app', {
      who: [
        { kind: 'group', name: 'dev' },
        { kind: 'user', name: 'alice' },
      ],
    })
    expect(may([both], user('alice'), 'dev/app')).toBe('')
    expect(may([both], user('alice', 'dev'), 'dev/app')).toBe('repository:dev/app:pull')
  })

  test('a doubtful group is taken from by its name, and given nothing', () => {
    const asker: Asker = { ...user('bob'), doubtfulGroups: [{ name: 'ops' }] }
    const on = 'teams/${group}/app'
    const name = 'teams/ops/app'
    expect(may([rule('group:*', on)], asker, name)).toBe('')
    const deny = rule('group:*', on, { may: [], mayNot: ['pull'] })
    expect(may([rule('anyone', '**'), deny], asker, name)).toBe('')
  })

  test('a robot is in no group of the file, which lists users', () => {
    expect(may([rule('group:file', 'a')], user('alice'), 'a')).toBe('repository:a:pull')
    expect(may([rule('group:file', 'a')], robot('alice'), 'a')).toBe('')
  })
})

test('B28: rules of two sources are united, and a deny of either wins', () => {
  const file = compilePolicy([rule('group:dev', '**')], { dev: ['alice'] })
  const stored = compilePolicy([
    rule('group:dev', 'secret', { may: [], mayNot: ['pull'] }),
    rule('anonymous', 'public'),
  ])
  const policy = unite([file, stored])
  const { scopes } = parseScopes(['repository:a:pull repository:secret:pull'])
  const { access } = authorize(policy, user('alice'), scopes, now)
  expect(access.map(formatScope)).toEqual(['repository:a:pull'])
  expect(policy.anonymousMay(now)).toBe(true)
  expect(file.anonymousMay(now)).toBe(false)
})

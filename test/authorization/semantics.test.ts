// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule
/** B28: each sentence of the rules' description, with cases that a reader can check by eye; for engine and oracle alike. */

import { describe, expect, test } from 'vitest'
import { compiled, granted } from './engine.ts'
import {
  type Asker,
  allowedActions,
  type Circumstances,
  type PolicyConditions,
  type PolicyRule,
} from './oracle.ts'

const user = (name: string, ...groups: string[]): Asker => ({
  name,
  kind: 'user',
  groups: groups.map((group) => ({ name: group })),
})
const robot = (name: string, ...groups: string[]): Asker => ({
  ...user(name, ...groups),
  kind: 'robot',
})
const anonymous = null
const alice = user('alice', 'dev')
const bob = user('bob', 'dev', 'ops')
const ci = robot('ci')

type Line = Omit<PolicyRule, 'name'>
/** Who asks, what, and what they get; written `repository:actions`, the actions sorted. */
type Case = readonly [asker: Asker | null, asked: string, expected: string]
interface Clause {
  readonly rules: readonly Line[]
  readonly groups?: Readonly<Record<string, readonly string[]>>
  readonly at?: Partial<Circumstances>
  readonly cases: readonly Case[]
}

const may = (who: string, actions: string, on: string): Line => ({
  who: who.split(' '),
  may: actions.split(' '),
  on: on.split(' '),
})
const mayNot = (who: string, actions: string, on: string): Line => {
  const { may: may_not = [], ...rest } = may(who, actions, on)
  return { ...rest, may_not }
}
const everything = may('anyone', '*', '**')
const all = 'delete,pull,push'

const clauses: Readonly<Record<string, Clause>> = {
  'what no rule gives is denied': {
    rules: [may('user:alice', 'pull', 'a')],
    cases: [
      [alice, 'a:pull', 'pull'],
      [alice, 'b:pull', ''],
      [alice, 'a:delete', ''],
      [bob, 'a:pull', ''],
      [anonymous, 'a:pull', ''],
    ],
  },
  'without rules nobody may anything': {
    rules: [],
    cases: [
      [alice, 'a:pull,push,delete', ''],
      [alice, 'a:*', ''],
      [anonymous, 'registry:catalog:*', ''],
    ],
  },
  'allows are united': {
    rules: [may('user:alice', 'pull', 'a'), may('group:dev', 'delete', 'a')],
    cases: [
      [alice, 'a:*', 'delete,pull'],
      [bob, 'a:*', 'delete'],
    ],
  },
  'a deny wins, before an allow': {
    rules: [mayNot('anyone', 'delete', 'releases/**'), everything],
    cases: [
      [alice, 'releases/a:*', 'pull,push'],
      [alice, 'a:*', all],
    ],
  },
  'a deny wins, after an allow': {
    rules: [everything, mayNot('anyone', 'delete', 'releases/**')],
    cases: [[alice, 'releases/a:*', 'pull,push']],
  },
  'a deny wins over any number of allows, however exact': {
    rules: [mayNot('anyone', '*', '**'), everything, may('user:alice', '*', 'a'), everything],
    cases: [[alice, 'a:*', '']],
  },
  'a deny is for whom it names': {
    rules: [everything, mayNot('group:ops', 'push', '**')],
    cases: [
      [alice, 'a:push', 'push'],
      [bob, 'a:push', ''],
      [anonymous, 'a:push', 'push'],
    ],
  },
  'the result is what was asked and is allowed, never more': {
    rules: [may('anyone', 'pull push', 'a')],
    cases: [
      [alice, 'a:pull', 'pull'],
      [alice, 'a:push', 'push'],
      [alice, 'a:pull,push,delete', 'pull,push'],
      [alice, 'a:delete', ''],
      [alice, 'a:', ''],
      [alice, 'a:fly', ''],
    ],
  },
  'the words of who are alternatives': {
    rules: [may('user:alice group:ops robot:ci anonymous', 'pull', 'a')],
    cases: [
      [alice, 'a:pull', 'pull'],
      [bob, 'a:pull', 'pull'],
      [ci, 'a:pull', 'pull'],
      [anonymous, 'a:pull', 'pull'],
      [user('carol'), 'a:pull', ''],
      [robot('alice'), 'a:pull', ''],
    ],
  },
  'anonymous is who did not sign in': {
    rules: [may('anonymous', 'pull', 'a')],
    cases: [
      [anonymous, 'a:pull', 'pull'],
      [alice, 'a:pull', ''],
      [ci, 'a:pull', ''],
      [user('anonymous'), 'a:pull', ''],
    ],
  },
  'authenticated is anybody who signed in': {
    rules: [may('authenticated', 'pull', 'a')],
    cases: [
      [anonymous, 'a:pull', ''],
      [alice, 'a:pull', 'pull'],
      [ci, 'a:pull', 'pull'],
    ],
  },
  'anyone is both': {
    rules: [may('anyone', 'pull', 'a')],
    cases: [
      [anonymous, 'a:pull', 'pull'],
      [alice, 'a:pull', 'pull'],
      [ci, 'a:pull', 'pull'],
    ],
  },
  'a user and a robot of one name are two': {
    rules: [may('user:alice', 'pull', 'a'), may('robot:alice', 'push', 'a')],
    cases: [
      [user('alice'), 'a:*', 'pull'],
      [robot('alice'), 'a:*', 'pull,push'],
    ],
  },
  'names are compared letter by letter': {
    rules: [may('user:alice group:dev', 'pull', 'a')],
    cases: [
      [user('Alice'), 'a:pull', ''],
      [user('alice '), 'a:pull', ''],
      [user('alic'), 'a:pull', ''],
      [user('carol', 'Dev'), 'a:pull', ''],
    ],
  },
  'group:* is whoever is in a group': {
    rules: [may('group:*', 'pull', 'a')],
    groups: { staff: ['dave'] },
    cases: [
      [alice, 'a:pull', 'pull'],
      [robot('ci', 'build'), 'a:pull', 'pull'],
      [user('dave'), 'a:pull', 'pull'],
      [user('carol'), 'a:pull', ''],
      [anonymous, 'a:pull', ''],
    ],
  },
  'groups of the backend and of the file are united': {
    rules: [may('group:ops', 'pull', 'a'), may('group:dev', 'delete', 'a')],
    groups: { ops: ['alice'] },
    cases: [
      [alice, 'a:*', 'delete,pull'],
      [user('alice'), 'a:*', 'pull'],
    ],
  },
  'the file names users, not robots': {
    rules: [may('group:ops', 'pull', 'a')],
    groups: { ops: ['alice'] },
    cases: [[robot('alice'), 'a:pull', '']],
  },
  '${group} is each group that the rule matched': {
    rules: [may('group:*', 'pull', 'teams/${group}/**')],
    groups: { staff: ['alice'] },
    cases: [
      [bob, 'teams/dev/a:pull', 'pull'],
      [bob, 'teams/ops/a/b:pull', 'pull'],
      [bob, 'teams/staff/a:pull', ''],
      [alice, 'teams/staff/a:pull', 'pull'],
      [alice, 'teams/ops/a:pull', ''],
      [alice, 'teams/dev:pull', ''],
      [alice, 'teams/develop/a:pull', ''],
      [user('carol'), 'teams/dev/a:pull', ''],
      [anonymous, 'teams/dev/a:pull', ''],
    ],
  },
  '${group} is only a group through which the rule matched': {
    rules: [may('user:bob group:dev', 'pull', '${group}/a')],
    cases: [
      [bob, 'dev/a:pull', 'pull'],
      [bob, 'ops/a:pull', ''],
      [user('bob', 'ops'), 'ops/a:pull', ''],
      [user('bob', 'ops'), 'dev/a:pull', ''],
    ],
  },
  '${group} twice in a pattern is one group twice': {
    rules: [may('group:*', 'pull', '${group}/x-${group}')],
    cases: [
      [bob, 'dev/x-dev:pull', 'pull'],
      [bob, 'ops/x-ops:pull', 'pull'],
      [bob, 'dev/x-ops:pull', ''],
    ],
  },
  '${group} takes as well': {
    rules: [everything, mayNot('group:*', 'push', '${group}/frozen')],
    cases: [
      [alice, 'dev/frozen:*', 'delete,pull'],
      [alice, 'ops/frozen:*', all],
    ],
  },
  'a doubtful group takes and never gives': {
    rules: [
      may('group:ops', 'pull', 'a'),
      may('group:*', 'pull', 'teams/${group}'),
      may('anyone', '*', 'b teams/ops/b'),
      mayNot('group:ops', 'push', 'b'),
      mayNot('group:*', 'delete', 'teams/${group}/b'),
    ],
    cases: [
      [{ ...user('carol'), doubtfulGroups: [{ name: 'ops' }] }, 'a:pull', ''],
      [{ ...user('carol'), doubtfulGroups: [{ name: 'ops' }] }, 'teams/ops:pull', ''],
      [{ ...user('carol'), doubtfulGroups: [{ name: 'ops' }] }, 'b:*', 'delete,pull'],
      [{ ...user('carol'), doubtfulGroups: [{ name: 'ops' }] }, 'teams/ops/b:*', 'pull,push'],
      [user('carol'), 'b:*', all],
    ],
  },
  '${user} is the name of the user, and nothing for anybody else': {
    rules: [may('anyone', 'push', '${user}/**')],
    cases: [
      [alice, 'alice/a:push', 'push'],
      [alice, 'alice/a/b:push', 'push'],
      [alice, 'alice:push', ''],
      [alice, 'bob/a:push', ''],
      [user('Alice'), 'alice/a:push', ''],
      [robot('alice'), 'alice/a:push', ''],
      [anonymous, 'alice/a:push', ''],
      [anonymous, 'anonymous/a:push', ''],
      [anonymous, 'user/a:push', ''],
    ],
  },
  '${robot} is the name of the robot, and nothing for anybody else': {
    rules: [may('anyone', 'push', '${robot}/**')],
    cases: [
      [ci, 'ci/a:push', 'push'],
      [ci, 'deploy/a:push', ''],
      [user('ci'), 'ci/a:push', ''],
      [anonymous, 'ci/a:push', ''],
    ],
  },
  'a value is literal': {
    rules: [may('group:*', 'pull', 'a/${group}'), may('authenticated', 'pull', 'b/${user}/x')],
    cases: [
      [user('carol', '*'), 'a/x:pull', ''],
      [user('carol', '**'), 'a/x/y:pull', ''],
      [user('carol', '?'), 'a/x:pull', ''],
      [user('carol', '{x,y}'), 'a/x:pull', ''],
      [user('carol', '.*'), 'a/x:pull', ''],
      [user('${group}', 'dev'), 'b/dev/x:pull', ''],
      [user('carol', '${user}'), 'a/carol:pull', ''],
      [user('a.b'), 'b/a.b/x:pull', 'pull'],
      [user('a.b'), 'b/acb/x:pull', ''],
    ],
  },
  'a value stays within one segment': {
    rules: [
      may('group:*', 'pull', 'a/${group} ${group}/**'),
      may('authenticated', 'pull', '${user}'),
    ],
    cases: [
      [user('carol', 'x/y'), 'a/x/y:pull', ''],
      [user('carol', 'x/y'), 'x/y/z:pull', ''],
      [user('x/y'), 'x/y:pull', ''],
      [user('carol', 'x/**'), 'x/z/z:pull', ''],
    ],
  },
  'may: * on a repository is pull, push and delete': {
    rules: [may('anyone', '*', 'a')],
    cases: [
      [alice, 'a:pull,push,delete', all],
      [alice, 'a:*', all],
      [alice, 'a:fly', ''],
    ],
  },
  'push includes pull': {
    rules: [may('anyone', 'push', 'a')],
    cases: [
      [alice, 'a:pull', 'pull'],
      [alice, 'a:pull,push', 'pull,push'],
      [alice, 'a:delete', ''],
    ],
  },
  'neither pull nor delete includes anything': {
    rules: [may('anyone', 'pull', 'a'), may('anyone', 'delete', 'b')],
    cases: [
      [alice, 'a:*', 'pull'],
      [alice, 'b:*', 'delete'],
    ],
  },
  'who may not pull may not push': {
    rules: [everything, mayNot('anyone', 'pull', 'a')],
    cases: [
      [alice, 'a:push', ''],
      [alice, 'a:*', 'delete'],
    ],
  },
  'a deny of push takes only push': {
    rules: [everything, mayNot('anyone', 'push', 'a')],
    cases: [[alice, 'a:*', 'delete,pull']],
  },
  'a deny of push leaves the pull that came with it': {
    rules: [may('anyone', 'push', 'a'), mayNot('anyone', 'push', 'a')],
    cases: [[alice, 'a:*', 'pull']],
  },
  'a deny of delete takes only delete': {
    rules: [everything, mayNot('anyone', 'delete', 'a')],
    cases: [[alice, 'a:*', 'pull,push']],
  },
  'may_not: * takes all': {
    rules: [everything, mayNot('user:alice', '*', 'a')],
    cases: [
      [alice, 'a:*', ''],
      [bob, 'a:*', all],
    ],
  },
  '* asked is all that the asker may': {
    rules: [may('user:alice', 'pull', 'a')],
    cases: [
      [alice, 'a:*', 'pull'],
      [alice, 'a:delete,*', 'pull'],
      [bob, 'a:*', ''],
    ],
  },
  'the catalog is a resource of its own': {
    rules: [everything, may('group:ops', '*', 'registry:catalog')],
    cases: [
      [bob, 'registry:catalog:*', '*'],
      [alice, 'registry:catalog:*', ''],
      [bob, 'registry:catalog:pull', ''],
      [bob, 'registry:other:*', ''],
      [bob, 'catalog:*', all],
    ],
  },
  'the catalog can be denied': {
    rules: [may('anyone', '*', 'registry:catalog'), mayNot('user:bob', '*', 'registry:catalog')],
    cases: [
      [bob, 'registry:catalog:*', ''],
      [alice, 'registry:catalog:*', '*'],
    ],
  },
  'patterns are anchored at both ends': {
    rules: [may('anyone', 'pull', 'test b/test')],
    cases: [
      [alice, 'test:pull', 'pull'],
      [alice, 'tests:pull', ''],
      [alice, 'atest:pull', ''],
      [alice, 'a/test:pull', ''],
      [alice, 'test/a:pull', ''],
      [alice, 'b/test/b:pull', ''],
      [alice, 'b/b/test:pull', ''],
    ],
  },
  '* stays within one segment': {
    rules: [may('anyone', 'pull', 'a/* x*/y')],
    cases: [
      [alice, 'a/b:pull', 'pull'],
      [alice, 'a/b/c:pull', ''],
      [alice, 'a:pull', ''],
      [alice, 'x/y:pull', 'pull'],
      [alice, 'xx/y:pull', 'pull'],
      [alice, 'x/x/y:pull', ''],
    ],
  },
  '** is one or more segments': {
    rules: [may('anyone', 'pull', 'a/** **/z b/**/c')],
    cases: [
      [alice, 'a/b:pull', 'pull'],
      [alice, 'a/b/c/d:pull', 'pull'],
      [alice, 'a:pull', ''],
      [alice, 'ab/c:pull', ''],
      [alice, 'y/z:pull', 'pull'],
      [alice, 'z:pull', ''],
      [alice, 'b/x/c:pull', 'pull'],
      [alice, 'b/x/c/c:pull', 'pull'],
      [alice, 'b/c:pull', ''],
    ],
  },
  '? is one character other than /': {
    rules: [may('anyone', 'pull', 'a?c b?')],
    cases: [
      [alice, 'abc:pull', 'pull'],
      [alice, 'a-c:pull', 'pull'],
      [alice, 'a/c:pull', ''],
      [alice, 'ac:pull', ''],
      [alice, 'abbc:pull', ''],
      [alice, 'b:pull', ''],
      [alice, 'b1:pull', 'pull'],
    ],
  },
  '{a,b} are alternatives within a segment': {
    rules: [may('anyone', 'pull', '{api,web}/x-{1,2} y{,-dev}')],
    cases: [
      [alice, 'api/x-1:pull', 'pull'],
      [alice, 'web/x-2:pull', 'pull'],
      [alice, 'web/x-3:pull', ''],
      [alice, 'apiweb/x-1:pull', ''],
      [alice, 'y:pull', 'pull'],
      [alice, 'y-dev:pull', 'pull'],
    ],
  },
  'there are no regexes': {
    rules: [may('anyone', 'pull', 'a.c')],
    cases: [
      [alice, 'a.c:pull', 'pull'],
      [alice, 'abc:pull', ''],
    ],
  },
  'what is no name of a repository is not granted': {
    rules: [everything],
    cases: [
      'A',
      'a/B',
      'host.EXAMPLE:5000/a',
      '..',
      'a/../b',
      '../a',
      'a//b',
      '/a',
      'a/',
      '',
      'a%2fb',
      'a b',
      'é',
      'a\n',
      'a\0',
      'a..b',
      '-a',
      'a-',
      'a___b',
      `a${'/a'.repeat(127)}a`,
    ].map((name) => [alice, `${name}:pull`, ''] as const),
  },
  'what is one is': {
    rules: [everything],
    cases: [
      'a',
      'a/b',
      'a.b',
      'a_b',
      'a__b',
      'a---b',
      '0',
      'host.example:5000/a',
      `${'a/'.repeat(127)}a`,
    ].map((name) => [alice, `${name}:pull`, 'pull'] as const),
  },
  'other types are not granted': {
    rules: [everything],
    cases: [
      [alice, 'chart:a:pull', ''],
      [alice, 'registry:a:*', ''],
      [alice, 'user:alice:pull', ''],
    ],
  },
}

const moments = (from: string, until: string, ...times: readonly (readonly [string, boolean])[]) =>
  times.map(([time, speaks]) => ({ when: { from, until }, at: { time: new Date(time) }, speaks }))
const networks = (network: string, within: string, outside: string) => [
  ...within
    .split(' ')
    .map((address) => ({ when: { network: network.split(' ') }, at: { address }, speaks: true })),
  ...outside
    .split(' ')
    .map((address) => ({ when: { network: network.split(' ') }, at: { address }, speaks: false })),
]
interface Moment {
  readonly when: PolicyConditions
  readonly at: Partial<Circumstances>
  readonly speaks: boolean
}
const conditions: Readonly<Record<string, readonly Moment[]>> = {
  'from is the first moment, until the first moment no more': moments(
    '2026-01-01',
    '2027-01-01',
    ['2025-12-31T23:59:59.999Z', false],
    ['2026-01-01T00:00:00.000Z', true],
    ['2026-12-31T23:59:59.999Z', true],
    ['2027-01-01T00:00:00.000Z', false],
  ),
  'a moment may name its zone': moments(
    '2026-03-01T00:30:00+01:00',
    '2026-03-01T00:30:00.001+01:00',
    ['2026-02-28T23:29:59.999Z', false],
    ['2026-02-28T23:30:00.000Z', true],
    ['2026-02-28T23:30:00.001Z', false],
  ),
  'a network is a range': networks(
    '10.20.0.0/16',
    '10.20.0.0 10.20.255.255 ::ffff:10.20.1.1 ::FFFF:a14:101',
    '10.19.255.255 10.21.0.0 ::10.20.1.1 2001:db8::1 ::1',
  ),
  'a network may be one address': networks(
    '192.0.2.7',
    '192.0.2.7 ::ffff:192.0.2.7',
    '192.0.2.6 192.0.2.8 192.0.2.70',
  ),
  'a network may be IPv6': networks(
    '2001:db8::/32',
    '2001:db8:: 2001:DB8:FFFF::1 2001:0db8:0:0:0:0:0:1',
    '2001:db7:ffff::1 2001:db9:: 10.20.0.1 ::ffff:10.20.0.1',
  ),
  'a network may be cut within a byte': networks(
    '203.0.113.128/25',
    '203.0.113.128 203.0.113.255',
    '203.0.113.127 203.0.114.0',
  ),
  'everywhere of IPv4 is a network': networks(
    '0.0.0.0/0',
    '0.0.0.0 255.255.255.255 ::ffff:1.2.3.4',
    '::1 2001:db8::1',
  ),
  'everywhere of IPv6 is another': networks(
    '::/0',
    '::1 2001:db8::1 ::10.20.0.1',
    '10.20.0.1 ::ffff:10.20.0.1 ::ffff:a14:1 0:0:0:0:0:FFFF:10.20.0.1',
  ),
  'networks are alternatives': networks('10.0.0.0/8 ::1', '10.1.2.3 ::1', '11.0.0.0 ::2'),
  'an address that is none is in no network': networks(
    '0.0.0.0/0 ::/0',
    '1.2.3.4',
    'unknown 1.2.3 localhost 1.2.3.4.5',
  ),
  'services are alternatives, letter by letter': [
    { when: { service: ['registry', 'mirror'] }, at: { service: 'mirror' }, speaks: true },
    { when: { service: ['registry', 'mirror'] }, at: { service: 'registry' }, speaks: true },
    { when: { service: ['registry', 'mirror'] }, at: { service: 'Registry' }, speaks: false },
    { when: { service: ['registry'] }, at: { service: 'registry.example.com' }, speaks: false },
  ],
  'all conditions must hold': [
    [{}, true] as const,
    [{ service: 'mirror' }, false] as const,
    [{ address: '10.21.0.1' }, false] as const,
    [{ time: new Date('2027-01-01') }, false] as const,
    [{ time: new Date('2025-12-31') }, false] as const,
  ].map(([at, speaks]) => ({
    when: {
      network: ['10.20.0.0/16'],
      service: ['registry'],
      from: '2026-01-01',
      until: '2027-01-01',
    },
    at: { address: '10.20.0.1', ...at },
    speaks,
  })),
}

const here: Circumstances = {
  service: 'registry',
  address: '192.0.2.1',
  time: new Date('2026-06-01T12:00:00Z'),
}

/** `a:pull` and `registry:catalog:*` as what is asked. */
function read(asked: string) {
  const [, type = 'repository', name = '', actions = ''] =
    /^(?:(registry|chart|user):)?([\s\S]*):([^:]*)$/.exec(asked) ?? []
  return { resource: { type, name }, actions: actions === '' ? [] : actions.split(',') }
}

function expectAnswer(
  lines: readonly Line[],
  groups: Clause['groups'],
  at: Clause['at'],
  [asker, asked, expected]: Case,
) {
  const rules = lines.map((line, index) => ({ name: `rule ${index}`, ...line }))
  const policy = { rules, groups: groups ?? {} }
  const { resource, actions } = read(asked)
  const question = { asker, resource, circumstances: { ...here, ...at } }
  const why = `${asker?.kind ?? ''} ${asker?.name ?? 'anonymous'} asks ${asked} ${JSON.stringify(at ?? {})}`
  expect(granted(compiled(policy), question, actions).join(), `engine: ${why}`).toBe(expected)
  expect(allowedActions(policy, question, actions).join(), `oracle: ${why}`).toBe(expected)
}

describe('B28: rules', () => {
  test.each(Object.entries(clauses))('%s', (_sentence, { rules, groups, at, cases }) => {
    for (const each of cases) expectAnswer(rules, groups, at, each)
  })
})

describe('B28: conditions', () => {
  test.each(Object.entries(conditions))('%s', (_sentence, moments) => {
    for (const { when, at, speaks } of moments) {
      const gives = { ...may('anyone', 'pull', 'a'), when }
      const takes = { ...mayNot('anyone', 'pull', 'b'), when }
      const rules = [gives, may('anyone', 'pull', 'b'), takes]
      expectAnswer(rules, {}, at, [alice, 'a:pull', speaks ? 'pull' : ''])
      expectAnswer(rules, {}, at, [alice, 'b:pull', speaks ? '' : 'pull'])
    }
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of a rule
/**
 * Random policies over a small world of names, dense enough that rules meet, overlap and contradict;
 * and questions that lie close to what they say, since a name drawn at random would nearly always be refused.
 */

import { fc } from '../support/fast-check.ts'
import type {
  Asker,
  Circumstances,
  Policy,
  PolicyConditions,
  PolicyRule,
  Resource,
} from './oracle.ts'

/** People who can log in. */
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
const robots = ['ci', 'deploy', 'alice']
/** One ends as another does, so that a wildcard before a group can mean both. */
const groupNames = ['dev', 'ops', 'dev-ops', 'empty']

/** Names that mean something else where they are not taken literally. */
export const hostileNames = [
  '*',
  '**',
  '?',
  '??',
  '{a,b}',
  '{*,**}',
  'a/b',
  'a/**',
  '/',
  '.',
  '..',
  '../a',
  '.*',
  'a|b',
  '[a-z]',
  '\\*',
  '$&',
  '$1',
  '${user}',
  '${group}',
  '${robot}',
  '__proto__',
  'constructor',
  'group:*',
  'anyone',
  'A',
  'é',
  'e\u0301',
  '\u{1f433}',
  '\n',
  '\u0000',
  '\ud800',
]

const words = ['a', 'b', 'ab', 'abc', 'app', 'app-1', 'web', 'dev', 'ops', 'alice', 'ci', 'x']
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
  '*-{1,2}',
  'a*b*',
]
const variableParts = [
  '${user}',
  '${user}-*',
  'x-${user}',
  '${group}',
  '${group}-?',
  '${group}-1',
  'x-${group}-a',
  '${group}${group}',
  '*${group}',
  '${robot}',
  '${robot}-{a,b}',
]

const segment = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...words) },
  { weight: 6, arbitrary: fc.constantFrom(...globs) },
  { weight: 3, arbitrary: fc.constant('**') },
  { weight: 9, arbitrary: fc.constantFrom(...variableParts) },
)
const pattern = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('**', '*', '*/**', '**/**', '**/a', '**/x/**', 'host:5000/**'),
  },
)
const principal = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('anonymous', 'authenticated', 'authenticated', 'anyone', 'anyone'),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('group:*', ...groupNames.map((name) => `group:${name}`)),
  },
  { weight: 1, arbitrary: fc.constantFrom(...users.slice(0, 7).map((name) => `user:${name}`)) },
  { weight: 1, arbitrary: fc.constantFrom(...robots.map((name) => `robot:${name}`)) },
)
const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number) =>
  fc.uniqueArray(arbitrary, { minLength: 1, maxLength })

export const services = ['registry', 'mirror']
const networks = [
  '10.20.0.0/16',
  '10.20.30.0/24',
  '10.0.0.0/9',
  '192.0.2.7',
  '203.0.113.128/25',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '2001:db8:1::/48',
  'fe80::/10',
  '::1',
]
/** At both sides of the edges of these networks, and in all the ways in which an address can be written. */
export const addresses = [
  ...['10.20.0.0', '10.20.255.255', '10.19.255.255', '10.21.0.0', '10.20.30.255', '10.20.31.0'],
  ...['10.127.255.255', '10.128.0.0', '192.0.2.6', '192.0.2.7', '192.0.2.8', '0.0.0.0'],
  ...['203.0.113.127', '203.0.113.128', '203.0.113.255', '203.0.114.0', '255.255.255.255'],
  ...['::ffff:10.20.0.1', '::ffff:10.21.0.0', '::ffff:192.0.2.7', '::FFFF:a14:1', '::10.20.0.1'],
  ...['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::', '2001:DB8:1::5'],
  ...['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8:2::', '::1', '::', 'fe80::1'],
  ...['febf:ffff::', 'fec0::', '0:0:0:0:0:0:0:1', '2001:0db8:0001:0000:0000:0000:0000:0001'],
]
/** None of them comes to pass between two looks at the clock. */
const moments = [
  '2001-02-03',
  '2020-02-29',
  '2020-02-29T12:00:00Z',
  '2020-02-29T12:00:00.001Z',
  '2020-03-01T00:30:00+01:00',
  '2095-01-01',
  '2095-12-31T23:59:59.999Z',
  '2099-01-01',
]

const period: fc.Arbitrary<PolicyConditions> = fc
  .uniqueArray(fc.constantFrom(...moments), { minLength: 1, maxLength: 2 })
  .chain((drawn): fc.Arbitrary<PolicyConditions> => {
    const [from = '', until] = drawn.toSorted((a, b) => Date.parse(a) - Date.parse(b))
    if (until !== undefined) return fc.constant({ from, until })
    return fc.constantFrom<PolicyConditions[]>({ from }, { until: from })
  })
const conditions: fc.Arbitrary<PolicyConditions> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ network: some(fc.constantFrom(...networks), 3) }) },
  { weight: 3, arbitrary: period },
  { weight: 1, arbitrary: fc.record({ service: some(fc.constantFrom(...services), 2) }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(period, some(fc.constantFrom(...networks), 3), some(fc.constantFrom(...services), 1))
      .map(([times, network, service]) => ({ ...times, network, service })),
  },
)

interface Draft {
  readonly denies: boolean
  readonly who: readonly string[]
  readonly when: PolicyConditions | undefined
  readonly actions: readonly string[]
  readonly on: readonly string[]
}

const head = {
  denies: fc.integer({ min: 0, max: 3 }).map((die) => die === 0),
  who: some(principal, 3),
  when: fc.option(conditions, { freq: 2, nil: undefined }),
}
const repositoryRule: fc.Arbitrary<Draft> = fc.record({
  ...head,
  actions: fc.oneof(
    some(fc.constantFrom('pull', 'push', 'delete'), 3),
    fc.constantFrom(['*'], ['pull']),
  ),
  on: some(pattern, 3),
})
const catalogRule: fc.Arbitrary<Draft> = fc.record({
  ...head,
  actions: fc.constant(['*']),
  on: fc.constant(['registry:catalog']),
})

const ruleOf = ({ denies, who, actions, on, when }: Draft): Omit<PolicyRule, 'name'> => ({
  who,
  ...(denies ? { may_not: actions } : { may: actions }),
  on: [...new Set(on.map((text) => withVariablesOf(who, text)))],
  ...(when === undefined ? {} : { when }),
})

/** A variable that nobody in `who` can give a value is a fault of the configuration. */
function withVariablesOf(who: readonly string[], text: string): string {
  const names = (...starts: readonly string[]) =>
    who.some((word) => starts.some((start) => word.startsWith(start)))
  const without = (variable: string, otherwise: string) => (given: string) =>
    given.replaceAll(`\${${variable}}`, otherwise)
  const missing = [
    ...(names('group:') ? [] : [without('group', '${user}')]),
    ...(names('user:', 'group:', 'authenticated', 'anyone') ? [] : [without('user', 'alice')]),
    ...(names('robot:', 'authenticated', 'anyone') ? [] : [without('robot', 'ci')]),
  ]
  return missing.reduce((given, replace) => replace(given), text)
}

const onlyAllows = (rule: fc.Arbitrary<Draft>, denies: boolean) =>
  rule.map((draft) => ruleOf({ ...draft, denies }))
/** One rule that gives, and one that takes; without a name. */
export const allow = onlyAllows(repositoryRule, false)
export const deny = onlyAllows(repositoryRule, true)

export const rulesArbitrary: fc.Arbitrary<readonly PolicyRule[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: repositoryRule.map(ruleOf) },
      { weight: 1, arbitrary: catalogRule.map(ruleOf) },
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((rules) => rules.map((rule, index) => ({ name: `rule ${index}`, ...rule })))

export const groupsArbitrary = fc.record({
  dev: fc.subarray(users),
  ops: fc.subarray(users),
  'dev-ops': fc.subarray(users),
  empty: fc.constant<string[]>([]),
})

export const policyArbitrary: fc.Arbitrary<Policy> = fc.record({
  groups: groupsArbitrary,
  rules: rulesArbitrary,
})

const backendGroups = fc
  .uniqueArray(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('dev', 'ops', 'dev-ops', 'web', 'a', 'Dev') },
      { weight: 1, arbitrary: fc.constantFrom(...hostileNames) },
    ),
    { maxLength: 3 },
  )
  .map((names) => names.map((name) => ({ name })))

/** Users and robots as a backend may give them, now and then with names that no backend should. */
export const askerArbitrary: fc.Arbitrary<Asker | null> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('user' as const),
      name: fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...users.slice(0, 4)) },
        { weight: 2, arbitrary: fc.constantFrom(...users) },
        { weight: 1, arbitrary: fc.constantFrom(...hostileNames) },
      ),
      groups: backendGroups,
      doubtfulGroups: backendGroups,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('robot' as const),
      name: fc.constantFrom(...robots, ...robots, '*', 'a/b'),
      groups: backendGroups,
    }),
  },
)

/** Where and when somebody may ask: at the edges of what the policy's conditions name. */
export function circumstancesNear(policy: Policy): fc.Arbitrary<Circumstances> {
  const named = policy.rules.flatMap(({ when = {} }) => [when.from ?? [], when.until ?? []].flat())
  const edges = (named.length === 0 ? ['2026-06-01'] : named).map((text) => Date.parse(text))
  return fc.record({
    service: fc.constantFrom(...services),
    address: fc.constantFrom(...addresses),
    time: fc
      .tuple(fc.constantFrom(...edges), fc.constantFrom(-1, 0, 1))
      .map(([edge, step]) => new Date(edge + step)),
  })
}

const fillers = ['', 'a', 'b', 'x', '1', 'app', 'web-2']
const paths = ['a', 'x/b', 'app-1', 'a/b/c', 'dev/x']

/**
 * Names that a pattern of the policy covers for this asker, or would but for one letter, one segment
 * or one value; and the catalog.
 */
export function resourceNear(policy: Policy, asker: Asker | null): fc.Arbitrary<Resource> {
  const groups = [
    ...(asker?.groups.map(({ name }) => name) ?? []),
    ...Object.keys(policy.groups).filter((group) =>
      policy.groups[group]?.includes(asker?.name ?? ''),
    ),
  ]
  const theirWords = [
    'anyone',
    ...(asker === null ? ['anonymous'] : ['authenticated', `${asker.kind}:${asker.name}`]),
    ...groups.flatMap((group) => ['group:*', `group:${group}`]),
  ]
  const theirs = policy.rules.filter(({ who }) => who.some((word) => theirWords.includes(word)))
  const patterns = [...policy.rules, ...theirs, ...theirs, ...theirs]
    .flatMap(({ on }) => on)
    .filter((text) => !text.includes('registry'))
  const own = { user: [asker?.name ?? 'bob'], robot: [asker?.name ?? 'ci'], group: groups }
  const name = fc.gen().map((draw) => {
    const pick = <T>(values: readonly T[]) => draw(fc.constantFrom<T[]>, ...values) as T
    const oneValueOf = (variable: keyof typeof own) =>
      pick([...own[variable], ...own[variable], ...own[variable], 'alice', 'dev'])
    const text = pick([...patterns, 'a/**'])
      .replaceAll('${user}', () => oneValueOf('user'))
      .replaceAll('${robot}', () => oneValueOf('robot'))
      .replaceAll('${group}', () => oneValueOf('group'))
      .replace(/\{([^}]*)\}/g, (_braces, words: string) => pick(words.split(',')))
      .replaceAll('**', () => pick(paths))
      .replaceAll('*', () => pick(fillers))
      .replaceAll('?', () => pick(['a', 'c', '1']))
    return pick([true, true, true, false]) ? text : mutated(text, pick)
  })
  return fc.oneof(
    { weight: 30, arbitrary: name.map((each) => ({ type: 'repository', name: each })) },
    { weight: 1, arbitrary: fc.constant({ type: 'registry', name: 'catalog' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('registry', 'chart').map((type) => ({ type, name: 'a' })),
    },
  )
}

/** Another name, by one step. */
function mutated(name: string, pick: <T>(values: readonly T[]) => T): string {
  const at = pick([...name].map((_letter, index) => index).concat(0))
  const [before, letter, after] = [name.slice(0, at), name.slice(at, at + 1), name.slice(at + 1)]
  return pick([
    `${before}${letter.toUpperCase()}${after}`,
    `${before}${after}`,
    `${before}${letter}a${after}`,
    `${before}/${letter}${after}`,
    `${name}/a`,
    `a/${name}`,
    `${name}b`,
    `b${name}`,
    name.split('/').slice(1).join('/'),
    name.split('/').slice(0, -1).join('/'),
    name.split('/').reverse().join('/'),
    name.replace('/', '-'),
    name.replace('/', '//'),
  ])
}

/** What a client may ask of a resource. */
export const askedArbitrary: fc.Arbitrary<readonly string[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(['pull', 'push', 'delete']) },
  { weight: 4, arbitrary: fc.shuffledSubarray(['pull', 'push', 'delete'], { minLength: 1 }) },
  { weight: 3, arbitrary: fc.constant(['*']) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(['fly', 'pull'], ['fly'], ['delete', '*'], [], ['pulls']),
  },
)

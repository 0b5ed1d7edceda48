/**
 * What a policy gives, worked out a second time from its description alone: slow, obvious, and
 * without a line of the program's own code, so that the two can only agree by both being right.
 */

import { isIP } from 'node:net'

/** A rule as dockwarden.yml spells it. */
export interface PolicyRule {
  readonly name: string
  readonly who: readonly string[]
  readonly may?: readonly string[]
  readonly may_not?: readonly string[]
  readonly on: readonly string[]
  readonly when?: PolicyConditions
}

export interface PolicyConditions {
  readonly network?: readonly string[]
  /** A date, or a moment with its zone. */
  readonly from?: string
  readonly until?: string
  readonly service?: readonly string[]
}

export interface Policy {
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly rules: readonly PolicyRule[]
}

export interface Asker {
  readonly name: string
  readonly kind: 'user' | 'robot'
  /** As the backend gives them; the policy's own come on top. */
  readonly groups: readonly { readonly name: string }[]
  readonly doubtfulGroups?: readonly { readonly name: string }[]
}

export interface Circumstances {
  readonly service: string
  readonly address: string
  readonly time: Date
}

export interface Resource {
  readonly type: string
  readonly name: string
}

export interface Question {
  /** null: anonymous */
  readonly asker: Asker | null
  readonly resource: Resource
  readonly circumstances: Circumstances
}

const everyAction = ['pull', 'push', 'delete']

/**
 * The actions out of `asked` that the rules give, sorted. A `*` on a repository is written out as the
 * three actions that it stands for, so that two ways of saying the same compare equal.
 */
export function allowedActions(
  policy: Policy,
  question: Question,
  asked: readonly string[],
): readonly string[] {
  const { type, name } = question.resource
  if (type === 'registry') {
    const lists = name === 'catalog' && held(policy, question, ['*']).has('*')
    return lists && asked.includes('*') ? ['*'] : []
  }
  if (type !== 'repository' || !isRepository(name)) return []
  const all = held(policy, question, everyAction)
  const wanted = asked.includes('*') ? everyAction : asked
  return everyAction.filter((action) => all.has(action) && wanted.includes(action)).sort()
}

/** A token's actions in the form that {@link allowedActions} gives. */
export function writtenOut(type: string, actions: readonly string[]): readonly string[] {
  const plain = type === 'repository' && actions.includes('*') ? everyAction : actions
  return [...new Set(plain)].sort()
}

/** Whether anonymous may do anything anywhere: only then does a request without scopes get a token. */
export function anonymousMayAnything(policy: Policy, circumstances: Circumstances): boolean {
  return policy.rules.some(
    (rule) =>
      rule.may !== undefined &&
      rule.who.some((word) => word === 'anonymous' || word === 'anyone') &&
      rule.on.some((pattern) => !pattern.includes('$')) &&
      holds(rule, circumstances),
  )
}

function held(policy: Policy, question: Question, universe: readonly string[]): Set<string> {
  const given = new Set<string>()
  const taken = new Set<string>()
  for (const rule of policy.rules) {
    if (!holds(rule, question.circumstances)) continue
    for (const action of universe) {
      if (names(rule.may, action) && speaksOf(rule, policy, question, 'may')) given.add(action)
      if (names(rule.may_not, action) && speaksOf(rule, policy, question, 'may_not')) {
        taken.add(action)
      }
    }
  }
  if (given.has('push')) given.add('pull')
  if (taken.has('pull')) taken.add('push')
  return new Set([...given].filter((action) => !taken.has(action)))
}

function names(actions: readonly string[] | undefined, action: string): boolean {
  return actions !== undefined && (actions.includes(action) || actions.includes('*'))
}

// Who.

/** Whether the rule is about this asker and this resource; a doubtful group counts for a deny alone. */
function speaksOf(
  rule: PolicyRule,
  policy: Policy,
  { asker, resource }: Question,
  half: 'may' | 'may_not',
): boolean {
  const groups = groupsOf(asker, policy, half)
  if (!rule.who.some((word) => fits(word, asker, groups))) return false
  const isNamed = (group: string) =>
    rule.who.includes('group:*') || rule.who.includes(`group:${group}`)
  const values: Values = {
    user: asker?.kind === 'user' ? [asker.name] : [],
    robot: asker?.kind === 'robot' ? [asker.name] : [],
    group: groups.filter(isNamed),
  }
  return rule.on.some((pattern) => covers(pattern, values, resource))
}

function groupsOf(asker: Asker | null, policy: Policy, half: 'may' | 'may_not'): string[] {
  if (asker === null) return []
  const given = asker.groups.map(({ name }) => name)
  const doubtful = asker.doubtfulGroups?.map(({ name }) => name) ?? []
  const own = Object.keys(policy.groups).filter(
    (group) => asker.kind === 'user' && policy.groups[group]?.includes(asker.name),
  )
  return [...given, ...own, ...(half === 'may_not' ? doubtful : [])]
}

function fits(word: string, asker: Asker | null, groups: readonly string[]): boolean {
  if (word === 'anyone') return true
  if (word === 'anonymous') return asker === null
  if (asker === null) return false
  if (word === 'authenticated') return true
  if (word === 'group:*') return groups.length > 0
  if (word.startsWith('group:')) return groups.includes(word.slice('group:'.length))
  return word === `${asker.kind}:${asker.name}`
}

// When.

function holds({ when = {} }: PolicyRule, { service, address, time }: Circumstances): boolean {
  if (when.service !== undefined && !when.service.includes(service)) return false
  if (when.from !== undefined && time.getTime() < Date.parse(when.from)) return false
  if (when.until !== undefined && time.getTime() >= Date.parse(when.until)) return false
  return when.network === undefined || when.network.some((range) => isWithin(range, address))
}

function isWithin(range: string, address: string): boolean {
  const [base = '', length] = range.split('/')
  const network = bits(base)
  const ignored = length === undefined ? 0 : fullLength(base) - Number(length)
  return isIP(address) !== 0 && bits(address).startsWith(network.slice(0, network.length - ignored))
}

const fullLength = (address: string) => (address.includes(':') ? 128 : 32)

/** The family and the binary digits of an address; one mapped into IPv6 is the IPv4 address that it maps. */
function bits(address: string): string {
  if (!address.includes(':')) return `4:${address.split('.').map(binary(8)).join('')}`
  const plain = address.replace(/\d+\.\d+\.\d+\.\d+$/, (quad) => {
    const [a = 0, b = 0, c = 0, d = 0] = quad.split('.').map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  const [left = [], right = []] = plain
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':')))
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const all = [...left, ...zeros, ...right]
    .map((group) => `0x${group}`)
    .map(binary(16))
    .join('')
  const mapped = '0'.repeat(80) + '1'.repeat(16)
  return all.startsWith(mapped) ? `4:${all.slice(mapped.length)}` : `6:${all}`
}

const binary = (width: number) => (number: string) =>
  Number(number).toString(2).padStart(width, '0')

// On.

/** What each variable stands for; a variable without a value makes its pattern cover nothing. */
type Values = Readonly<Record<string, readonly string[]>>

/** One letter of a pattern. What a variable stands for is `literal`, whatever it looks like. */
interface Sign {
  readonly text: string
  readonly literal: boolean
}

function covers(pattern: string, values: Values, { type, name }: Resource): boolean {
  if (type === 'registry') return pattern === 'registry:catalog'
  if (pattern === 'registry:catalog') return false
  return alternatives(pattern).some((glob) =>
    readings(glob, values).some((signs) => matchesPath(segments(signs), name.split('/'))),
  )
}

/** `a/{b,c}` → `a/b`, `a/c`; the braces of a variable are none. */
function alternatives(pattern: string): readonly string[] {
  const braces = /^(.*?)(?<!\$)\{((?:\$\{\w+\}|[^}])*)\}(.*)$/.exec(pattern)
  if (braces === null) return [pattern]
  const [, before = '', words = '', after = ''] = braces
  return words.split(',').flatMap((word) => alternatives(before + word + after))
}

/** The pattern with each variable replaced, once for each way to do so. */
function readings(glob: string, values: Values): readonly (readonly Sign[])[] {
  let all: Record<string, string>[] = [{}]
  for (const [, variable = ''] of glob.matchAll(/\$\{(\w+)\}/g)) {
    // The same variable twice in a pattern is the same value twice.
    all = all.flatMap((chosen) =>
      chosen[variable] === undefined
        ? (values[variable] ?? []).map((value) => ({ ...chosen, [variable]: value }))
        : [chosen],
    )
  }
  // A value is part of one segment: not more, and not nothing.
  const usable = all.filter((chosen) =>
    Object.values(chosen).every((value) => value !== '' && !value.includes('/')),
  )
  return usable.map((chosen) =>
    glob.split(/(\$\{\w+\})/).flatMap((part) => {
      const variable = /^\$\{(\w+)\}$/.exec(part)?.[1]
      const text = variable === undefined ? part : (chosen[variable] ?? '')
      return text.split('').map((letter) => ({ text: letter, literal: variable !== undefined }))
    }),
  )
}

function segments(signs: readonly Sign[]): readonly (readonly Sign[])[] {
  const slash = signs.findIndex((sign) => sign.text === '/')
  return slash === -1 ? [signs] : [signs.slice(0, slash), ...segments(signs.slice(slash + 1))]
}

const is = (sign: Sign | undefined, wildcard: string) =>
  sign !== undefined && !sign.literal && sign.text === wildcard

function matchesPath(glob: readonly (readonly Sign[])[], path: readonly string[]): boolean {
  const [first, ...globRest] = glob
  const [segment, ...pathRest] = path
  if (first === undefined) return segment === undefined
  if (segment === undefined) return false
  if (first.length === 2 && first.every((sign) => is(sign, '*'))) {
    return matchesPath(globRest, pathRest) || matchesPath(glob, pathRest)
  }
  return matchesSegment(first, segment) && matchesPath(globRest, pathRest)
}

function matchesSegment(glob: readonly Sign[], text: string): boolean {
  const [first, ...rest] = glob
  if (first === undefined) return text === ''
  if (is(first, '*')) {
    return matchesSegment(rest, text) || (text !== '' && matchesSegment(glob, text.slice(1)))
  }
  return (
    text !== '' && (is(first, '?') || first.text === text[0]) && matchesSegment(rest, text.slice(1))
  )
}

/** distribution's reference grammar, lower case only and at most 255 long, with an optional host in front. */
export function isRepository(name: string): boolean {
  const [head = '', ...tail] = name.split('/')
  const component = /^[a-z0-9]+(([_.]|__|-+)[a-z0-9]+)*$/
  const host = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]+)?$/
  const headFits = component.test(head) || (tail.length > 0 && host.test(head))
  return name.length <= 255 && headFits && tail.every((part) => component.test(part))
}

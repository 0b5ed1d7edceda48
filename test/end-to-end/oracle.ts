/**
 * What a policy gives, worked out a second time from its description alone: slow, obvious, and
 * without a line of the program's own code, so that the two can only agree by both being right.
 */

export interface PolicyRule {
  readonly name: string
  readonly who: readonly string[]
  readonly may?: readonly string[]
  readonly may_not?: readonly string[]
  readonly on: readonly string[]
}

export interface Policy {
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly rules: readonly PolicyRule[]
}

export interface Resource {
  readonly type: string
  readonly name: string
}

const everyAction = ['pull', 'push', 'delete']

/**
 * The actions out of `asked` that the rules give, sorted. A `*` on a repository is written out as the
 * three actions that it stands for, so that two ways of saying the same compare equal.
 *
 * @param user the name of who signed in, or null for anonymous
 */
export function allowedActions(
  policy: Policy,
  user: string | null,
  resource: Resource,
  asked: readonly string[],
): readonly string[] {
  if (resource.type === 'registry') {
    const lists = resource.name === 'catalog' && held(policy, user, resource, ['*']).has('*')
    return lists && asked.includes('*') ? ['*'] : []
  }
  if (resource.type !== 'repository' || !isRepository(resource.name)) return []
  const all = held(policy, user, resource, everyAction)
  const wanted = asked.includes('*') ? everyAction : asked
  return everyAction.filter((action) => all.has(action) && wanted.includes(action)).sort()
}

/** A token's actions in the form that {@link allowedActions} gives. */
export function writtenOut(type: string, actions: readonly string[]): readonly string[] {
  const plain = type === 'repository' && actions.includes('*') ? everyAction : actions
  return [...new Set(plain)].sort()
}

/** Whether anonymous may do anything anywhere: only then does a request without scopes get a token. */
export function anonymousMayAnything(policy: Policy): boolean {
  return policy.rules.some((rule) => rule.may && concerns(rule, policy, null))
}

function held(
  policy: Policy,
  user: string | null,
  resource: Resource,
  universe: readonly string[],
): Set<string> {
  const given = new Set<string>()
  const taken = new Set<string>()
  for (const rule of policy.rules) {
    if (!concerns(rule, policy, user) || !covers(rule, resource)) continue
    for (const action of universe) {
      if (rule.may?.includes(action) || rule.may?.includes('*')) given.add(action)
      if (rule.may_not?.includes(action) || rule.may_not?.includes('*')) taken.add(action)
    }
  }
  if (given.has('push')) given.add('pull')
  if (taken.has('pull')) taken.add('push')
  return new Set([...given].filter((action) => !taken.has(action)))
}

function concerns(rule: PolicyRule, policy: Policy, user: string | null): boolean {
  return rule.who.some((principal) => {
    if (principal === 'anyone') return true
    if (principal === 'anonymous') return user === null
    if (user === null) return false
    if (principal === 'authenticated') return true
    if (principal.startsWith('user:')) return principal.slice(5) === user
    return (policy.groups[principal.slice(6)] ?? []).includes(user)
  })
}

function covers(rule: PolicyRule, { type, name }: Resource): boolean {
  return rule.on.some((pattern) => {
    if (type === 'registry') return pattern === 'registry:catalog'
    if (pattern === 'registry:catalog') return false
    return alternatives(pattern).some((glob) => matchesPath(glob.split('/'), name.split('/')))
  })
}

/** `a/{b,c}` → `a/b`, `a/c`. */
function alternatives(pattern: string): readonly string[] {
  const group = /^([^{]*)\{([^}]*)\}(.*)$/.exec(pattern)
  if (group === null) return [pattern]
  const [, before = '', words = '', after = ''] = group
  return words.split(',').flatMap((word) => alternatives(before + word + after))
}

function matchesPath(glob: readonly string[], path: readonly string[]): boolean {
  const [first, ...globRest] = glob
  const [segment, ...pathRest] = path
  if (first === undefined) return segment === undefined
  if (segment === undefined) return false
  if (first === '**') return matchesPath(globRest, pathRest) || matchesPath(glob, pathRest)
  return matchesSegment(first, segment) && matchesPath(globRest, pathRest)
}

function matchesSegment(glob: string, text: string): boolean {
  if (glob === '') return text === ''
  const rest = glob.slice(1)
  if (glob.startsWith('*')) {
    return matchesSegment(rest, text) || (text !== '' && matchesSegment(glob, text.slice(1)))
  }
  return (
    text !== '' && (glob[0] === '?' || glob[0] === text[0]) && matchesSegment(rest, text.slice(1))
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

/**
 * What a client asks: the scope grammar of the distribution token specification
 * (docs/content/spec/auth/scope.md), parsed to the letter.
 */

/** What a client asks of one resource: `type:name:action,action`. */
export interface Scope {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** The scopes of one request, and what could not be read as one: malformed is never granted. */
export interface ParsedScopes {
  readonly scopes: readonly Scope[]
  readonly malformed: readonly string[]
}

/** Most scopes one request may ask for; a mount asks for two, the busiest client for a handful. */
export const maximumScopes = 32

// resourcetype := /[a-z0-9]+/ [ '(' /[a-z0-9]+/ ')' ]; the class in parentheses is deprecated and ignored.
const typePattern = /^([a-z0-9]+)(?:\([a-z0-9]+\))?$/
// hostname := hostcomponent ['.' hostcomponent]* [':' port-number]
const hostPattern =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?$/
// component := alpha-numeric [ separator alpha-numeric ]*; separator := /[_.]|__|[-]*/
const componentPattern = /^[a-z0-9]+(?:(?:[_.]|__|-+)[a-z0-9]+)*$/
// action := /[a-z]*/, and `*`, which the grammar forgot: registries and skopeo ask for it.
const actionPattern = /^(?:[a-z]*|\*)$/

/**
 * Reads the values of every `scope` parameter; one value may hold several scopes parted by spaces.
 * The same resource asked twice becomes one scope with the actions united, in the order first seen.
 */
export function parseScopes(values: readonly string[]): ParsedScopes {
  const byResource = new Map<string, { type: string; name: string; actions: Set<string> }>()
  const malformed: string[] = []
  for (const value of values) {
    for (const text of value.split(' ')) {
      if (text === '') continue
      const scope = parseScope(text)
      if (scope === undefined) {
        malformed.push(text)
        continue
      }
      const resource = `${scope.type}:${scope.name}`
      const known = byResource.get(resource)
      if (known === undefined) {
        byResource.set(resource, { ...scope, actions: new Set(scope.actions) })
      } else {
        for (const action of scope.actions) known.actions.add(action)
      }
    }
  }
  const scopes = [...byResource.values()].map(({ type, name, actions }) => ({
    type,
    name,
    actions: [...actions],
  }))
  return { scopes, malformed }
}

/** One scope, or undefined where the text is not in the grammar. */
function parseScope(text: string): Scope | undefined {
  // The name may hold a colon (host:port), so the type ends at the first and the actions begin at the last.
  const first = text.indexOf(':')
  const last = text.lastIndexOf(':')
  if (first === -1 || first === last) return undefined
  const type = typePattern.exec(text.slice(0, first))?.[1]
  const name = text.slice(first + 1, last)
  const actions = text.slice(last + 1).split(',')
  if (type === undefined || !isResourceName(name)) return undefined
  if (!actions.every((action) => actionPattern.test(action))) return undefined
  return { type, name, actions: actions.filter((action) => action !== '') }
}

/** resourcename := [ hostname '/' ] component [ '/' component ]* */
function isResourceName(name: string): boolean {
  const [head = '', ...tail] = name.split('/')
  const headFits = componentPattern.test(head) || (tail.length > 0 && hostPattern.test(head))
  return headFits && tail.every((component) => componentPattern.test(component))
}

/** The scope as the specification writes it; the inverse of {@link parseScopes} for one scope. */
export function formatScope(scope: Scope): string {
  return `${scope.type}:${scope.name}:${scope.actions.join(',')}`
}

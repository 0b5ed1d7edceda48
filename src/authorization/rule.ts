/** One line of policy: who may (or may not) do what on which resources. */

import type { Action } from '../protocol/access.ts'

/** What a rule names. `anyone` is written as both of `anonymous` and `authenticated`. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'anyone' }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }

export interface Rule {
  readonly name: string
  /** Where it was written, for logs and explanations: `dockwarden.yml:31`. */
  readonly origin: string
  /** Alternatives: the rule speaks of whoever is one of them. */
  readonly who: readonly Principal[]
  readonly may: readonly Action[]
  readonly mayNot: readonly Action[]
  /** Anchored globs over repository names, or `registry:catalog`. */
  readonly on: readonly string[]
}

/**
 * Reads one word of `who`.
 *
 * @returns a sentence for the rule's author where the word names nobody
 */
export function parsePrincipal(word: string): Principal | string {
  if (word === 'anonymous' || word === 'authenticated' || word === 'anyone') return { kind: word }
  const [kind = '', name, ...rest] = word.split(':')
  if (name !== undefined && name !== '' && rest.length === 0) {
    if (kind === 'group' && name === '*') {
      return 'group:* (each group of the person) is not supported yet; name the groups one by one'
    }
    if (kind === 'user' || kind === 'group') return { kind, name }
    if (kind === 'robot') return 'robots are not supported yet; use user: or group:'
  }
  return `"${word}" names nobody; use anonymous, authenticated, anyone, user:NAME or group:NAME`
}

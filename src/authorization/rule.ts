/** One line of policy: who may (or may not) do what on which resources, and when. */

import type { Action } from '../protocol/access.ts'

/** What a rule names. `anyone` is both of `anonymous` and `authenticated`, `every_group` is `group:*`. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'anyone' }
  | { readonly kind: 'every_group' }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'robot'; readonly name: string }

/** All of them must hold for the rule to speak at all, be it to give or to deny. */
export interface Conditions {
  /** Addresses and CIDRs of clients; the client is in one of them. */
  readonly network?: readonly string[] | undefined
  /** The first moment at which the rule speaks. */
  readonly from?: Date | undefined
  /** The first moment at which it speaks no more. */
  readonly until?: Date | undefined
  /** The token is for one of these services. */
  readonly service?: readonly string[] | undefined
}

export interface Rule {
  readonly name: string
  /** Where it was written, for logs and explanations: `dockwarden.yml:31`, or `rule 17` of the database. */
  readonly origin: string
  /** Alternatives: the rule speaks of whoever is one of them. */
  readonly who: readonly Principal[]
  readonly may: readonly Action[]
  readonly mayNot: readonly Action[]
  /** Anchored globs over repository names, or `registry:catalog`. */
  readonly on: readonly string[]
  readonly when?: Conditions | undefined
}

/** As `who` writes it. */
export function formatPrincipal(principal: Principal): string {
  if (principal.kind === 'every_group') return 'group:*'
  return 'name' in principal ? `${principal.kind}:${principal.name}` : principal.kind
}

const kinds = ['user', 'group', 'robot'] as const

/**
 * Reads one word of `who`.
 *
 * @returns a sentence for the rule's author where the word names nobody
 */
export function parsePrincipal(word: string): Principal | string {
  if (word === 'anonymous' || word === 'authenticated' || word === 'anyone') return { kind: word }
  if (word === 'group:*') return { kind: 'every_group' }
  const [written = '', name, ...rest] = word.split(':')
  const kind = kinds.find((each) => each === written)
  if (kind !== undefined && name !== undefined && name !== '' && rest.length === 0) {
    return { kind, name }
  }
  return `"${word}" names nobody; use anonymous, authenticated, anyone, user:NAME, group:NAME, group:* or robot:NAME`
}

/** Rules, and what they are made of, as an explanation says them: to be read aloud. */

import type { Action } from '../protocol/access.ts'
import type { Rule } from './rule.ts'

/** As `rule "each team owns its namespace" (dockwarden.yml:31)`. */
export function ruleTitle({ name, origin }: Pick<Rule, 'name' | 'origin'>): string {
  if (name !== origin) return `rule "${name}" (${origin})`
  // One of the database is called by its number, which its origin is as well.
  return origin.startsWith('rule ') ? origin : `the rule of ${origin}`
}

/** As `a, b or c`; of many, the first ones. */
export function listed(words: readonly string[], conjunction: 'and' | 'or', maximum = 10): string {
  if (words.length > maximum) {
    return `${words.slice(0, maximum).join(', ')} ${conjunction} ${words.length - maximum} more`
  }
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`
}

/** A date alone where it is the first moment of a day. */
export function momentWords(moment: Date): string {
  return moment.toISOString().replace(/T00:00:00\.000Z$|\.000(?=Z$)/, '')
}

/** What a rule gives or denies, as in `pull and push`. */
export function rightsWords(actions: readonly Action[]): string {
  return actions.includes('*') ? 'everything' : listed(actions, 'and')
}

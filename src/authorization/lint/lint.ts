/**
 * What is allowed in rules and hardly ever meant. Each warning is certain: a rule that only may be wrong
 * is left alone, because a warning that is often wrong is read by nobody.
 */

import { parseScopes } from '../../protocol/scope.ts'
import { type Pattern, parsePattern } from '../pattern.ts'
import { catalog, type GroupMap, membersOf, patternsOf } from '../policy.ts'
import { formatPrincipal, type Rule } from '../rule.ts'
import { momentWords } from '../rule-words.ts'
import { Overlaps } from './lint-overlaps.ts'
import type { LintWarning, Warn } from './lint-warning.ts'
import { coversPattern } from './pattern-cover.ts'
import { partsOf } from './rule-parts.ts'

/** These alone; any that is in lower case; or any at all. */
export type NameSource = ReadonlySet<string> | 'lower_case' | 'any'

/** What backends call people and groups, as far as that can be told without asking them. */
export interface KnownNames {
  readonly users: NameSource
  /** Besides those of the file. */
  readonly groups: NameSource
}

export interface LintedRules {
  readonly rules: readonly Rule[]
  readonly groups: GroupMap
  readonly names: KnownNames
  /** Those of the rules that warnings are wanted of. Default: all. */
  readonly of?: readonly Rule[]
}

/** @returns the warnings in the order of the rules */
export function lint(
  { rules, groups, names, of = rules }: LintedRules,
  now: Date,
): readonly LintWarning[] {
  const hasEnded = ({ when }: Rule) => when?.until !== undefined && when.until <= now
  const speaking = rules.filter((rule) => !hasEnded(rule))
  const overlaps = new Overlaps(speaking, groups)
  return of.flatMap((rule) => {
    const warnings: LintWarning[] = []
    const warn: Warn = (id, message, severity = 'warning') =>
      warnings.push({ id, severity, rule, message })
    const { from, until } = rule.when ?? {}
    if (until !== undefined && hasEnded(rule)) {
      warn('expired', `has not spoken since ${momentWords(until)}; remove it`)
      return warnings
    }
    if (from !== undefined && from > now) {
      warn('not_yet', `does not speak before ${momentWords(from)}`, 'notice')
    }
    lintNames(rule, { groups, names, warn })
    lintPatterns(rule, warn)
    lintAnonymous(rule, warn)
    overlaps.lint(rule, warn)
    return warnings
  })
}

const whereNamesAre = {
  user: 'no backend knows that name; correct it, or remove it',
  group:
    'no backend gives that group and "groups" has none of the name; correct it, or add it there',
} as const

function lintNames(
  { who, mayNot }: Rule,
  { groups, names, warn }: Pick<LintedRules, 'groups' | 'names'> & { readonly warn: Warn },
): void {
  for (const principal of who) {
    if (principal.kind !== 'user' && principal.kind !== 'group') continue
    const { kind, name } = principal
    if (kind === 'group' && Object.hasOwn(groups, name)) {
      // Whoever is meant is denied nothing. Where something is given instead, they will say so.
      if (mayNot.length > 0) lintMembers(name, membersOf(groups, name), names.users, warn)
      continue
    }
    const source = kind === 'user' ? names.users : names.groups
    if (isKnown(name, source)) continue
    const fix = fixOf(kind, source, `${kind}:${lowerCase(name)}`)
    warn(`unknown_${kind}`, `${formatPrincipal(principal)} is nobody: ${fix}`)
  }
}

function lintMembers(
  group: string,
  members: readonly string[],
  users: NameSource,
  warn: Warn,
): void {
  for (const member of members) {
    if (isKnown(member, users)) continue
    const fix = fixOf('user', users, lowerCase(member))
    warn('unknown_user', `${member}, whom "groups" puts into ${group}, is nobody: ${fix}`)
  }
}

/** @param corrected as it would stand there in lower case */
function fixOf(kind: keyof typeof whereNamesAre, source: NameSource, corrected: string): string {
  if (source !== 'lower_case') return whereNamesAre[kind]
  return `a directory's names are read in lower case; write ${corrected}`
}

function isKnown(name: string, source: NameSource): boolean {
  if (typeof source !== 'string') return source.has(name)
  return source === 'any' || name === lowerCase(name)
}

/** Of ASCII alone, as the names of directories are read. */
function lowerCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function lintPatterns(rule: Rule, warn: Warn): void {
  for (const text of rule.on) {
    if (text === catalog) continue
    const patterns = patternsOf(rule, text)
    if (!patterns.some(canFit)) {
      warn('never_matches', `"${text}" fits no name that a registry can have; correct it`)
    }
    if (rule.may.length > 0 && patterns.some(hasVariableBesideWildcard)) {
      warn(
        'variable_beside_wildcard',
        `"${text}" also covers what belongs to others whose names begin or end alike; give the variable a segment of its own`,
      )
    }
  }
}

/** Names are made of components (distribution's reference grammar), which a literal must be. */
function canFit({ segments }: Pattern): boolean {
  // A host alone has a port. What a wildcard stands for can mend a component, but not move a colon.
  const isPortOfHost = (index: number) => index === 0 && segments.length > 1
  const hasColon = (each: (typeof segments)[number]) =>
    typeof each === 'object' && each.tokens.includes(':')
  if (segments.some((each, index) => hasColon(each) && !isPortOfHost(index))) return false
  const literals = segments.map((each) =>
    typeof each === 'symbol' || !each.isLiteral ? 'a' : each.text,
  )
  return parseScopes([`repository:${literals.join('/')}:pull`]).malformed.length === 0
}

function hasVariableBesideWildcard({ segments }: Pattern): boolean {
  return segments.some((each) => {
    if (typeof each === 'symbol') return false
    const others = each.tokens.filter((token) => typeof token === 'symbol')
    return each.variables.length + others.length > 1 && each.variables.length > 0
  })
}

const [everything] = parsePattern('**') as readonly [Pattern]

function lintAnonymous(rule: Rule, warn: Warn): void {
  const { who, when } = rule
  // Who names a network has thought of who is in it.
  if (when?.network !== undefined) return
  if (!who.some(({ kind }) => kind === 'anonymous' || kind === 'anyone')) return
  const parts = partsOf(rule, 'may').filter(({ principal }) => principal.kind === 'anonymous')
  // A variable has no value where nobody is signed in.
  const open = parts.filter(({ pattern }) => pattern === catalog || pattern.variables.length === 0)
  const changes = [...new Set(open.map(({ action }) => action))].filter(
    (action) => action === 'push' || action === 'delete',
  )
  const fix = 'if that is not meant, write authenticated'
  if (changes.length > 0) {
    warn('opens_to_anonymous', `lets everybody ${changes.join(' and ')} without a login; ${fix}`)
  } else if (open.some(({ pattern }) => pattern === catalog)) {
    warn('opens_to_anonymous', `shows every repository's name without a login; ${fix}`)
  } else if (
    open.some(({ pattern }) => pattern !== catalog && coversPattern(pattern, everything))
  ) {
    warn('opens_to_anonymous', `lets everybody pull every repository without a login; ${fix}`)
  }
}

/** Whether one rule speaks of somebody and of a resource, and by which of its words. */

import {
  anyDepth,
  anyText,
  matches,
  oneCharacter,
  type Pattern,
  type SegmentPattern,
  type Token,
  type Values,
} from '../pattern.ts'
import { catalog, type Presented, patternsOf, principalKeys, whoCanBeIn } from '../policy.ts'
import { formatPrincipal, type Principal, type Rule } from '../rule.ts'

export interface RuleFit {
  /** The words of its `who` that fit. */
  readonly because: readonly string[]
  /** The patterns of its `on` that fit. */
  readonly on: readonly string[]
}

/** Conditions and actions are not looked at. @returns undefined where it does not speak of them */
export function ruleFit(rule: Rule, resource: string, presented: Presented): RuleFit | undefined {
  if (!rule.who.some((principal) => presents(presented, principal))) return undefined
  const found =
    resource === catalog
      ? [{ text: catalog, principals: inCatalog(rule, presented) }]
      : writtenPatterns(rule).map(({ text, pattern }) => ({
          text,
          principals: fittingIn(pattern, rule, resource, presented),
        }))
  const fitting = found.filter(({ principals }) => principals.length > 0)
  if (fitting.length === 0) return undefined
  const because = new Set(fitting.flatMap(({ principals }) => principals).map(formatPrincipal))
  return { because: [...because], on: [...new Set(fitting.map(({ text }) => text))] }
}

function inCatalog({ who, on }: Rule, presented: Presented): readonly Principal[] {
  return on.includes(catalog) ? who.filter((each) => presents(presented, each)) : []
}

/** A pattern that a rule stands for, with the text of `on` that it comes from. */
export interface WrittenPattern {
  readonly text: string
  readonly pattern: Pattern
}

const written = new WeakMap<Rule, readonly WrittenPattern[]>()

/** Those of repositories. Read once, however many questions are asked about the rule. */
export function writtenPatterns(rule: Rule): readonly WrittenPattern[] {
  const known = written.get(rule)
  if (known !== undefined) return known
  const read = rule.on
    .filter((text) => text !== catalog)
    .flatMap((text) => patternsOf(rule, text).map((pattern) => ({ text, pattern })))
  written.set(rule, read)
  return read
}

/** Those of repositories, without what they come from. */
export function patternsIn(rule: Rule): readonly Pattern[] {
  return writtenPatterns(rule).map(({ pattern }) => pattern)
}

/** The principals of the rule by which the pattern covers the name. */
function fittingIn(
  pattern: Pattern,
  rule: Rule,
  name: string,
  presented: Presented,
): readonly Principal[] {
  return whoCanBeIn(pattern, rule).filter(
    (principal) =>
      presents(presented, principal) &&
      boundBy(principal, pattern, presented).some((values) => matches(pattern, name, values)),
  )
}

export function presents({ principals }: Presented, principal: Principal): boolean {
  return principalKeys(principal).some((key) => principals.has(key))
}

/** What the variables of a pattern stand for where it is this principal that a rule means. */
export function boundBy(
  principal: Principal,
  { variables }: Pattern,
  { user, robot, groups }: Presented,
): readonly Values[] {
  if (!variables.includes('group')) return [{ user, robot }]
  if (principal.kind === 'group') return [{ user, robot, group: principal.name }]
  return [...groups].map((group) => ({ user, robot, group }))
}

/** Whether the rule speaks of the resource to anybody at all. */
export function speaksOf(rule: Rule, resource: string): boolean {
  if (resource === catalog) return rule.on.includes(catalog)
  return writtenPatterns(rule).some(({ pattern }) => matches(withAnyNames(pattern), resource))
}

/** Where a variable is any name; one that stands there twice is taken for two. */
function withAnyNames({ segments }: Pattern): Pattern {
  const tokens = ({ tokens: written }: SegmentPattern) =>
    written.flatMap((each): readonly Token[] =>
      typeof each === 'object' ? [oneCharacter, anyText] : [each],
    )
  return {
    segments: segments.map((each) =>
      each === anyDepth ? each : { ...each, variables: [], tokens: tokens(each) },
    ),
    variables: [],
  }
}

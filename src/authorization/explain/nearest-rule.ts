/** For what no rule gives: the rules that come nearest to giving it, and what each of them lacks. */

import type { Action } from '../../protocol/access.ts'
import type { ConditionName } from '../conditions.ts'
import { matches } from '../pattern.ts'
import { catalog, type Presented, rightsGiven, whoCanBeIn } from '../policy.ts'
import type { Principal, Rule } from '../rule.ts'
import { rightsWords, ruleTitle } from '../rule-words.ts'
import { conditionMisses } from './condition-miss.ts'
import { bindingFor, otherNames, patternMiss, variableMiss } from './pattern-miss.ts'
import type { Question } from './question.ts'
import { boundBy, presents, type WrittenPattern, writtenPatterns } from './rule-fit.ts'
import { principalWords, whoMiss } from './who-miss.ts'

/** One thing for which a rule does not give what is asked. */
export interface Lack {
  readonly part: 'who' | 'may' | 'on' | ConditionName
  /** What the rule says there: `to members of group dev`. */
  readonly says: string
  /** What is so instead, or what would mend it: `alice is in: ops`. */
  readonly words: string
  /** The larger, the less likely that this is the rule that was meant. */
  readonly distance: number
}

export interface NearRule {
  readonly rule: Rule
  /** What it gives where it speaks, as far as it is of interest. */
  readonly gives: readonly Action[]
  /** At least one: all of them would have to be mended. */
  readonly lacks: readonly Lack[]
}

const maximumRules = 3
/** Beyond it a rule is about somebody else and something else. */
const maximumDistance = 2.9
/** A rule that is so much further off than the nearest one only distracts. */
const maximumSpread = 1
/** Own values for which a slip is looked for: somebody may be in a thousand groups. */
const maximumTries = 20

/**
 * @param rules none of which gives the action
 * @param presented what the asker is called where rules give something
 */
export function nearestRules(
  rules: readonly Rule[],
  question: Question,
  action: Action,
  presented: Presented,
): readonly NearRule[] {
  const found = rules.flatMap((rule) => {
    const lacks = lacksOf(rule, question, action, presented)
    const distance = lacks === undefined ? Number.POSITIVE_INFINITY : sum(lacks)
    return lacks !== undefined && distance <= maximumDistance ? [{ rule, lacks, distance }] : []
  })
  // The sort is stable: of two that are as near, the first of the file comes first.
  found.sort((a, b) => a.distance - b.distance)
  const limit = (found[0]?.distance ?? 0) + maximumSpread
  return found
    .filter(({ distance }) => distance <= limit)
    .slice(0, maximumRules)
    .map(({ rule, lacks }) => ({
      rule,
      gives: lacks.some(({ part }) => part === 'may') ? rule.may : [action],
      lacks,
    }))
}

/** As `rule "each team owns its namespace" (dockwarden.yml:31) gives push to members of group dev; alice is in: ops`. */
export function nearRuleSentence({ rule, gives, lacks }: NearRule): string {
  const says = lacks.map((lack) => lack.says).filter((each) => each !== '')
  const only = lacks.some(({ part }) => part === 'may') ? 'only ' : ''
  const isList = gives.includes('*') && rule.on.includes(catalog)
  const rights = isList ? 'the list of repositories' : rightsWords(gives)
  const head = [`${ruleTitle(rule)} gives ${only}${rights}`, ...says].join(' ')
  return [head, ...lacks.map(({ words }) => words)].join('; ')
}

/** @returns undefined where the rule gives nothing of the kind */
function lacksOf(
  rule: Rule,
  question: Question,
  action: Action,
  presented: Presented,
): readonly Lack[] | undefined {
  if (rule.may.length === 0) return undefined
  const place =
    question.resource === catalog
      ? lacksInCatalog(rule, question, presented)
      : lacksInRepository(rule, question, presented)
  if (place === undefined) return undefined
  const rights: ReadonlySet<Action> =
    question.resource === catalog ? new Set(['*']) : rightsGiven(rule.may)
  return [
    ...place.filter(({ part }) => part === 'who'),
    ...(rights.has(action) ? [] : [actionLack(action)]),
    ...place.filter(({ part }) => part !== 'who'),
    ...conditionMisses(rule, question.circumstances).map(({ condition, says, words }) => ({
      part: condition,
      says,
      words,
      distance: 0.7,
    })),
  ]
}

function actionLack(action: Action): Lack {
  const words =
    action === 'delete'
      ? 'delete is a right of its own: add it to its "may"'
      : `add ${action} to its "may"`
  return { part: 'may', says: '', words, distance: 0.9 }
}

function lacksInCatalog(
  rule: Rule,
  { asker }: Question,
  presented: Presented,
): readonly Lack[] | undefined {
  const isNamed = rule.on.includes(catalog)
  if (!isNamed && !rule.on.includes('**')) return undefined
  const who = rule.who.some((each) => presents(presented, each))
    ? []
    : [whoLack(rule.who, asker, presented)]
  if (isNamed) return who
  const words = `"**" is every repository and not the list of them: name ${catalog} in a rule that gives "*"`
  return [...who, { part: 'on', says: 'on "**"', words, distance: 1 }]
}

/** Those of the pattern that comes nearest. */
function lacksInRepository(
  rule: Rule,
  question: Question,
  presented: Presented,
): readonly Lack[] | undefined {
  let best: readonly Lack[] | undefined
  for (const written of writtenPatterns(rule)) {
    const lacks = lacksOfPattern(rule, written, question, presented)
    if (best === undefined || sum(lacks) < sum(best)) best = lacks
  }
  return best
}

function lacksOfPattern(
  rule: Rule,
  { text, pattern }: WrittenPattern,
  { asker, resource: name }: Question,
  presented: Presented,
): readonly Lack[] {
  const principals = whoCanBeIn(pattern, rule)
  const fitting = principals.filter((each) => presents(presented, each))
  const who = fitting.length > 0 ? [] : [whoLack(principals, asker, presented)]
  const own = (fitting.length > 0 ? fitting : principals).flatMap((each) =>
    boundBy(each, pattern, presented),
  )
  if (own.some((values) => matches(pattern, name, values))) return who

  const group = bindingFor('group', pattern, name, presented)
  if (group !== undefined) {
    const isMeant = principals.some(
      (each) => each.kind === 'every_group' || (each.kind === 'group' && each.name === group),
    )
    if (isMeant) return [whoLack([{ kind: 'group', name: group }], asker, presented)]
    const words = `"\${group}" there is one of the groups that its "who" names, and ${group} is none of them`
    return [...who, { part: 'on', says: `on "${text}"`, words, distance: 1.2 }]
  }
  for (const kind of ['user', 'robot'] as const) {
    const needed = bindingFor(kind, pattern, name, presented)
    if (needed === undefined) continue
    const value = presented[kind]
    if (value === undefined) {
      return [{ ...whoLack([{ kind, name: needed }], asker, presented), distance: otherNames }]
    }
    return [...who, { part: 'on', says: `on "${text}"`, ...variableMiss(kind, value, needed) }]
  }
  const [miss] = (own.length > 0 ? own.slice(0, maximumTries) : [{}])
    .map((values) => patternMiss(text, pattern, name, values))
    .sort((a, b) => a.distance - b.distance)
  return [
    ...who,
    ...(miss === undefined ? [] : [{ part: 'on', says: `on "${text}"`, ...miss } as const]),
  ]
}

function whoLack(
  principals: readonly Principal[],
  asker: Question['asker'],
  presented: Presented,
): Lack {
  const says = `to ${principalWords(principals)}`
  return { part: 'who', says, ...whoMiss(principals, asker, presented) }
}

function sum(lacks: readonly Lack[]): number {
  return lacks.reduce((total, { distance }) => total + distance, 0)
}

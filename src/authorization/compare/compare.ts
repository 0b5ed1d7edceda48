/**
 * What a change of rules gives and takes: for everybody whom rules can tell apart, on every repository,
 * in all circumstances that rules can tell apart.
 */

import { patternsIn } from '../explain/rule-fit.ts'
import { anyDepth, anyText } from '../pattern.ts'
import { catalog } from '../policy.ts'
import { formatPrincipal, type Rule } from '../rule.ts'
import { Answers, Side } from './answers.ts'
import { type Difference, Effects } from './effects.ts'
import { type PolicyText, type Principals, principalsOf } from './principals.ts'
import { ComparedSituations } from './situations.ts'
import { type Witnesses, witnessNames } from './witness-names.ts'

export interface CompareOptions {
  /** Those that tokens are issued for; the first is the usual one. */
  readonly services: readonly string[]
  readonly now: Date
  /** Default: names that the patterns of both sides cover. */
  readonly repositories?: readonly string[] | undefined
  /** Names of users whom neither side names. */
  readonly users?: readonly string[]
}

export interface Comparison {
  readonly differences: readonly Difference[]
  /** How many of each were asked about. */
  readonly asked: {
    readonly principals: number
    readonly repositories: number
    readonly situations: number
  }
  /** There was more to ask about than there is time for: what is missing may differ too. */
  readonly isCut: boolean
}

/** Questions of one principal about one repository: some seconds. */
const maximumQuestions = 3_000_000
/** Places in patterns, times those in a name, that are looked through in the time of one question. */
const placesOfQuestion = 10_000

/** Asks both policies the same, and tells where the answers differ. */
export function compareRules(
  before: PolicyText,
  after: PolicyText,
  { services, now, repositories, users }: CompareOptions,
): Comparison {
  const changed = changedRules(before, after)
  const principals = principalsOf(before, after, changed, users)
  const rules = [...after.rules, ...before.rules]
  const situations = new ComparedSituations(
    rules.flatMap(({ when }) => when ?? []),
    services,
    now,
  )
  const witnesses = comparedNames(repositories, rules, changed, principals)
  const ofCatalog = rules.some(({ on }) => on.includes(catalog)) ? [catalog] : []
  const resources = [...ofCatalog, ...witnesses.names]

  const effects = new Effects(situations)
  const newSide = new Side(after, 0)
  const oldSide = new Side(before, newSide.size)
  const answers = new Answers(oldSide, newSide, situations, effects)
  const changedParts = new Side({ rules: changed, groups: after.groups }, 0)
  const searched = searchedPlaces(rules)
  let questions = 0
  for (const resource of resources) {
    const effort = 1 + Math.floor((searched * resource.length) / placesOfQuestion)
    questions += principals.all.length * effort
    if (questions > maximumQuestions) break
    effects.beginResource(resource)
    for (const principal of principals.all) {
      // Where both sides have the same rules for the same groups, they say the same.
      if (!principal.hasMoved && changedParts.sayings(principal, resource).length === 0) continue
      answers.compare(principal, resource)
    }
  }
  return {
    differences: effects.differences(),
    asked: {
      principals: principals.all.length,
      repositories: resources.length,
      situations: situations.size,
    },
    isCut: principals.isCut || situations.isCut || witnesses.isCut || questions > maximumQuestions,
  }
}

/** Those of segments that may be tried at every character of a name: what has one `*` is found by how it begins and ends. */
function searchedPlaces(rules: readonly Rule[]): number {
  const segments = rules.flatMap(patternsIn).flatMap((pattern) => pattern.segments)
  const places = segments.map((each) => {
    if (each === anyDepth) return 0
    const stars = each.tokens.filter((token) => token === anyText)
    return stars.length > 1 ? each.tokens.length : 0
  })
  return places.reduce((sum: number, length) => sum + length, 0)
}

function comparedNames(
  listed: readonly string[] | undefined,
  rules: readonly Rule[],
  changed: readonly Rule[],
  { all, names }: Principals,
): Witnesses {
  if (listed === undefined) {
    // To whoever has come into a group, its rules are new as well.
    const speaking = all.some(({ hasMoved }) => hasMoved) ? rules : changed
    return witnessNames(speaking.flatMap(patternsIn), rules.flatMap(patternsIn), names)
  }
  // A list may hold the repositories of people whom nothing names: one who stands for all of them has some as well.
  const ofAnybody = changed.flatMap(patternsIn).filter(({ variables }) => variables.length > 0)
  const nobody = {
    user: names.user.slice(0, 1),
    group: names.group.slice(0, 1),
    robot: names.robot.slice(0, 1),
  }
  const witnesses = witnessNames(ofAnybody, rules.flatMap(patternsIn), nobody)
  return { ...witnesses, names: [...new Set([...listed, ...witnesses.names])] }
}

/** Those that say something that no rule of the other side says in the same words, whatever their names. */
function changedRules(before: PolicyText, after: PolicyText): readonly Rule[] {
  const only = (mine: PolicyText, other: PolicyText) => {
    const known = new Set(other.rules.map(wording))
    return mine.rules.filter((rule) => !known.has(wording(rule)))
  }
  return [...only(after, before), ...only(before, after)]
}

function wording({ who, may, mayNot, on, when = {} }: Rule): string {
  const { network = null, from = null, until = null, service = null } = when
  const lists = [who.map(formatPrincipal), may, mayNot, on, network, service]
  return JSON.stringify([lists.map((list) => list && [...list].sort()), from, until])
}

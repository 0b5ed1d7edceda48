/** What both stores of rules do with the rows: from a rule to a row, and back. */

import type { NewRule, RuleRecord } from '../admin/rule-register.ts'
import { networkFault } from '../authorization/conditions.ts'
import { parsePattern } from '../authorization/pattern.ts'
import { catalog } from '../authorization/policy.ts'
import {
  type Conditions,
  formatPrincipal,
  type Principal,
  parsePrincipal,
  type Rule,
} from '../authorization/rule.ts'
import { messageOf } from '../errors.ts'
import { type Action, actions } from '../protocol/access.ts'
import type { Reader, RulesTable } from './tables.ts'

/** By id. @param endingAfter leaves out those that have ended until then */
export async function readRules(
  reader: Reader,
  endingAfter?: Date,
): Promise<readonly RulesTable[]> {
  const all = reader.selectFrom('rules').selectAll().orderBy('id')
  if (endingAfter === undefined) return await all.execute()
  const time = endingAfter.toISOString()
  return await all
    .where(({ eb, or }) => or([eb('ends_at', 'is', null), eb('ends_at', '>', time)]))
    .execute()
}

export function rowOf(id: number, { name, rule, reason, createdAt }: NewRule): RulesTable {
  const { who, may, mayNot, on, when } = rule
  return {
    id,
    name: name ?? null,
    who: JSON.stringify(who.map(formatPrincipal)),
    may: JSON.stringify(may),
    may_not: JSON.stringify(mayNot),
    resources: JSON.stringify(on),
    networks: when?.network === undefined ? null : JSON.stringify(when.network),
    services: when?.service === undefined ? null : JSON.stringify(when.service),
    starts_at: when?.from?.toISOString() ?? null,
    ends_at: when?.until?.toISOString() ?? null,
    reason: reason ?? null,
    created_at: createdAt.toISOString(),
  }
}

export function recordOf(row: RulesTable): RuleRecord {
  return {
    id: row.id,
    rule: ruleOf(row),
    reason: row.reason ?? undefined,
    createdAt: new Date(row.created_at),
  }
}

/** @returns a sentence where this version cannot read it, as after a change by hand */
export function ruleOf(row: RulesTable): Rule | string {
  const origin = `rule ${row.id}`
  try {
    const when = conditionsOf(row)
    return {
      name: row.name ?? origin,
      origin,
      who: wordsOf(row.who).map(principalOf),
      may: wordsOf(row.may).map(actionOf),
      mayNot: wordsOf(row.may_not).map(actionOf),
      on: wordsOf(row.resources).map(resourceOf),
      ...(Object.keys(when).length > 0 && { when }),
    }
  } catch (error) {
    const reason = messageOf(error)
    return `${origin} of the database cannot be read (${reason}): \`dockwarden rule remove ${row.id}\` removes it`
  }
}

function conditionsOf({
  networks,
  services,
  starts_at: from,
  ends_at: until,
}: RulesTable): Conditions {
  return {
    ...(networks !== null && { network: wordsOf(networks).map(networkOf) }),
    ...(services !== null && { service: wordsOf(services) }),
    ...(from !== null && { from: timeOf(from) }),
    ...(until !== null && { until: timeOf(until) }),
  }
}

function wordsOf(text: string): readonly string[] {
  const words: unknown = JSON.parse(text)
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words
  throw new TypeError(`${text} is no list of words`)
}

function principalOf(word: string): Principal {
  const principal = parsePrincipal(word)
  if (typeof principal === 'string') throw new TypeError(principal)
  return principal
}

function actionOf(word: string): Action {
  const action = actions.find((each) => each === word)
  if (action === undefined) throw new TypeError(`"${word}" is no action`)
  return action
}

function resourceOf(text: string): string {
  const patterns = text === catalog ? [] : parsePattern(text)
  if (typeof patterns === 'string') throw new TypeError(patterns)
  return text
}

function networkOf(text: string): string {
  const fault = networkFault(text)
  if (fault !== undefined) throw new TypeError(fault)
  return text
}

/** A date that is none compares as neither earlier nor later: such a rule would never end. */
function timeOf(text: string): Date {
  const time = new Date(text)
  if (time.toISOString() !== text) throw new TypeError(`"${text}" is no time`)
  return time
}

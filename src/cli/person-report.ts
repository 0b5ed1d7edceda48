/** What rules see of somebody, and which of them speak: the same for `whoami` and `ldap check`. */

import type { Subject } from '../authentication/authenticator.ts'
import { type RuleFor, rulesFor } from '../authorization/explain/rules-for.ts'
import { compilePolicy } from '../authorization/policy.ts'
import type { Conditions, Rule } from '../authorization/rule.ts'
import { ruleSentence } from '../authorization/rule-sentence.ts'
import type { Config } from '../config/config.ts'
import { groupsOrigin } from './asked-person.ts'
import { table } from './table.ts'

/** As `--json` prints it. */
export interface PersonReport {
  readonly name: string
  readonly id: string
  readonly backend: string
  readonly groups: readonly { readonly name: string; readonly origin: string }[]
  readonly rules: readonly RuleReport[]
}

/** A rule as it speaks of one person. */
export interface RuleReport {
  readonly name: string
  readonly origin: string
  readonly because: readonly string[]
  readonly may: Rule['may']
  readonly may_not: Rule['mayNot']
  readonly on: readonly string[]
  readonly when: Conditions | null
}

/**
 * @param stored the rules in the database
 * @param service the only one that is of interest
 */
export function personReport(
  subject: Subject,
  config: Config,
  stored: readonly Rule[],
  service?: string,
): PersonReport {
  const { name, id, backend, groups } = subject
  const policy = compilePolicy([...config.rules, ...stored], config.groups)
  const origin = groupsOrigin(config)
  return {
    name,
    id,
    backend,
    groups: [...groups, ...policy.groupsOf(name).map((group) => ({ name: group, origin }))],
    rules: rulesFor(policy, subject)
      .filter(({ rule: { when } }) => {
        return service === undefined || when?.service?.includes(service) !== false
      })
      .map(ruleReport),
  }
}

export function ruleReport({ rule, because, on }: RuleFor): RuleReport {
  const { name, origin, may, mayNot, when = null } = rule
  return { name, origin, because, may, may_not: mayNot, on, when }
}

export function personText({ name, id, backend, groups, rules }: PersonReport): string {
  const ofGroups = groups.map((group) => [group.name, group.origin])
  const ofRules = rules.map((rule) => [rule.origin, rule.name, sentence(rule)])
  return [
    table(
      ['name', name],
      [
        ['id', id],
        ['backend', backend],
      ],
    ),
    section('groups', 'in no group', ofGroups),
    section('rules', 'no rule speaks of this person: nothing is granted', ofRules),
  ].join('\n')
}

function section(title: string, none: string, rows: readonly (readonly string[])[]): string {
  const [first, ...others] = rows
  if (first === undefined) return `${title}: ${none}`
  return `${title}:\n${table(first, others).replace(/^/gm, '  ')}`
}

function sentence(rule: PersonReport['rules'][number]): string {
  const { because, may, may_not: mayNot, on, when } = rule
  return ruleSentence(because, { may, mayNot, on, when: when ?? undefined })
}

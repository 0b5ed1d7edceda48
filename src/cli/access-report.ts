/** Who may do what, seen from a person and from a repository, as it is printed. */

import type { Circumstances } from '../authorization/conditions.ts'
import type { AccessOn } from '../authorization/explain/access-on.ts'
import type { ConditionMiss } from '../authorization/explain/condition-miss.ts'
import type { RuleFor } from '../authorization/explain/rules-for.ts'
import { rightsDenied, rightsGiven } from '../authorization/policy.ts'
import { formatPrincipal, type Rule } from '../authorization/rule.ts'
import { conditionWords, ruleSentence } from '../authorization/rule-sentence.ts'
import { listed, ruleTitle } from '../authorization/rule-words.ts'
import type { AskedPerson } from './asked-person.ts'
import { circumstancesWords } from './explain-report.ts'
import type { NamedAsker } from './named-askers.ts'
import { ruleReport } from './person-report.ts'
import { ruleName } from './rule-name.ts'
import { table } from './table.ts'

export interface PersonAccess {
  /** As it was asked. */
  readonly who: string
  readonly person: AskedPerson
  /** Those that speak, or will once their conditions hold. */
  readonly rules: readonly RuleFor[]
}

export interface RepositoryAccess {
  readonly resource: string
  readonly circumstances: Circumstances
  readonly rows: readonly (NamedAsker & AccessOn)[]
  /** Rules that speak of it, and whose conditions do not hold. */
  readonly silent: readonly { readonly rule: Rule; readonly unmet: readonly ConditionMiss[] }[]
}

/** As `--json` prints it. */
export function personAccessReport({ who, person, rules }: PersonAccess) {
  return {
    who,
    name: person.asker?.name || null,
    backend: person.backend ?? null,
    groups: person.groups,
    doubtful_groups: person.doubtfulGroups,
    obstacle: person.obstacle ?? null,
    notes: person.notes,
    rules: rules.map(ruleReport),
  }
}

/** Most patterns of one line: `${group}` stands for as many groups as somebody is in. */
const maximumPatterns = 8

export function personAccessText({ who, person, rules }: PersonAccess): string {
  const { groups, obstacle, notes } = person
  const groupWords = groups.map(({ name, origin }) => `${name} (${origin})`)
  const row = (rights: (rule: Rule) => string) => (each: RuleFor) => [
    rights(each.rule),
    listed(each.on, 'and', maximumPatterns),
    [ruleTitle(each.rule), ...conditionWords(each.rule.when ?? {}).map(({ words }) => words)].join(
      '; ',
    ),
  ]
  const gives = rules.filter(({ rule }) => rule.may.length > 0).map(row(givenWords))
  const denies = rules.filter(({ rule }) => rule.mayNot.length > 0).map(row(deniedWords))
  return [
    ...(obstacle === undefined ? [] : [`${who} cannot sign in: ${obstacle}.`]),
    ...notes.map((note) => `But ${note}.`),
    ...(groupWords.length === 0 ? [] : [`${who} is in: ${groupWords.join(', ')}`]),
    gives.length === 0 ? `No rule gives ${who} anything.` : table(['MAY', 'ON', 'BY'], gives),
    ...(denies.length === 0 ? [] : ['', table(['MAY NOT', 'ON', 'BY'], denies)]),
  ].join('\n')
}

function givenWords({ may }: Rule): string {
  return may.includes('*') ? 'everything' : [...rightsGiven(may)].sort().join(', ')
}

function deniedWords({ mayNot }: Rule): string {
  return mayNot.includes('*') ? 'anything' : [...rightsDenied(mayNot)].sort().join(', ')
}

/** As `--json` prints it. */
export function repositoryAccessReport({
  resource,
  circumstances,
  rows,
  silent,
}: RepositoryAccess) {
  const { service, address, time } = circumstances
  return {
    on: resource,
    service,
    from: address === '' ? null : address,
    at: time.toISOString(),
    access: rows.map(({ kind, name, isDisabled, may, givenBy, deniedBy }) => ({
      kind,
      name: name === '' ? null : name,
      disabled: isDisabled,
      may,
      given_by: givenBy.map(ruleName),
      denied_by: deniedBy.map(ruleName),
    })),
    not_now: silent.map(({ rule, unmet }) => ({ ...ruleName(rule), unmet })),
  }
}

/** Those who may the same by the same rules share a line, and who has no more than anybody who is signed in, none. */
export function repositoryAccessText(access: RepositoryAccess): string {
  const { resource, circumstances, rows, silent } = access
  const lines = new Map<string, { names: string[]; rest: readonly string[] }>()
  const ofAnybody = restOf(rows.find(({ kind }) => kind === 'authenticated')).join('\n')
  for (const row of rows) {
    const rest = restOf(row)
    const isOwn = row.kind === 'anonymous' || row.kind === 'authenticated'
    if (!isOwn && rest.join('\n') === ofAnybody) continue
    const key = [row.kind, ...rest].join('\n')
    const line = lines.get(key) ?? { names: [], rest }
    line.names.push(row.isDisabled ? `${row.name} (disabled)` : row.name)
    lines.set(key, line)
  }
  const shown = [...lines].map(([key, { names, rest }]) => {
    const [kind = ''] = key.split('\n')
    return [whoWords(kind, names), ...rest]
  })
  return [
    `${resource}, ${circumstancesWords(circumstances)}`,
    table(['WHO', 'MAY', 'BY'], shown),
    ...(silent.length === 0 ? [] : ['', 'Not now:']),
    ...silent.map(({ rule, unmet }) => {
      const why = unmet.map(({ words }) => words).join('; ')
      return `  ${ruleTitle(rule)}: ${ruleSentence(rule.who.map(formatPrincipal), rule)} (${why})`
    }),
  ].join('\n')
}

function restOf(row: AccessOn | undefined): readonly [may: string, by: string] {
  if (row === undefined) return ['', '']
  const { may, givenBy, deniedBy } = row
  const by = [
    ...givenBy.map(ruleTitle),
    ...deniedBy.map((rule) => `${ruleTitle(rule)} denies ${deniedWords(rule)}`),
  ]
  return [may.length === 0 ? 'nothing' : may.join(', '), by.join('; ')]
}

function whoWords(kind: string, names: readonly string[]): string {
  if (kind === 'anonymous') return 'anonymous'
  if (kind === 'authenticated') return 'whoever is signed in'
  if (kind === 'every_group') return 'whoever is in a group'
  return `${kind} ${listed(names, 'and')}`
}

/** `dockwarden rule …`: the rules that are kept in the database, beside those of the file. */

import { type Command, InvalidArgumentError } from 'commander'
import { endOf, hasEnded, type RuleRecord } from '../admin/rule-register.ts'
import { formatPrincipal } from '../authorization/rule.ts'
import { ruleSentence } from '../authorization/rule-sentence.ts'
import { printable, printableJson } from '../printable.ts'
import { type AdminOptions, adminCommand, administer } from './administer.ts'
import { collect } from './repeated-option.ts'
import { ruleWarnings } from './rule-warnings.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

interface AddOptions extends AdminOptions {
  readonly who: readonly string[]
  readonly may?: readonly string[]
  readonly mayNot?: readonly string[]
  readonly on: readonly string[]
  readonly name?: string
  readonly network?: readonly string[]
  readonly service?: readonly string[]
  readonly from?: string
  readonly until?: string
  readonly for?: string
  readonly reason?: string
}

const existing = { changes: 'rules', mayCreate: false } as const
const madeIfMissing = { changes: 'rules', mayCreate: true } as const

export function addRuleCommand(program: Command, terminal: Terminal): void {
  const rule = program
    .command('rule')
    .description(
      'rules that need no deploy, beside those of the file; every change counts from the next request on',
    )

  adminCommand(rule, 'add', 'make a rule, in the words of the file')
    .requiredOption('--who <principal>', 'whom it speaks of; may be repeated', collect)
    .option('--may <actions>', 'what they may: pull, push, delete or "*"', collectListed)
    .option('--may-not <actions>', 'what they may not, whatever other rules say', collectListed)
    .requiredOption('--on <pattern>', "repositories, as in 'prod/**'; may be repeated", collect)
    .option('--name <name>', 'what logs and explanations call it')
    .option('--network <cidr>', 'only from there; may be repeated', collect)
    .option('--service <service>', 'only for this service; may be repeated', collect)
    .option('--from <time>', 'not before, as in 2027-01-31 or 2027-01-31T18:00Z')
    .option('--until <time>', 'the moment at which it ends')
    .option('--for <time>', 'how long it lives, instead of --until, as in 2h or 7d')
    .option('--reason <text>', 'why there is such a rule, as in INC-12')
    .action(add)
  adminCommand(rule, 'list', 'the rules that are kept here')
    .option('--ended', 'also those that have ended, which are kept for 30 days')
    .action(list)
  adminCommand(rule, 'remove', 'remove rules: all of these, or none')
    .argument('<id...>', 'the number of a rule', collectId)
    .action(remove)

  async function add(options: AddOptions): Promise<void> {
    await administer(options, terminal, madeIfMissing, async (administration, config) => {
      const { who, may, mayNot, on, name, network, service, from, until, reason } = options
      const conditions = { network, service, from, until }
      const isAnySet = Object.values(conditions).some((each) => each !== undefined)
      const record = await administration.rules.add({
        ...{ name, who, may, may_not: mayNot, on, for: options.for, reason },
        when: isAnySet ? conditions : undefined,
      })
      if (options.json === true) terminal.print(printableJson(ruleJson(record)))
      else say(`rule ${record.id} is added: ${sentence(record)}\n${outlook(record)}`)
      for (const warning of await ruleWarnings(`rule ${record.id}`, administration, config)) {
        terminal.complain(printable(`WARNING: ${warning}`))
      }
    })
  }

  async function list(options: AdminOptions & { readonly ended?: true }): Promise<void> {
    await administer(options, terminal, existing, async ({ rules }) => {
      const all = await rules.list({ ended: options.ended === true })
      const rows = all.map((each) => [
        `rule ${each.id}`,
        sentence(each),
        ending(each),
        each.reason ?? '-',
      ])
      if (options.json === true) terminal.print(printableJson(all.map(ruleJson)))
      else if (all.length === 0) terminal.print('there are no rules in the database')
      else terminal.print(table(['ORIGIN', 'RULE', 'ENDS', 'REASON'], rows))
    })
  }

  async function remove(ids: readonly number[], options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ rules }) => {
      const removed = await rules.remove(ids)
      if (options.json === true) terminal.print(printableJson(removed.map(ruleJson)))
      else for (const each of removed) say(`rule ${each.id} is removed: ${sentence(each)}`)
    })
  }

  function say(text: string): void {
    terminal.print(printable(text))
  }
}

/** No action holds a comma; a pattern may, and the name of a group as well. */
function collectListed(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').map((each) => each.trim())]
}

function collectId(value: string, before: readonly number[] = []): readonly number[] {
  if (/^[1-9]\d{0,14}$/.test(value)) return [...before, Number(value)]
  throw new InvalidArgumentError('A rule is named by its number, as in: dockwarden rule remove 17')
}

function sentence({ id, rule }: RuleRecord): string {
  if (typeof rule === 'string') return rule
  const said = ruleSentence(rule.who.map(formatPrincipal), rule)
  return rule.name === `rule ${id}` ? said : `${rule.name}: ${said}`
}

/** How long whoever made it has to remember it. */
function outlook(record: RuleRecord): string {
  return endOf(record) === undefined
    ? `it has no end: \`dockwarden rule remove ${record.id}\` removes it`
    : `it ends by itself, ${ending(record)}`
}

function ending(record: RuleRecord): string {
  const end = endOf(record)
  if (end === undefined) return 'never'
  const seconds = Math.round((end.getTime() - Date.now()) / 1000)
  return seconds > 0 ? `in ${lengthOfTime(seconds)}` : `${lengthOfTime(Math.max(-seconds, 1))} ago`
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const

/** In the largest unit, and the one below it. */
function lengthOfTime(seconds: number): string {
  const first = units.findIndex(([, size]) => seconds >= size)
  let rest = seconds
  return units
    .slice(first, first + 2)
    .flatMap(([unit, size]) => {
      const count = Math.floor(rest / size)
      rest %= size
      return count === 0 ? [] : [`${count}${unit}`]
    })
    .join(' ')
}

/** A rule in JSON; times are ISO 8601 in UTC. */
function ruleJson(record: RuleRecord): Readonly<Record<string, unknown>> {
  const { id, rule, reason, createdAt } = record
  const kept = {
    id,
    origin: `rule ${id}`,
    reason: reason ?? null,
    created_at: createdAt.toISOString(),
    ended: hasEnded(record, new Date()),
  }
  if (typeof rule === 'string') return { ...kept, fault: rule }
  const { name, who, may, mayNot, on, when } = rule
  return {
    ...kept,
    name,
    who: who.map(formatPrincipal),
    may,
    may_not: mayNot,
    on,
    when: when ?? null,
  }
}

/** `dockwarden access`: what one person may, or who may do what on one repository. */

import { type Command, Option } from 'commander'
import { type ConditionName, conditionTest } from '../authorization/conditions.ts'
import { accessOn } from '../authorization/explain/access-on.ts'
import { conditionMisses } from '../authorization/explain/condition-miss.ts'
import { speaksOf } from '../authorization/explain/rule-fit.ts'
import { rulesFor } from '../authorization/explain/rules-for.ts'
import { printable, printableJson } from '../printable.ts'
import {
  personAccessReport,
  personAccessText,
  repositoryAccessReport,
  repositoryAccessText,
} from './access-report.ts'
import { type AskedPerson, findAskedPerson } from './asked-person.ts'
import { configOption } from './config-option.ts'
import { namedAskers, someone, unreadableFiles } from './named-askers.ts'
import {
  addCircumstances,
  type CircumstancesOptions,
  readAskedName,
  readCircumstances,
  readResourceName,
} from './question-input.ts'
import { collect } from './repeated-option.ts'
import { type RulesInForce, readRulesInForce } from './rules-in-force.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface AccessOptions extends CircumstancesOptions {
  readonly config?: string
  readonly who?: string
  readonly on?: string
  readonly group: readonly string[]
  readonly json?: true
}

export function addAccessCommand(program: Command, terminal: Terminal): void {
  addCircumstances(
    program
      .command('access')
      .description('show what somebody may do, or who may do what on one repository')
      .option('--who <who>', "a user's name, robot:NAME, group:NAME, authenticated or anonymous")
      .addOption(new Option('--on <repository>', 'or registry:catalog').conflicts('who'))
      .option(
        '--group <group>',
        'with --who: as if in this group too; may be repeated',
        collect,
        [],
      ),
  )
    .option(...configOption)
    .option('--json', 'print JSON')
    .action(run)

  async function run(options: AccessOptions, command: Command): Promise<void> {
    const { who, on, group, json } = options
    if (who !== undefined) return await printPerson(who, options)
    if (on === undefined || group.length > 0) {
      const message = 'name somebody by --who, with any --group, or a repository by --on'
      return command.error(message, { exitCode: exitCodes.usage })
    }
    const resource = readResourceName(on)
    const rules = await readRulesInForce(options, terminal)
    const circumstances = readCircumstances(options, rules.config)
    const rows = namedAskers(rules, resource).map((named) => ({
      ...named,
      ...accessOn(rules.policy, resource, named.asker, circumstances),
    }))
    const silent = rules.policy.rules.flatMap((rule) => {
      const unmet = conditionMisses(rule, circumstances)
      return unmet.length > 0 && speaksOf(rule, resource) ? [{ rule, unmet }] : []
    })
    for (const file of unreadableFiles(rules.config)) {
      terminal.complain(`${file} cannot be read, so its users are not in the list`)
    }
    const access = { resource, circumstances, rows, silent }
    terminal.print(
      json === true
        ? printableJson(repositoryAccessReport(access))
        : printable(repositoryAccessText(access)),
    )
  }

  async function printPerson(who: string, options: AccessOptions): Promise<void> {
    const rules = await readRulesInForce(options, terminal)
    const person = await personNamed(who, rules, options.group)
    const circumstances = readCircumstances(options, rules.config)
    const isOver = (unmet: readonly ConditionName[]) =>
      unmet.some(
        (condition) =>
          condition === 'until' ||
          (condition === 'network' && options.from !== undefined) ||
          (condition === 'service' && options.service !== undefined) ||
          (condition === 'from' && options.at !== undefined),
      )
    const speaking = rulesFor(rules.policy, person.asker).filter(
      ({ rule }) => !isOver(conditionTest(rule.when)(circumstances)),
    )
    const access = { who, person, rules: speaking }
    terminal.print(
      options.json === true
        ? printableJson(personAccessReport(access))
        : printable(personAccessText(access)),
    )
  }
}

/** Also one of many: whoever is signed in, or is in a group. */
async function personNamed(
  who: string,
  rules: RulesInForce,
  groups: readonly string[],
): Promise<AskedPerson> {
  const [, group] = /^group:([^:*]+)$/.exec(who) ?? []
  if (group === undefined && who !== 'authenticated') {
    return await findAskedPerson(readAskedName(who, groups), { ...rules, groups })
  }
  return {
    asker: someone([...(group === undefined ? [] : [group]), ...groups]),
    groups: groups.map((name) => ({ name, origin: '--group' })),
    doubtfulGroups: [],
    backend: undefined,
    obstacle: undefined,
    notes: [],
  }
}

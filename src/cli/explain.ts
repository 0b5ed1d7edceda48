/** `dockwarden explain`: why somebody may do something, or may not, and what is missing. */

import type { Command } from 'commander'
import { explain } from '../authorization/explain/explain.ts'
import { printable, printableJson } from '../printable.ts'
import { findAskedPerson } from './asked-person.ts'
import { configOption } from './config-option.ts'
import { explainReport, explainText } from './explain-report.ts'
import {
  addCircumstances,
  type CircumstancesOptions,
  readActions,
  readAskedName,
  readCircumstances,
  readResourceName,
} from './question-input.ts'
import { collect } from './repeated-option.ts'
import { readRulesInForce } from './rules-in-force.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface ExplainOptions extends CircumstancesOptions {
  readonly config?: string
  readonly group: readonly string[]
  readonly request?: string
  readonly exitCode?: true
  readonly json?: true
}

interface Answer {
  readonly isAllowed: boolean
  readonly report: object
  readonly text: string
}

/** @param finish is told the exit code */
export function addExplainCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  addCircumstances(
    program
      .command('explain')
      .description('say whether somebody may do something, by which rule, and what is missing')
      .argument('[who]', "a user's name, robot:NAME, or anonymous")
      .argument('[action]', "pull, push, delete, or '*' for all of them")
      .argument('[repository]', 'its whole name, or registry:catalog')
      .option('--request <id>', 'instead: the request of this id, as the running server decided it')
      .option('--group <group>', 'as if they were in this group too; may be repeated', collect, []),
  )
    .option('--exit-code', 'end with 1 where the answer is no, and with 2 where there is none')
    .option(...configOption)
    .option('--json', 'print JSON')
    .action(run)

  async function run(
    who: string | undefined,
    action: string | undefined,
    repository: string | undefined,
    options: ExplainOptions,
    command: Command,
  ): Promise<void> {
    const { request, json, exitCode } = options
    // Until there is an answer: what fails must not look like a "no".
    if (exitCode === true) finish(exitCodes.usage)
    const refuse = (message: string) => command.error(message, { exitCode: exitCodes.usage })
    let answer: Answer
    if (request !== undefined) {
      if (who !== undefined) refuse('--request says who asked for what: leave the other words out')
      answer = await answerAboutRequest(request, options)
    } else if (who !== undefined && action !== undefined && repository !== undefined) {
      answer = await answerAbout(who, action, repository, options)
    } else {
      return refuse('say who, what and where: dockwarden explain alice push prod/api')
    }
    terminal.print(json === true ? printableJson(answer.report) : printable(answer.text))
    if (exitCode === true) finish(answer.isAllowed ? exitCodes.done : exitCodes.failed)
  }

  async function answerAbout(
    who: string,
    action: string,
    repository: string,
    options: ExplainOptions,
  ): Promise<Answer> {
    const name = readAskedName(who, options.group)
    const resource = readResourceName(repository)
    const actions = readActions(action, resource)
    const rules = await readRulesInForce(options, terminal)
    const circumstances = readCircumstances(options, rules.config)
    const person = await findAskedPerson(name, { ...rules, groups: options.group })
    const { asker } = person
    const explanation = explain(rules.policy, { asker, actions, resource, circumstances })
    const report = explainReport(explanation, person)
    return { isAllowed: report.allowed, report, text: explainText(explanation, person) }
  }

  async function answerAboutRequest(id: string, options: ExplainOptions): Promise<Answer> {
    // Only now: what talks to the server is not needed otherwise.
    const { explainRequest, requestReport, requestText } = await import('./explain-request.ts')
    const explained = await explainRequest(id, options, terminal)
    const report = requestReport(explained)
    const isAllowed = report.now.every(({ allowed }) => allowed)
    return { isAllowed, report, text: requestText(explained) }
  }
}

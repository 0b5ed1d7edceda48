/** `dockwarden diff`: what a change of rules gives and takes, before it is in force. */

import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Config } from '../config/config.ts'
import type { RulesAlone } from '../config/load.ts'
import { AppError } from '../errors.ts'
import { configOption } from './config-option.ts'
import { type ComparedFiles, reportWriters } from './diff-report.ts'
import { type FindingFormat, findingFormats } from './findings.ts'
import { chosenService, serviceNames } from './question-input.ts'
import { repositoryNames } from './repository-names.ts'
import type { Terminal } from './terminal.ts'

interface DiffOptions {
  readonly candidate?: true
  readonly config?: string
  readonly repositories?: string
  readonly registry?: string
  readonly service?: string
  readonly json?: true
  readonly format: FindingFormat
}

/** As those of diff(1). */
const diffCodes = { same: 0, different: 1, trouble: 2 } as const

/** @param finish is told the exit code */
export function addDiffCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  program
    .command('diff [old] [new]')
    .description(
      'tell what the rules of one file give and take beside those of another; exit code 1 where they do',
    )
    .option('--candidate', 'compare the rules of the configuration with its rules_candidate')
    .option(...configOption)
    .option('--repositories <file>', 'on these repositories, one name a line; - for standard input')
    .option('--registry <url>', 'on the repositories of this registry')
    .option('--service <name>', 'for tokens of this service alone')
    .option('--json', 'print JSON')
    .addOption(
      new Option('--format <format>', 'github: annotations of a workflow')
        .choices(findingFormats)
        .default('text'),
    )
    .action(async (old: string | undefined, next: string | undefined, options: DiffOptions) => {
      // Until there is a result: what fails must not look like a difference.
      finish(diffCodes.trouble)
      finish(await diff(old, next, options, terminal))
    })
}

/** One of the two that are compared. */
interface Side extends RulesAlone {
  /** Undefined for a file of rules alone. */
  readonly config?: Config
}

async function diff(
  old: string | undefined,
  next: string | undefined,
  options: DiffOptions,
  terminal: Terminal,
): Promise<number> {
  const write = reportWriters[options.json === true ? 'json' : options.format]
  const [before, after] = await loadSides(old, next, options, terminal)
  const config = after.config ?? before.config
  const services = servicesOf(options, before, after)
  const { names, isCut } = await repositoryNames(options, services[0] ?? '', config, terminal)
  const { compareRules } = await import('../authorization/compare/compare.ts')
  const comparison = compareRules(
    { rules: rulesWithin(before, services), groups: before.groups ?? after.groups ?? {} },
    { rules: rulesWithin(after, services), groups: after.groups ?? before.groups ?? {} },
    { services, now: new Date(), repositories: names },
  )
  const files: ComparedFiles = {
    before: before.file,
    after: after.file,
    folder: terminal.workingFolder,
    isListed: names !== undefined,
  }
  const isPartial = comparison.isCut || isCut
  terminal.print(write({ ...comparison, isCut: isPartial }, files))
  if (comparison.differences.length > 0) return diffCodes.different
  return isPartial ? diffCodes.trouble : diffCodes.same
}

async function loadSides(
  old: string | undefined,
  next: string | undefined,
  { candidate, config }: DiffOptions,
  { env, workingFolder }: Terminal,
): Promise<readonly [Side, Side]> {
  // In this thread: nobody waits for anything else.
  const { loadConfig, loadRules } = await import('../config/load.ts')
  if (candidate === true) {
    if (old !== undefined) throw usage('--candidate takes both from the configuration')
    const whole = await loadConfig({ file: config, env, workingFolder })
    const { file = 'the built-in configuration', rulesCandidate } = whole
    if (rulesCandidate !== undefined) return [{ ...whole, file, config: whole }, rulesCandidate]
    throw new AppError('misconfigured', `${file} names no rules_candidate to compare with`)
  }
  if (old === undefined || next === undefined) {
    throw usage('name two files, the old and the new one; or --candidate')
  }
  const load = (file: string) =>
    loadRules({ file: resolve(workingFolder, file), env, workingFolder })
  return [await load(old), await load(next)]
}

/** Those of both sides, or the one that is wanted. */
function servicesOf({ service }: DiffOptions, before: Side, after: Side): readonly string[] {
  const sides = [after, before]
  const known = sides.flatMap(({ config }) => (config === undefined ? [] : serviceNames(config)))
  const named = sides.flatMap(({ rules }) => rules.flatMap(({ when }) => when?.service ?? []))
  const all = [...new Set(known.length > 0 ? known : ['registry', ...named])]
  return service === undefined ? all : [chosenService(service, all)]
}

/** For a service that only the other side has, this one issues no tokens, so its rules say nothing there. */
function rulesWithin({ rules, config }: Side, services: readonly string[]): Side['rules'] {
  const own = config === undefined ? services : serviceNames(config)
  if (services.every((name) => own.includes(name))) return rules
  return rules.map((rule) => ({
    ...rule,
    when: { ...rule.when, service: rule.when?.service ?? own },
  }))
}

function usage(message: string): AppError {
  return new AppError('invalid_request', `diff: ${message}; see dockwarden diff --help`)
}

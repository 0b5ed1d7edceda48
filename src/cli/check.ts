/** `dockwarden check`: everything that is wrong with a configuration, without using it. */

import { type Command, Option } from 'commander'
import { lint } from '../authorization/lint/lint.ts'
import { endingRuleTests } from '../authorization/rule-tests.ts'
import type { Config } from '../config/config.ts'
import { ConfigError, type Fault, maximumFaults } from '../config/config-error.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { lineOf } from '../config/origins.ts'
import { ruleTestFaults } from '../config/rule-test-faults.ts'
import { checkFiles } from './check-files.ts'
import { configOption } from './config-option.ts'
import { type Finding, type FindingFormat, findingFormats, formatFindings } from './findings.ts'
import { knownNames } from './known-names.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface CheckOptions {
  readonly config?: string
  readonly format: FindingFormat
  /** Whether warnings fail as well. */
  readonly strict?: boolean
}

/** @param finish is told the exit code */
export function addCheckCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  program
    .command('check')
    .description(
      'say what is wrong with the configuration, the files it names and its rules, without using it',
    )
    .option(...configOption)
    .addOption(
      new Option('--format <format>', 'how findings are written')
        .choices(findingFormats)
        .default('text'),
    )
    .option('--json', 'as --format json')
    .option('--strict', 'exit with 1 for a warning, too')
    .action(async ({ json, ...options }: CheckOptions & { readonly json?: true }) => {
      finish(await check(json === true ? { ...options, format: 'json' } : options, terminal))
    })
}

/** @returns the exit code: failed where there is an error, or a warning that counts as one */
async function check(options: CheckOptions, terminal: Terminal): Promise<number> {
  const { format, strict = false } = options
  const { env, workingFolder, print, complain } = terminal
  const { config, findings } = await findingsOf({ file: options.config, env, workingFolder })
  const found = formatFindings(findings, format, workingFolder)
  if (format !== 'text') {
    if (found !== '') print(found)
  } else if (found !== '') complain(found)
  const fails = findings.some(
    ({ severity }) => severity === 'error' || (strict && severity === 'warning'),
  )
  if (config === undefined || fails) return exitCodes.failed
  if (format !== 'json') print(summary(config))
  return exitCodes.done
}

function summary({ file, services, authentication, rules, ruleTests }: Config): string {
  return (
    `${file ?? 'built-in defaults'}: ok (services: ${services.map(({ name }) => name).join(', ')}; ` +
    `backends: ${authentication.map(({ name }) => name).join(', ')}; rules: ${rules.length}; ` +
    `rule tests: ${ruleTests.length})`
  )
}

async function findingsOf(
  options: Parameters<typeof loadConfigInWorker>[0],
): Promise<{ readonly config?: Config; readonly findings: readonly Finding[] }> {
  const now = new Date()
  try {
    const config = await loadConfigInWorker(options)
    const findings = [
      ...(await checkFiles(config)),
      ...ruleTestFaults(config, now).map(errorOf),
      ...endingTestFindings(config, now),
      ...lintFindings(config, now),
    ]
    return { config, findings }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { findings: errorsOf(error) }
  }
}

function errorsOf({ faults }: ConfigError): readonly Finding[] {
  const listed = faults.slice(0, maximumFaults).map(errorOf)
  const [first] = listed
  if (first === undefined || listed.length === faults.length) return listed
  const { severity, file } = first
  return [
    ...listed,
    {
      severity,
      file,
      line: undefined,
      key: '',
      message: 'there are more faults; mend these first',
    },
  ]
}

function errorOf({ file, place, key, message }: Fault): Finding {
  return { severity: 'error', file, line: place?.line, column: place?.column, key, message }
}

/** From that day on no reload is taken, and where a deny has ended no start either. */
function endingTestFindings(config: Config, now: Date): readonly Finding[] {
  const { file = '', ruleTests } = config
  return endingRuleTests(config, now).map(({ test, end }) => ({
    severity: 'warning',
    file,
    line: lineOf(test.origin),
    key: `rule_tests[${ruleTests.indexOf(test)}]`,
    id: 'test_ends',
    message: `holds now, and these rules fail it from ${end.toISOString()} on, so no reload would be taken then: give it an "at"`,
  }))
}

function lintFindings(config: Config, now: Date): readonly Finding[] {
  const names = knownNames(config)
  const { rulesCandidate } = config
  const sources = [config, ...(rulesCandidate === undefined ? [] : [rulesCandidate])]
  return sources.flatMap((source) => {
    // The built-in rules are nobody's to mend.
    if (source.file === undefined) return []
    const { file, rules, groups, lintAllowances } = source
    return lint({ rules, groups, names }, now)
      .filter(({ id, rule }) => lintAllowances[rule.origin]?.includes(id) !== true)
      .map(({ id, severity, rule, message }): Finding => {
        const line = lineOf(rule.origin)
        return { severity, file, line, key: `rules[${rules.indexOf(rule)}]`, id, message }
      })
  })
}

/** `dockwarden ldap …`: goes the way of a login with every server of a directory, and tells each step. */

import type { Command } from 'commander'
import type { CheckStep } from '../authentication/ldap/check/check-steps.ts'
import type { LdapSettings } from '../authentication/ldap/settings.ts'
import type { Config } from '../config/config.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { AppError } from '../errors.ts'
import { printable, printableJson } from '../printable.ts'
import type { Password } from '../protocol/credentials.ts'
import { configOption } from './config-option.ts'
import { type DirectoryReport, stepReport, stepText } from './ldap-report.ts'
import {
  addPasswordInput,
  askPassword,
  type PasswordInputOptions,
  passwordInput,
} from './password-input.ts'
import { personReport, personText } from './person-report.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface CheckOptions extends PasswordInputOptions {
  readonly as?: string
  readonly backend?: string
  readonly login?: true
  readonly config?: string
  readonly json?: true
}

/** An `ldap` entry of the configuration, and where it stands in it. */
interface Entry {
  readonly settings: LdapSettings
  /** `authentication[0].ldap` */
  readonly section: string
}

/** @param finish is told the exit code: failed where some step has */
export function addLdapCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  const ldap = program.command('ldap').description('the directories that people log in by')
  addPasswordInput(
    ldap
      .command('check')
      .description('go the way of a login, step by step; say what fails, and which line to change')
      .option('--as <name>', 'also look for this person, as somebody would type the name')
      .option('--login', 'also log in as this person; asks for the password')
      .option('--backend <name>', 'only this one of several directories')
      .option(...configOption)
      .option('--json', 'print JSON'),
  ).action(check)

  async function check(options: CheckOptions, command: Command): Promise<void> {
    const input = loginInput(options, command)
    const { env, workingFolder } = terminal
    const config = await loadConfigInWorker({ file: options.config, env, workingFolder })
    const entries = chosenEntries(config, options.backend)
    const password = await input?.()
    const reports: DirectoryReport[] = []
    for (const entry of entries) {
      reports.push(await checkEntry(entry, config, options, password))
    }
    const count = (wanted: string) =>
      reports.flatMap(allSteps).filter(({ state }) => state === wanted).length
    const [failed, warnings] = [count('failed'), count('warning')]
    if (options.json === true) {
      terminal.print(printableJson({ ok: failed === 0, directories: reports }))
    } else {
      terminal.print(
        failed + warnings === 0 ? '\nall good' : `\nfailed: ${failed}, warnings: ${warnings}`,
      )
    }
    finish(failed === 0 ? exitCodes.done : exitCodes.failed)
  }

  function loginInput(options: CheckOptions, command: Command) {
    const { as: name, login, password, passwordStdin, passwordFile } = options
    const wanted = [login, password, passwordStdin, passwordFile].some((each) => each !== undefined)
    if (!wanted) return undefined
    if (name === undefined) {
      command.error('a login needs to know whose it is: add --as NAME', {
        exitCode: exitCodes.usage,
      })
    }
    const ask = () => askPassword(name ?? '', terminal)
    return passwordInput(options, { command, terminal, ask })
  }

  async function checkEntry(
    { settings, section }: Entry,
    config: Config,
    { as: name, json }: CheckOptions,
    password: Password | undefined,
  ): Promise<DirectoryReport> {
    const tell = json === true ? () => {} : (text: string) => terminal.print(printable(text))
    let heading: string | undefined
    tell(`${settings.name} (${config.origins[section]} ${section})`)
    // Only now: the server's start does not wait for what it never uses.
    const [{ checkDirectory }, { readStoredRules }] = await Promise.all([
      import('../authentication/ldap/check/check-directory.ts'),
      import('../administration.ts'),
    ])
    const clock = () => new Date()
    const result = await checkDirectory(settings, {
      name,
      password,
      clock,
      onStep(server, step) {
        if (server !== heading) tell(`\n${server}`)
        heading = server
        tell(stepText(stepReport(step, section, config)))
      },
    })
    const person =
      result.subject && personReport(result.subject, config, await readStoredRules(config, clock))
    if (person !== undefined) tell(`\n${personText(person)}`)
    const report = (step: CheckStep) => stepReport(step, section, config)
    return {
      backend: settings.name,
      key: section,
      origin: config.origins[section],
      steps: result.steps.map(report),
      servers: result.servers.map(({ url, steps }) => ({ url, steps: steps.map(report) })),
      person: person ?? null,
    }
  }
}

/** @throws AppError where there is none */
function chosenEntries(config: Config, name: string | undefined): readonly Entry[] {
  const all = config.authentication.flatMap((entry, index) =>
    entry.kind === 'ldap' ? [{ settings: entry, section: `authentication[${index}].ldap` }] : [],
  )
  const chosen = all.filter(({ settings }) => name === undefined || settings.name === name)
  if (chosen.length > 0) return chosen
  const file = config.file ?? 'the built-in configuration'
  const known = all.map(({ settings }) => settings.name).join(', ')
  throw new AppError(
    'not_found',
    all.length === 0
      ? `${file} names no directory: "authentication" has no ldap entry (docs/ldap.md)`
      : `${file} has no ldap entry of the name ${name}; there is ${known}`,
  )
}

function allSteps({ steps, servers }: DirectoryReport): DirectoryReport['steps'] {
  return [...steps, ...servers.flatMap((server) => server.steps)]
}

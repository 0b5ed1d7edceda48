/** The command line: which command, with which options. */

import { createRequire } from 'node:module'
import { Command, CommanderError, Help, Option } from 'commander'
import { AppError } from '../errors.ts'
import { addAccessCommand } from './access.ts'
import { type CheckOptions, check } from './check.ts'
import { configOption } from './config-option.ts'
import { addDiffCommand } from './diff.ts'
import { addExplainCommand } from './explain.ts'
import { findingFormats } from './findings.ts'
import { addGroupCommand } from './group.ts'
import { addImportCommand } from './import.ts'
import { addLdapCommand } from './ldap.ts'
import { printable } from './printable.ts'
import { addReloadCommand } from './reload.ts'
import { addRuleCommand } from './rule.ts'
import { serve } from './serve.ts'
import type { SetupOptions } from './setup.ts'
import { exitCodes, type Terminal } from './terminal.ts'
import { addUserCommand } from './user.ts'
import { addWhoamiCommand } from './whoami.ts'

// The same from src/ and from dist/.
const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/**
 * @param argv the words behind the program's name
 * @returns the exit code
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exitCodes.done
  const program = new Command('dockwarden')
    .description('Token authorization server for container registries.')
    .version(version)
    .exitOverride()
    .configureHelp({
      // That nothing was given says nothing.
      optionDescription: (option) =>
        new Help().optionDescription(option).replace(' (default: [])', ''),
    })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      // The value of an option that nobody knows may be a password.
      writeErr: (text) =>
        terminal.complain(
          printable(text.trimEnd().replace(/(unknown option '(?:--[^'=]*|-.?))[\s\S]*'/, "$1'")),
        ),
    })
  program
    .command('serve')
    .description('answer token requests until SIGTERM or Ctrl-C; SIGHUP reloads the configuration')
    .option(...configOption)
    .option('--guide', 'print the registry settings that go with this configuration')
    .action(async (options: { config?: string; guide?: boolean }) => {
      exitCode = await serve({ ...options, guide: options.guide === true }, terminal)
    })
  addReloadCommand(program, terminal, (code) => {
    exitCode = code
  })
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
      exitCode = await check(json === true ? { ...options, format: 'json' } : options, terminal)
    })
  addDiffCommand(program, terminal, (code) => {
    exitCode = code
  })
  program
    .command('schema')
    .description('print the JSON Schema of dockwarden.yml, for editors')
    .action(async () => {
      // The parser and the schema are the worker's to load, for everybody else.
      const { configJsonSchema } = await import('../config/json-schema.ts')
      terminal.print(JSON.stringify(configJsonSchema(), null, 2))
    })
  program
    .command('setup')
    .description(
      'make the keys and certificates that are missing, before the registry and the proxy start',
    )
    .option(...configOption)
    .requiredOption(
      '--trust <folder>',
      "where the registry reads the token CA's certificate, ca.crt",
    )
    .requiredOption('--tls <folder>', 'where the proxy reads tls.crt and tls.key')
    .action(async (options: SetupOptions) => {
      // Making certificates takes a fifth of a second to load, and serving should not wait for it.
      const { setup } = await import('./setup.ts')
      exitCode = await setup(options, terminal)
    })
  addLdapCommand(program, terminal, (code) => {
    exitCode = code
  })
  addWhoamiCommand(program, terminal)
  addAccessCommand(program, terminal)
  addExplainCommand(program, terminal, (code) => {
    exitCode = code
  })
  addUserCommand(program, terminal)
  addGroupCommand(program, terminal)
  addRuleCommand(program, terminal)
  addImportCommand(program, terminal, (code) => {
    exitCode = code
  })

  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    terminal.complain(complaint(error))
    return exitCode === exitCodes.done ? exitCodes.failed : exitCode
  }
}

/** A foreign error is a defect of ours: its stack is what helps to mend it. */
function complaint(error: unknown): string {
  if (error instanceof AppError) return printable(`dockwarden: ${error.message}`)
  return `dockwarden: unexpected failure, please report it: ${error instanceof Error ? error.stack : error}`
}

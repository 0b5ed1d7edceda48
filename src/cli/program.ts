/** The command line: which command, with which options. */

import { createRequire } from 'node:module'
import { Command, CommanderError, Help } from 'commander'
import { AppError } from '../errors.ts'
import { printable } from '../printable.ts'
import { addAccessCommand } from './access.ts'
import { addCheckCommand } from './check.ts'
import { addDiffCommand } from './diff.ts'
import { addExplainCommand } from './explain.ts'
import { addGroupCommand } from './group.ts'
import { addImportCommand } from './import.ts'
import { addLdapCommand } from './ldap.ts'
import { addReloadCommand } from './reload.ts'
import { addRuleCommand } from './rule.ts'
import { addSchemaCommand } from './schema.ts'
import { addServeCommand } from './serve.ts'
import { addSetupCommand } from './setup.ts'
import { exitCodes, type Terminal } from './terminal.ts'
import { addUserCommand } from './user.ts'
import { addWhoamiCommand } from './whoami.ts'

/** Each adds its command, which tells `finish` its exit code where that is not "done". */
const commands: readonly ((
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
) => void)[] = [
  addServeCommand,
  addReloadCommand,
  addCheckCommand,
  addDiffCommand,
  addSchemaCommand,
  addSetupCommand,
  addLdapCommand,
  addWhoamiCommand,
  addAccessCommand,
  addExplainCommand,
  addUserCommand,
  addGroupCommand,
  addRuleCommand,
  addImportCommand,
]

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
  const finish = (code: number) => {
    exitCode = code
  }
  for (const addCommand of commands) addCommand(program, terminal, finish)

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

/** The command line: which command, with which options. */

import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { AppError } from '../errors.ts'
import { check } from './check.ts'
import { serve } from './serve.ts'
import type { SetupOptions } from './setup.ts'
import { exitCodes, type Terminal } from './terminal.ts'

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
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
    })
  const configOption = [
    '-c, --config <file>',
    'configuration file (default: $DOCKWARDEN_CONFIG, else ./dockwarden.yml, else built-in defaults)',
  ] as const

  program
    .command('serve')
    .description('answer token requests until SIGTERM or Ctrl-C; SIGHUP reloads the configuration')
    .option(...configOption)
    .option('--guide', 'print the registry settings that go with this configuration')
    .action(async (options: { config?: string; guide?: boolean }) => {
      exitCode = await serve({ ...options, guide: options.guide === true }, terminal)
    })
  program
    .command('check')
    .description('read the configuration and the files it names, and say what is wrong with them')
    .option(...configOption)
    .action(async (options: { config?: string }) => {
      exitCode = await check(options, terminal)
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

  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    terminal.complain(complaint(error))
    return exitCodes.failed
  }
}

/** A foreign error is a defect of ours: its stack is what helps to mend it. */
function complaint(error: unknown): string {
  if (error instanceof AppError) return `dockwarden: ${error.message}`
  return `dockwarden: unexpected failure, please report it: ${error instanceof Error ? error.stack : error}`
}

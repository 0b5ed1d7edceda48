/** `dockwarden reload`: has the running server read its configuration anew, and tells what came of it. */

import type { Command } from 'commander'
import { ConfigError } from '../config/config-error.ts'
import { askForReload } from '../control/control-client.ts'
import type { ReloadResult } from '../control/control-operations.ts'
import { AppError } from '../errors.ts'
import { printable, printableJson } from '../printable.ts'
import { askServer } from './ask-server.ts'
import { configOption } from './config-option.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** @param finish is told the exit code */
export function addReloadCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  program
    .command('reload')
    .description('have the running server read its configuration anew, and wait for the result')
    .option(...configOption)
    .option('--json', 'print JSON')
    .action(async (options: ReloadOptions) => finish(await reload(options, terminal)))
}

interface ReloadOptions {
  readonly config?: string
  readonly json?: true
}

/** @returns the exit code: failed where the server keeps its old configuration, or none can be asked */
async function reload(options: ReloadOptions, terminal: Terminal): Promise<number> {
  const { print, complain } = terminal
  const { result, isAnswer } = await askedResult(options, terminal)
  if (options.json) {
    print(printableJson(result))
  } else if (result.ok) {
    const { config, services, backends, rules } = result
    print(
      printable(
        `${config} is in force (services: ${services.join(', ')}; backends: ${backends.join(', ')}; rules: ${rules})`,
      ),
    )
  } else {
    for (const reason of result.reasons) complain(printable(reason))
    complain(`${isAnswer ? 'the server' : 'a server that runs'} keeps its old configuration`)
  }
  return result.ok ? exitCodes.done : exitCodes.failed
}

/**
 * What the server answers; what kept it from being asked is a "no" as well, for a program that reads JSON, and
 * where it is the file, in which nothing says whether a server runs.
 *
 * @throws AppError unavailable, unless JSON is wanted
 */
async function askedResult(
  options: ReloadOptions,
  terminal: Terminal,
): Promise<{ readonly result: ReloadResult; readonly isAnswer: boolean }> {
  try {
    return { result: await askServer(options, terminal, askForReload), isAnswer: true }
  } catch (error) {
    const isNo = error instanceof ConfigError || (options.json && error instanceof AppError)
    if (!isNo) throw error
    return { result: { ok: false, reasons: error.message.split('\n') }, isAnswer: false }
  }
}

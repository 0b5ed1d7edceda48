/** `dockwarden reload`: has the running server read its configuration anew, and tells what came of it. */

import type { Command } from 'commander'
import { askForReload } from '../control/control-client.ts'
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

/** @returns the exit code: failed where the server keeps its old configuration */
async function reload(options: ReloadOptions, terminal: Terminal): Promise<number> {
  const { print, complain } = terminal
  const result = await askServer(options, terminal, askForReload)
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
    complain('the server keeps its old configuration')
  }
  return result.ok ? exitCodes.done : exitCodes.failed
}

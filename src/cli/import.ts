/** `dockwarden import …`: accounts and rules out of what was used before. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { AccountRegister } from '../admin/account-register.ts'
import type { HtpasswdImport } from '../admin/htpasswd-import.ts'
import { describeFault, readHtpasswd } from '../authentication/htpasswd/htpasswd-file.ts'
import { printable, printableJson } from '../printable.ts'
import { type AdminOptions, adminCommand, administerBy, loadAccountsConfig } from './administer.ts'
import { addDockerAuthImport } from './import-docker-auth.ts'
import { addNginxImport } from './import-nginx.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface ImportOptions extends AdminOptions {
  readonly dryRun?: true
}

/** How many names a sentence lists; `--json` lists all. */
const listLength = 20

/** @param finish is told the exit code: failed where the file has a line that could not be taken over */
export function addImportCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  const parent = program.command('import').description('take over what was used before')
  adminCommand(parent, 'htpasswd <file>', 'the users of an htpasswd file, with their passwords')
    .option('--dry-run', 'say what would be done, and change nothing')
    .action(importFile)
  addDockerAuthImport(parent, terminal, finish)
  addNginxImport(parent, terminal, finish)

  async function importFile(given: string, options: ImportOptions): Promise<void> {
    const file = resolve(terminal.workingFolder, given)
    const content = readHtpasswd(file)
    const config = await loadAccountsConfig(options, terminal)
    const [{ importHtpasswd }, { hasDatabase }] = await Promise.all([
      import('../admin/htpasswd-import.ts'),
      import('../administration.ts'),
    ])
    const isDryRun = options.dryRun === true
    const importInto = (register: AccountRegister | undefined) =>
      importHtpasswd(content, file, { register, clock: () => new Date(), isDryRun })
    const result =
      isDryRun && !hasDatabase(config)
        ? await importInto(undefined)
        : await administerBy(config, terminal, { mayCreate: true }, (opened) =>
            importInto(opened.register),
          )
    report(result, file, options)
    finish(result.faults.length > 0 ? exitCodes.failed : exitCodes.done)
  }

  function report(result: HtpasswdImport, file: string, { json, dryRun }: ImportOptions): void {
    const { added, existing, faults, weak } = result
    for (const fault of faults) terminal.complain(printable(describeFault(file, fault)))
    if (json === true) {
      terminal.print(printableJson({ dry_run: dryRun === true, ...result }))
      return
    }
    terminal.print(`${dryRun === true ? 'would be added' : 'added'}: ${named(added)}`)
    if (existing.length > 0) {
      terminal.print(`left as they are, because there are such accounts: ${named(existing)}`)
    }
    if (faults.length > 0) terminal.print(`lines that cannot be taken over: ${faults.length}`)
    if (weak.length > 0) {
      terminal.print(
        `quick to guess against, so set new ones with \`dockwarden user password\`: ${named(weak)}`,
      )
    }
  }
}

function named(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, listLength).join(', ')
  const more = names.length > listLength ? `, and ${names.length - listLength} more` : ''
  return `${names.length} (${shown}${more})`
}

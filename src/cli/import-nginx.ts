/** `dockwarden import nginx`: a site in front of a registry as our rules. */

import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { htpasswdNames } from '../authentication/htpasswd/htpasswd-file.ts'
import { readConfigFile } from '../config/config-file.ts'
import type { NginxImport } from '../import/nginx/import-nginx.ts'
import { oneLine, printableJson } from '../printable.ts'
import { serviceOption, writeNew } from './import-output.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface Options {
  readonly out?: string
  readonly server?: string
  readonly service: readonly string[]
  readonly json?: true
}

/** @param finish is told the exit code: failed where something could not be carried over */
export function addNginxImport(
  parent: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  parent
    .command('nginx <file>')
    .description('a site of nginx in front of a registry as a configuration of Dockwarden')
    .option('--out <file>', 'write it there, and not on standard output')
    .option('--server <name>', 'the server_name that has the registry, where there are several')
    .option(...serviceOption)
    .option('--json', 'print the report as JSON')
    .action(importFile)

  async function importFile(given: string, options: Options): Promise<void> {
    const { importNginx } = await import('../import/nginx/import-nginx.ts')
    const file = resolve(terminal.workingFolder, given)
    const text = await readConfigFile(file)
    const out = options.out && resolve(terminal.workingFolder, options.out)
    const result = importNginx(text, {
      file,
      server: options.server,
      services: options.service,
      peopleOf: (htpasswd) => peopleOf(resolve(dirname(file), htpasswd)),
    })
    if (out) writeNew(out, result.config, 0o644)
    if (options.json === true)
      terminal.print(printableJson({ ...(!out && { config: result.config }), ...reportOf(result) }))
    else {
      if (!out) terminal.print(result.config.trimEnd())
      const say = out ? terminal.print : terminal.complain
      for (const line of linesOf(result, out)) say(oneLine(line))
    }
    finish(result.left.length > 0 ? exitCodes.failed : exitCodes.done)
  }
}

/** In the words of the configuration. */
function reportOf({ files, rules, left, notes }: NginxImport) {
  return {
    files,
    rules: rules.map(({ mayNot, on, networks, ...rule }) => ({
      ...rule,
      may_not: mayNot,
      on,
      networks,
    })),
    left,
    notes,
  }
}

function peopleOf(file: string): readonly string[] | undefined {
  return htpasswdNames(file)?.filter((name) => !/[:*]/.test(name))
}

function* linesOf({ rules, left, notes }: NginxImport, out: string | undefined): Generator<string> {
  yield `carried over: ${rules.length} rules`
  if (left.length > 0) yield 'not carried over; Dockwarden gives less:'
  for (const message of left) yield `  - ${message}`
  yield 'to know:'
  for (const message of notes) yield `  - ${message}`
  if (out) yield `written: ${out}; look at it with: dockwarden check --config ${out}`
}

/** `dockwarden import docker_auth`: its configuration as ours, with what changes and the proof. */

import { rmSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { readConfigFile } from '../config/config-file.ts'
import { AppError } from '../errors.ts'
import type { Change } from '../import/docker-auth/change.ts'
import type { Difference } from '../import/docker-auth/compare.ts'
import type { DockerAuthImport } from '../import/docker-auth/import-docker-auth.ts'
import { printable, printableJson } from '../printable.ts'
import { serviceOption, writeNew } from './import-output.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface Options {
  readonly out?: string
  readonly htpasswd?: string
  readonly service: readonly string[]
  readonly json?: true
}

/** How many differences are listed; `--json` lists all. */
const listLength = 50

/** @param finish is told the exit code: failed where something is not as it was */
export function addDockerAuthImport(
  parent: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  parent
    .command('docker_auth <file>')
    .description("docker_auth's configuration as a configuration of Dockwarden")
    .option('--out <file>', 'write it there, and not on standard output')
    .option('--htpasswd <file>', 'write the users with their password hashes there')
    .option(...serviceOption)
    .option('--json', 'print the report as JSON')
    .action(importFile)

  async function importFile(given: string, options: Options): Promise<void> {
    const { importDockerAuth } = await import('../import/docker-auth/import-docker-auth.ts')
    const path = (file: string) => resolve(terminal.workingFolder, file)
    const file = path(given)
    const text = await readConfigFile(file)
    const out = options.out && path(options.out)
    const htpasswd = options.htpasswd && path(options.htpasswd)
    const folder = out ? dirname(out) : terminal.workingFolder
    const result = importDockerAuth(text, {
      file,
      services: options.service,
      htpasswd: htpasswd && relative(folder, htpasswd),
    })
    refuseMore(result.proof.differences)
    writeBoth(result, out, htpasswd)
    if (options.json === true)
      terminal.print(printableJson({ ...reportOf(result), ...(!out && { config: result.config }) }))
    else {
      if (!out) terminal.print(result.config.trimEnd())
      const say = out ? terminal.print : terminal.complain
      for (const line of linesOf(result, { out, htpasswd })) say(printable(line))
    }
    finish(isChanged(result) ? exitCodes.failed : exitCodes.done)
  }
}

/** Both or none: half of it would be in the way of the next try. @throws AppError */
function writeBoth(
  { config, htpasswd: users }: DockerAuthImport,
  out: string | undefined,
  htpasswd: string | undefined,
): void {
  if (out && out === htpasswd)
    throw new AppError('conflict', `--out and --htpasswd both name ${out}; name two files`)
  const file = users.length > 0 ? htpasswd : undefined
  // The one with the secrets first: without it the other does not load.
  if (file) writeNew(file, `${users.join('\n')}\n`, 0o600)
  try {
    if (out) writeNew(out, config, 0o644)
  } catch (error) {
    if (file) rmSync(file)
    throw error
  }
}

/** That would be our mistake, and one that opens something. */
function refuseMore(differences: readonly Difference[]): void {
  const more = differences.find(({ direction }) => direction === 'more')
  if (more === undefined) return
  throw new AppError(
    'conflict',
    `nothing is written, because Dockwarden would give more than docker_auth: ${describeDifference(more)}; please report it`,
  )
}

function isChanged({ changes, proof }: DockerAuthImport): boolean {
  return changes.some(({ kind }) => kind !== 'note') || proof.differences.length > 0
}

function reportOf({ carriedOver, changes, proof }: DockerAuthImport) {
  const { differences, ...counts } = proof
  return {
    carried_over: carriedOver,
    changes,
    proof: {
      ...counts,
      differences: differences.map(({ isAnnounced, ...rest }) => ({
        ...rest,
        announced: isAnnounced,
      })),
    },
  }
}

function* linesOf(
  { carriedOver, changes, proof, htpasswd: users }: DockerAuthImport,
  written: { readonly out: string | undefined; readonly htpasswd: string | undefined },
): Generator<string> {
  const { directory, rules } = carriedOver
  yield `carried over: rules ${rules.join(', ') || 'none'}; ${users.length} users${directory ? '; the directory' : ''}`
  if (users.length > 0 && !written.htpasswd) {
    yield `  (the users' password hashes are written where --htpasswd says; without it the file uses "accounts")`
  }
  yield* section('not as it was; Dockwarden gives less', changes, 'less')
  yield* section('the same today, but not for who is added later', changes, 'later')
  yield* section('to know', changes, 'note')
  const { cells, same, unknown, differences } = proof
  yield `proof: ${cells} requests put to both: ${same} with the same answer, ${cells - same - unknown} with another`
  if (unknown > 0)
    yield `  ${unknown} could not be compared: they hang on an expression that is not run here`
  for (const difference of differences.slice(0, listLength)) {
    yield `  - ${difference.isAnnounced ? '' : 'NOT EXPLAINED ABOVE, please report: '}${describeDifference(difference)}`
  }
  if (differences.length > listLength)
    yield `  … and ${differences.length - listLength} more; --json lists all`
  if (written.htpasswd && users.length > 0) yield `written: ${written.htpasswd}`
  if (written.out)
    yield `written: ${written.out}; look at it with: dockwarden check --config ${written.out}`
}

function* section(
  title: string,
  changes: readonly Change[],
  kind: Change['kind'],
): Generator<string> {
  const found = changes.filter((change) => change.kind === kind)
  if (found.length === 0) return
  yield `${title}:`
  for (const { rule, message } of found)
    yield `  - ${rule === undefined ? '' : `rule ${rule}: `}${message}`
}

function describeDifference({
  direction,
  rule,
  actions,
  count,
  example,
  rules,
}: Difference): string {
  const { who, on, from, service } = example
  const decided = rule === undefined ? 'no rule of docker_auth' : `rule ${rule}`
  const by =
    rules.length === 0 ? '' : ` (here: ${rules.map((name) => JSON.stringify(name)).join(', ')})`
  return `Dockwarden gives ${direction}: ${actions.join(', ')}; ${count} times, as to ${who} on ${on} from ${from} for ${service}; ${decided} decided${by}`
}

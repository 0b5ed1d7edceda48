/** Who, what and when of a question about rights, as the command line has it. */

import { isIP } from 'node:net'
import type { Command } from 'commander'
import { type AskedName, parseAsker } from '../authorization/asked-name.ts'
import type { Circumstances } from '../authorization/conditions.ts'
import { catalog } from '../authorization/policy.ts'
import type { Config } from '../config/config.ts'
import { parseMoment } from '../config/moment.ts'
import { AppError } from '../errors.ts'
import { type Action, actions, isRepositoryName } from '../protocol/access.ts'
import { parseScopes } from '../protocol/scope.ts'

export interface CircumstancesOptions {
  readonly service?: string
  readonly from?: string
  readonly at?: string
}

export function addCircumstances(command: Command): Command {
  return command
    .option('--service <service>', 'the service that a token would be for (default: the first)')
    .option('--from <address>', "the client's IP address (default: one that is in no network)")
    .option('--at <time>', 'when, as in 2027-01-31 or 2027-01-31T18:00Z (default: now)')
}

/** @throws AppError invalid_request, or not_found for a service that no token is issued for */
export function readCircumstances(
  { service, from = '', at }: CircumstancesOptions,
  config: Config,
): Circumstances {
  const time = at === undefined ? new Date() : parseMoment(at)
  if (typeof time === 'string') throw new AppError('invalid_request', `--at: ${time}`)
  if (from !== '' && isIP(from) === 0) {
    throw new AppError('invalid_request', `--from: "${from}" is no IP address; write 192.0.2.7`)
  }
  return { service: chosenService(service, serviceNames(config)), address: from, time }
}

export function serviceNames({ services }: Config): readonly string[] {
  return services.map(({ name }) => name)
}

/** The first one where none is named. @throws AppError not_found */
export function chosenService(name: string | undefined, known: readonly string[]): string {
  const chosen = name ?? known[0] ?? ''
  if (known.includes(chosen)) return chosen
  throw new AppError(
    'not_found',
    `no tokens are issued for ${chosen}; "services" names ${known.join(', ')}`,
  )
}

/**
 * See {@link parseAsker}.
 *
 * @param groups those to add
 * @throws AppError invalid_request
 */
export function readAskedName(text: string, groups: readonly string[]): AskedName {
  const asked = parseAsker(text)
  if (asked !== undefined && asked !== 'many') {
    if (asked.kind !== 'anonymous' || groups.length === 0) return asked
    throw new AppError('invalid_request', 'anonymous is in no group; leave --group out')
  }
  const [, group] = /^group:(.+)$/.exec(text) ?? []
  const example = group === undefined ? 'alice' : `alice --group ${group === '*' ? 'dev' : group}`
  throw new AppError(
    'invalid_request',
    asked === 'many' || group !== undefined
      ? `${text} is many; ask about one of them, as in: ${example}`
      : `"${text}" is nobody; write a user's name, robot:NAME or anonymous`,
  )
}

/** One or several, parted by commas. @throws AppError invalid_request */
export function readActions(text: string, resource: string): readonly Action[] {
  const asked = text.split(',').map((word) => {
    const action = actions.find((each) => each === word)
    if (action !== undefined) return action
    throw new AppError(
      'invalid_request',
      `"${word}" is no action; write pull, push, delete, or '*' for all of them`,
    )
  })
  if (resource === catalog && !asked.includes('*')) {
    throw new AppError('invalid_request', `${catalog} knows one action: write '*'`)
  }
  return asked
}

/** One repository by its whole name, or the catalog. @throws AppError invalid_request */
export function readResourceName(text: string): string {
  const [scope] = parseScopes([`repository:${text}:pull`]).scopes
  if (text === catalog || (scope?.name === text && isRepositoryName(text))) return text
  throw new AppError('invalid_request', `"${text}" ${resourceFault(text)}`)
}

function resourceFault(text: string): string {
  if (/[*?{}$]/.test(text)) {
    return 'is a pattern: ask about one repository by its whole name, as in teams/dev/app'
  }
  const [, name] = /^([^@]+?)(?::[\w.-]+)?(?:@.*)?$/.exec(text) ?? []
  if (name !== undefined && name !== text && !name.includes(':')) {
    return `is an image: a repository's name has neither tag nor digest; write ${name}`
  }
  if (text !== text.toLowerCase()) {
    return `can be no repository: registries take no capitals; write ${text.toLowerCase()}`
  }
  return 'is no name that a registry takes for a repository; write it as in teams/dev/app'
}

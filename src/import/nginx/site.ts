/** Finds the registry in a configuration of nginx: its server, its locations, and who may do what in each. */

import { parsePattern } from '../../authorization/pattern.ts'
import {
  type Admission,
  admissionOf,
  bothAdmissions,
  type Context,
  contextWithin,
  outermost,
} from './admission.ts'
import { type Directive, faultAt } from './nginx-config.ts'

/** The server that has the registry. */
export interface Site {
  /** undefined: nginx's `_`, or none. */
  readonly name: string | undefined
  readonly line: number
  readonly places: readonly Place[]
}

/** A location within the registry's paths. */
export interface Place {
  readonly line: number
  /** As nginx writes it: `location /v2/team/`. */
  readonly written: string
  /** The repositories that it is about, those of locations within it too. */
  readonly names: readonly string[]
  /** Whether listing the catalog happens here. */
  readonly hasCatalog: boolean
  readonly pull: Admission
  readonly push: Admission
  readonly delete: Admission
}

/** Locations are taken by the longest prefix; in this order a later one is never within an earlier one. */
interface Location {
  readonly directive: Directive
  readonly prefix: string
  readonly context: Context
}

/** @throws ConfigError where there is no registry, or more than one, or a location that is taken by a regular expression */
export function findSite(
  config: readonly Directive[],
  file: string,
  wanted: string | undefined,
): Site {
  const sites = [...serversOf(config, outermost)].flatMap(({ server, context }) => {
    const locations = locationsOf(server, context, file)
    const isRegistry =
      locations.some(({ prefix }) => prefix.startsWith('/v2')) ||
      locations.some(({ prefix, directive }) => prefix === '/' && hasProxy(directive))
    return isRegistry ? [{ server, locations, name: nameOf(server) }] : []
  })
  const fitting = sites.filter(
    ({ server, name }) =>
      wanted === undefined || name === wanted || namesOf(server).includes(wanted),
  )
  const [site, ...others] = fitting
  if (site === undefined) {
    throw faultAt(
      file,
      1,
      wanted === undefined
        ? 'there is no server with a location /v2/ here'
        : `there is no server ${wanted} with a location /v2/ here`,
    )
  }
  if (others.length > 0) {
    const names = fitting
      .map(({ server, name }) => `${name ?? '_'} (line ${server.line})`)
      .join(', ')
    throw faultAt(
      file,
      others[0]?.server.line ?? 1,
      `several servers have a registry: ${names}; name one with --server`,
    )
  }
  return { name: site.name, line: site.server.line, places: placesOf(site.locations) }
}

function* serversOf(
  config: readonly Directive[],
  context: Context,
): Generator<{ readonly server: Directive; readonly context: Context }> {
  // What is included here stands around the server, as what is in no file that we see.
  const around = config.filter(({ name }) => name !== 'http' && name !== 'include')
  const here = contextWithin(around, context)
  for (const directive of config) {
    if (directive.name === 'server' && directive.block !== undefined)
      yield { server: directive, context: here }
    // What stands beside http is not about requests.
    if (directive.name === 'http') yield* serversOf(directive.block ?? [], outermost)
  }
}

function locationsOf({ block = [] }: Directive, outer: Context, file: string): readonly Location[] {
  const context = contextWithin(block, outer)
  return block.flatMap((directive): readonly Location[] => {
    if (directive.name !== 'location') return []
    const [modifier = '', path] =
      directive.args.length > 1 ? directive.args : ['', directive.args[0]]
    const within = {
      directive,
      prefix: path ?? '/',
      context: contextWithin(directive.block ?? [], context),
    }
    const inner = locationsOf(directive, context, file)
    const isPrefix = modifier === '' || modifier === '^~'
    if (isPrefix && !isWithinRepository(within.prefix)) return [within, ...inner]
    if (modifier === '=' && path?.startsWith('/v2/_catalog')) return [within]
    // The check of the API itself is about no repository.
    if (modifier === '=' && (path === '/v2/' || path?.startsWith('/v2/') !== true)) return []
    const isByExpression = modifier.startsWith('~')
    if (isByExpression && !mayBeOfRegistry(path ?? '')) return []
    const what = isByExpression
      ? 'locations by a regular expression'
      : 'locations for a part of a repository'
    throw faultAt(
      file,
      directive.line,
      `location ${directive.args.join(' ')}: ${what} are not followed; write it as a prefix of whole repositories, as in /v2/team/, in a copy of the file`,
    )
  })
}

/** `/v2/app/manifests/` is a part of what a registry does for `app`, and `/v2/app/m` holds it. */
function isWithinRepository(prefix: string): boolean {
  if (!prefix.startsWith('/v2/')) return false
  const [, ...behind] = prefix.slice('/v2/'.length).split('/')
  const cut = behind.pop() ?? ''
  const words = ['manifests', 'blobs', 'tags']
  return (
    behind.some((segment) => words.includes(segment)) ||
    (cut !== '' && words.some((word) => word.startsWith(cut)))
  )
}

/** Whether a regular expression could take a path of the registry: any but one that begins with another word. */
function mayBeOfRegistry(expression: string): boolean {
  const [, word] = /^\^\\?\/([a-z0-9_-]+)(?:\\?\/|\$?$)/i.exec(expression) ?? []
  return word === undefined || expression.includes('|') || ['v', 'v2'].includes(word.toLowerCase())
}

function hasProxy({ block = [] }: Directive): boolean {
  return block.some(({ name }) => name === 'proxy_pass')
}

function namesOf({ block = [] }: Directive): readonly string[] {
  return block.flatMap(({ name, args }) => (name === 'server_name' ? args : []))
}

function nameOf(server: Directive): string | undefined {
  return namesOf(server).find((name) => /^[a-z0-9][a-z0-9.-]*$/i.test(name))
}

function placesOf(locations: readonly Location[]): readonly Place[] {
  const ofRegistry = locations.filter(
    ({ prefix }) => '/v2/'.startsWith(prefix) || prefix.startsWith('/v2/'),
  )
  // Of those that cover every path only the most specific is ever taken.
  const widest = ofRegistry
    .filter(({ prefix }) => '/v2/'.startsWith(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0]
  const taken = ofRegistry.filter(
    (location) => location === widest || location.prefix.length > '/v2/'.length,
  )
  const catalog = taken
    .filter(({ prefix }) => '/v2/_catalog'.startsWith(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0]
  return taken
    .toSorted((a, b) => a.prefix.length - b.prefix.length)
    .map((location) => ({
      line: location.directive.line,
      written: `location ${location.directive.args.join(' ')}`,
      names: repositoriesBelow(location.prefix),
      hasCatalog: location === catalog,
      ...admissionByAction(location),
    }))
}

/** The repositories whose paths begin so: `/v2/team/` is what is below `team`, and `team` itself. */
function repositoriesBelow(prefix: string): readonly string[] {
  const rest = prefix.slice('/v2/'.length)
  if (rest === '') return ['**']
  if (!/^[a-z0-9._/-]+$/.test(rest)) return []
  const names = rest.endsWith('/') ? [rest.slice(0, -1), `${rest}**`] : [`${rest}*`, `${rest}*/**`]
  // What no name can be, a rule may not say either.
  return names.filter((name) => typeof parsePattern(name) !== 'string')
}

function admissionByAction({
  directive,
  context,
}: Location): Pick<Place, 'pull' | 'push' | 'delete'> {
  // nginx does not inherit proxy_pass.
  if (!hasProxy(directive)) {
    const reason = context.reason ?? 'it has no proxy_pass, so nothing goes to a registry'
    const nothing: Admission = { kind: 'unknown', reason }
    return { pull: nothing, push: nothing, delete: nothing }
  }
  const limits = (directive.block ?? []).filter(({ name }) => name === 'limit_except')
  const admissionFor = (method: string): Admission => {
    const limit = limits[0]
    if (limits.length > 1) return { kind: 'unknown', reason: 'it has two limit_except' }
    // Who may GET may HEAD.
    const isExcepted =
      limit?.args.includes(method) === true ||
      (method === 'HEAD' && limit?.args.includes('GET') === true)
    if (limit === undefined || isExcepted) return admissionOf(context)
    return admissionOf(contextWithin(limit.block ?? [], context))
  }
  const pull = bothAdmissions(admissionFor('GET'), admissionFor('HEAD'))
  // No upload goes without asking what is there already.
  const methods = ['POST', 'PATCH', 'PUT'].map(admissionFor)
  return { pull, push: methods.reduce(bothAdmissions, pull), delete: admissionFor('DELETE') }
}

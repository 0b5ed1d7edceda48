/**
 * What a request to a registry needs: the scopes that the registry itself demands for it
 * (distribution's handlers/app.go, appendAccessRecords). Pure.
 */

import { type Action, isRepositoryName } from '../protocol/access.ts'
import { parseScopes, type Scope } from '../protocol/scope.ts'

export interface RegistryRequest {
  /** What the request is about; undefined where any token opens it. */
  readonly target: Scope | undefined
  /** The repository that a blob is to be mounted from. Without it clients send the blob themselves. */
  readonly source: Scope | undefined
}

/** GET and HEAD read, POST, PUT and PATCH write, and a registry lets nobody write who may not read. */
const actionsOf: ReadonlyMap<string, readonly Action[]> = new Map([
  ['GET', ['pull']],
  ['HEAD', ['pull']],
  ['POST', ['pull', 'push']],
  ['PUT', ['pull', 'push']],
  ['PATCH', ['pull', 'push']],
  ['DELETE', ['delete']],
])

const catalogPath = '/v2/_catalog'
/** The routes of registries 2.8 and 3 (api/v2/descriptors.go). A name may hold every word of them. */
const repositoryPath =
  /^\/v2\/([a-z0-9._/-]+)\/(?:tags\/list|manifests\/[\w.:+-]+|blobs\/[a-z0-9]+:[0-9a-f]+|blobs\/uploads\/[\w.=-]*)$/

/**
 * Strict: of what a registry may read otherwise than we do, nothing is said.
 *
 * @param uri path and query, as the client sent them
 * @returns undefined where it does not parse
 */
export function readRegistryRequest(method: string, uri: string): RegistryRequest | undefined {
  const mark = uri.indexOf('?')
  const path = mark === -1 ? uri : uri.slice(0, mark)
  const query = new URLSearchParams(mark === -1 ? '' : uri.slice(mark + 1))
  if (path === '/v2/') return { target: undefined, source: undefined }
  if (path === catalogPath) {
    return { target: { type: 'registry', name: 'catalog', actions: ['*'] }, source: undefined }
  }
  const name = repositoryPath.exec(path)?.[1]
  const actions = actionsOf.get(method)
  const target = name !== undefined && actions !== undefined && repository(name, actions)
  if (!target) return undefined
  const from = query.getAll('from')
  if (from.length === 0) return { target, source: undefined }
  // Whatever the route: `from` makes the registry demand a pull of that repository too.
  const source = from.length === 1 && repository(from[0] ?? '', ['pull'])
  return source ? { target, source } : undefined
}

/** By the grammar of scopes, so that it is asked as a token for it would be. */
function repository(name: string, actions: readonly Action[]): Scope | undefined {
  if (!isRepositoryName(name)) return undefined
  const { scopes, malformed } = parseScopes([`repository:${name}:${actions.join(',')}`])
  return malformed.length === 0 && scopes[0]?.name === name ? scopes[0] : undefined
}

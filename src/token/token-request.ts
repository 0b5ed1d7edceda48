/**
 * What a client asks of `/token`, read once at the edge: the query of a GET (distribution's token.md)
 * or the form of a POST (oauth.md). Nobody behind this file reads the raw request again.
 */

import { AppError } from '../errors.ts'
import { type Credentials, credentials, parseBasicCredentials } from '../protocol/credentials.ts'
import { maximumScopes, parseScopes, type Scope } from '../protocol/scope.ts'

export interface TokenRequest {
  readonly service: string
  readonly scopes: readonly Scope[]
  /** What was asked in a form that nobody can grant; for the log. */
  readonly malformedScopes: readonly string[]
  readonly proof: Proof
}

/** What the client offers to show who it is. The `account` parameter is a hint and identifies nobody. */
export type Proof =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly credentials: Credentials }
  | { readonly kind: 'identity_token' }
  /** Something was offered that nobody can have: refused like a wrong password, never anonymous. */
  | { readonly kind: 'malformed' }

/** Go's strconv.ParseBool, which the specification's `offline_token` is read with. */
const booleanPattern = /^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/
/** RFC 6749 appendix A.1: `client_id` is made of VSCHAR. */
const visiblePattern = /^[\x20-\x7e]+$/

/**
 * @param query the part of the URL behind the question mark, as it came
 * @param authorization every Authorization header of the request
 * @throws AppError invalid_request
 */
export function readTokenQuery(query: string, authorization: readonly string[]): TokenRequest {
  const parameters = readParameters(query)
  const offline = parameters.get('offline_token')
  if (offline !== undefined && !booleanPattern.test(offline)) {
    throw new AppError('invalid_request', 'offline_token must be true or false')
  }
  clientId(parameters)
  return { ...readResources(parameters), proof: basicProof(authorization) }
}

function basicProof(authorization: readonly string[]): Proof {
  const [header, ...more] = authorization
  if (header === undefined) return { kind: 'none' }
  // Of two headers a proxy may have checked the one and we the other.
  const read = more.length === 0 ? parseBasicCredentials(header) : undefined
  return read === undefined ? { kind: 'malformed' } : { kind: 'password', credentials: read }
}

/**
 * @param form the body of the POST, application/x-www-form-urlencoded
 * @throws AppError invalid_request
 */
export function readTokenForm(form: string): TokenRequest {
  const parameters = readParameters(form)
  const grantType = required(parameters, 'grant_type')
  if (clientId(parameters) === undefined) throw missing('client_id')
  const accessType = parameters.get('access_type')
  if (accessType !== undefined && accessType !== 'online' && accessType !== 'offline') {
    throw new AppError('invalid_request', 'access_type must be online or offline')
  }
  return { ...readResources(parameters), proof: grantProof(grantType, parameters) }
}

function grantProof(grantType: string, parameters: Parameters): Proof {
  switch (grantType) {
    case 'password': {
      const read = credentials(required(parameters, 'username'), required(parameters, 'password'))
      return read === undefined ? { kind: 'malformed' } : { kind: 'password', credentials: read }
    }
    case 'refresh_token':
      required(parameters, 'refresh_token')
      return { kind: 'identity_token' }
    default:
      throw new AppError('invalid_request', 'grant_type must be password or refresh_token')
  }
}

interface Parameters {
  readonly get: (name: string) => string | undefined
  readonly scopes: readonly string[]
}

/** Only `scope` may come more than once: of two other values a proxy may have looked at either. */
function readParameters(text: string): Parameters {
  const values = new Map<string, string>()
  const scopes: string[] = []
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'scope') {
      scopes.push(value)
    } else if (values.has(name)) {
      throw new AppError('invalid_request', 'a parameter other than scope was sent more than once')
    } else {
      values.set(name, value)
    }
  }
  return { get: (name) => values.get(name), scopes }
}

function readResources(parameters: Parameters) {
  const service = parameters.get('service')
  if (service === undefined || service === '') throw missing('service')
  const { scopes, malformed } = parseScopes(parameters.scopes)
  if (scopes.length + malformed.length > maximumScopes) {
    throw new AppError(
      'invalid_request',
      `at most ${maximumScopes} scopes can be asked for at once`,
    )
  }
  return { service, scopes, malformedScopes: malformed }
}

function clientId(parameters: Parameters): string | undefined {
  const id = parameters.get('client_id')
  if (id !== undefined && !visiblePattern.test(id)) {
    throw new AppError('invalid_request', 'client_id must be printable ASCII and not empty')
  }
  return id
}

function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name)
  if (value === undefined) throw missing(name)
  return value
}

function missing(name: string): AppError {
  return new AppError('invalid_request', `the parameter ${name} is missing`)
}

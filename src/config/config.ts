/** The resolved configuration: defaults filled in, paths absolute, secrets read, frozen. */

import type { Rule } from '../authorization/rule.ts'

export interface Config {
  /** The file it was read from, or undefined where the built-in defaults run. */
  readonly file: string | undefined
  readonly server: ServerConfig
  readonly services: readonly ServiceConfig[]
  /** The token's `iss`. */
  readonly issuer: string
  readonly database: DatabaseConfig
  /** Folder of the token certificate authority, absolute. */
  readonly keys: string
  /** Group name → the names of its members. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  /** Backends in the order in which they are asked. */
  readonly authentication: readonly BackendConfig[]
  readonly rules: readonly Rule[]
}

export interface ServerConfig {
  readonly host: string
  readonly port: number
  /** What clients reach us as, without a trailing slash; the realm is this and `/token`. */
  readonly publicUrl: string
  /** CIDRs of the proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
}

/** A registry that tokens are issued for. */
export interface ServiceConfig {
  /** REGISTRY_AUTH_TOKEN_SERVICE; the token's `aud`. */
  readonly name: string
  /** Seconds, at least 60. */
  readonly tokenLifetime: number
}

export interface DatabaseConfig {
  readonly kind: 'sqlite'
  /** Absolute. */
  readonly path: string
}

export type BackendConfig =
  | { readonly kind: 'htpasswd'; readonly name: string; readonly file: string }
  | { readonly kind: 'accounts'; readonly name: string }

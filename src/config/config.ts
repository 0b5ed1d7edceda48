/** The resolved configuration: defaults filled in, paths absolute, frozen. */

import type { LdapSettings } from '../authentication/ldap/settings.ts'
import type { Rule } from '../authorization/rule.ts'
import type { RuleTest } from '../authorization/rule-tests.ts'
import type { LintAllowances } from './lint-allowances.ts'
import type { Origins } from './origins.ts'

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
  readonly lintAllowances: LintAllowances
  readonly ruleTests: readonly RuleTest[]
  /** Tried beside the rules in force. */
  readonly rulesCandidate: CandidateRules | undefined
  readonly denials: DenialsConfig
  /** Where the keys of backends stand, for whoever has to change one. */
  readonly origins: Origins
}

/** Rules, and the groups that they are read with. */
export interface CandidateRules {
  /** Absolute. */
  readonly file: string
  readonly groups: Config['groups']
  readonly rules: readonly Rule[]
  readonly lintAllowances: LintAllowances
}

/** What somebody is told whom the registry refuses. */
export interface DenialsConfig {
  /** Whom they can ask. */
  readonly contact: string | undefined
  /** `rule`: also the rule that denies it, or that none gives it. */
  readonly detail: 'none' | 'rule'
}

export interface ServerConfig {
  readonly host: string
  readonly port: number
  /** What clients reach us as, without a trailing slash; the realm is this and `/token`. */
  readonly publicUrl: string
  /** CIDRs of the proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** Unix socket for commands on this machine, absolute. */
  readonly controlSocket: string
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
  | ({ readonly kind: 'ldap' } & LdapSettings)

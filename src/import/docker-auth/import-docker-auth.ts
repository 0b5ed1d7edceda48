/**
 * From docker_auth's configuration to Dockwarden's: the file, what is not as it was, and the proof. Pure:
 * it reads and writes nothing but texts.
 */

import { compilePolicy, type Policy } from '../../authorization/policy.ts'
import { resolveRules } from '../../config/resolve-rules.ts'
import { configSchema } from '../../config/schema.ts'
import { readYaml } from '../../config/yaml-document.ts'
import { type AclEntry, readAuthConfig } from './auth-config.ts'
import type { Change } from './change.ts'
import { type Comparison, compare } from './compare.ts'
import { type DirectoryEntry, translateDirectory } from './directory.ts'
import { writeConfig } from './dockwarden-yaml.ts'
import type { Surroundings } from './entry-regions.ts'
import { settingsChanges } from './settings.ts'
import { surroundingsOf } from './surroundings.ts'
import { translateAcl } from './translate.ts'
import type { TranslatedRule } from './translated-rule.ts'
import { usersOf } from './users.ts'

/** What the file does not say. */
export interface ImportOptions {
  /** What the file is called in messages. */
  readonly file: string
  /** The services that tokens are for; docker_auth's file does not name them. */
  readonly services: readonly string[]
  /** How the new configuration will name the htpasswd file; undefined: no users are written. */
  readonly htpasswd: string | undefined
}

/** What comes of it. */
export interface DockerAuthImport {
  /** The text of the new configuration. */
  readonly config: string
  /** The lines of the htpasswd file. */
  readonly htpasswd: readonly string[]
  readonly carriedOver: {
    readonly users: readonly string[]
    /** Numbers of docker_auth's rules that live on, whole or in part. */
    readonly rules: readonly number[]
    readonly directory: boolean
  }
  /** What is not as it was. */
  readonly changes: readonly Change[]
  readonly proof: Comparison
}

/** The new configuration before it is proved, with what the proof asks of both sides. */
export interface TranslatedConfig extends Omit<DockerAuthImport, 'proof'> {
  readonly acl: readonly AclEntry[]
  readonly surroundings: Surroundings
  readonly rules: readonly TranslatedRule[]
  readonly policy: Policy
}

/** @throws ConfigError with every fault that would keep docker_auth from starting, each with its line */
export function importDockerAuth(text: string, options: ImportOptions): DockerAuthImport {
  const { acl, surroundings, rules, policy, ...written } = translateConfig(text, options)
  const { changes } = written
  return { ...written, proof: compare(acl, surroundings, policy, { rules, changes }) }
}

/** All of it but the proof. @throws ConfigError as {@link importDockerAuth} does */
export function translateConfig(text: string, options: ImportOptions): TranslatedConfig {
  const auth = readAuthConfig(text, options.file)
  const directory = auth.ldap && translateDirectory(auth.ldap)
  const carriedDirectory = typeof directory === 'object' ? directory : undefined
  const surroundings = surroundingsOf(auth, {
    services: options.services,
    directory: carriedDirectory,
  })
  const acl = auth.acl ?? []
  const { rules, groups, changes: ruleChanges } = translateAcl(acl, surroundings)
  const users = usersOf(auth)
  const changes = [
    ...users.changes,
    ...directoryChanges(directory),
    ...settingsChanges(auth, surroundings.services, options),
    ...ruleChanges,
  ]
  const config = writeConfig({
    ...{ source: options.file, auth, rules, groups, changes, services: surroundings.services },
    ...{
      directory: carriedDirectory,
      htpasswd: users.lines.length > 0 ? options.htpasswd : undefined,
    },
  })
  return {
    config,
    htpasswd: users.lines,
    carriedOver: {
      users: users.names,
      rules: [...new Set(rules.map(({ entry }) => entry))],
      directory: carriedDirectory !== undefined,
    },
    changes,
    acl,
    surroundings,
    rules,
    policy: policyOf(config),
  }
}

/** What is compared is what was written, read as the server will read it. */
function policyOf(config: string): Policy {
  const document = readYaml(config, {})
  const { groups, rules = [] } = configSchema.parse(document.value)
  return compilePolicy(
    resolveRules(rules, (index) => `rule ${index + 1}`),
    groups,
  )
}

function directoryChanges(directory: DirectoryEntry | string | undefined): readonly Change[] {
  if (directory === undefined) return []
  if (typeof directory === 'string') {
    return [
      {
        kind: 'less',
        message: `ldap_auth is not carried over, because ${directory}; see docs/ldap.md`,
      },
    ]
  }
  return directory.changes.map((change) => ({ kind: 'note', message: `ldap_auth: ${change}` }))
}

/**
 * From `dockwarden.yml`, the environment and the built-in defaults to one frozen {@link Config}.
 *
 * A key that the file leaves out has its default, and where there is no file the defaults run alone.
 * One default hangs on another: the rule that lets `user:admin` do everything stands only where the
 * file says neither `rules` nor `authentication`. Somebody else's list of users may well have an
 * "admin" of its own, so a file that names backends and no rules gives nothing to anybody.
 */

import { basename, dirname, resolve } from 'node:path'
import { catalog } from '../authorization/policy.ts'
import type { Rule } from '../authorization/rule.ts'
import type { Config, ServerConfig } from './config.ts'
import {
  ConfigError,
  type Fault,
  formatKeyPath,
  type KeyPath,
  maximumFaults,
} from './config-error.ts'
import { readConfigFile } from './config-file.ts'
import { deepFreeze } from './deep-freeze.ts'
import { type LoadOptions, locateConfig } from './locate-config.ts'
import { type ConfigFile, configSchema } from './schema.ts'
import { type SchemaFault, schemaFaults } from './schema-faults.ts'
import { readYaml, type YamlDocument } from './yaml-document.ts'

/**
 * Reads the file that {@link locateConfig} names. Relative paths in it start at its own folder.
 *
 * @throws ConfigError with every fault of the file, each with its place and what to do
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { env, workingFolder } = options
  const { path: file, mayBeMissing } = locateConfig(options)
  const text = await readConfigFile(file, { mayBeMissing })
  if (text === undefined) return builtInConfig(workingFolder)

  const document = readYaml(text, env)
  if (document.value === null) throw new ConfigError([emptyFault(file)])
  const checked = configSchema.safeParse(document.value, { reportInput: true })
  if (document.faults.length > 0 || !checked.success) {
    throw faultsOf(file, document, schemaFaults(checked.error?.issues ?? []))
  }
  return resolveConfig(checked.data, dirname(file), {
    file,
    originOf: (index) => `${basename(file)}:${document.placeOf(['rules', index]).line}`,
  })
}

function builtInConfig(workingFolder: string): Config {
  const originOf = () => 'built-in'
  return resolveConfig(configSchema.parse({}), workingFolder, { file: undefined, originOf })
}

function emptyFault(file: string): Fault {
  const message = 'the file is empty; write what differs from the defaults, or remove the file'
  return { file, place: { line: 1, column: 1 }, key: '', message }
}

function faultsOf(
  file: string,
  document: YamlDocument,
  ofSchema: Iterable<SchemaFault>,
): ConfigError {
  const enough = maximumFaults + 1
  const ofDocument = document.faults.slice(0, enough)
  const faults: Fault[] = ofDocument.map(({ path, place, message }) => ({
    file,
    place,
    key: formatKeyPath(path),
    message,
  }))
  for (const { path, at, message } of ofSchema) {
    if (faults.length >= enough) break
    // What could not be read has no value: that the schema misses it is no fault of its own.
    if (ofDocument.some((fault) => isWithin(path, fault.path))) continue
    const place = at === 'key' ? document.placeOfKey(path) : document.placeOf(path)
    // What the environment gives may be a secret, and the message goes into a log.
    faults.push({
      file,
      place,
      key: formatKeyPath(path),
      message: document.asWritten(path, message),
    })
  }
  return new ConfigError(faults)
}

function isWithin(path: KeyPath, section: KeyPath): boolean {
  return section.every((step, index) => path[index] === step)
}

const everythingForAdmin: Rule = {
  name: 'admin may everything',
  origin: 'built-in',
  who: [{ kind: 'user', name: 'admin' }],
  may: ['*'],
  mayNot: [],
  on: ['**', catalog],
}

/** Fills in what hangs on other keys, and makes paths absolute. */
function resolveConfig(
  content: ConfigFile,
  folder: string,
  source: { readonly file: string | undefined; readonly originOf: (rule: number) => string },
): Config {
  const { server, services, authentication, rules } = content
  const noneOfBoth = rules === undefined && authentication === undefined
  return deepFreeze({
    file: source.file,
    server: resolveServer(server),
    services: services.map((service) => ({
      name: service.name,
      tokenLifetime: service.token_lifetime,
    })),
    issuer: content.issuer,
    database: { kind: 'sqlite', path: resolve(folder, content.database) },
    keys: resolve(folder, content.keys),
    groups: content.groups,
    authentication: (authentication ?? [{ kind: 'accounts', name: 'accounts' }]).map((backend) =>
      backend.kind === 'htpasswd' ? { ...backend, file: resolve(folder, backend.file) } : backend,
    ),
    rules: noneOfBoth
      ? [everythingForAdmin]
      : (rules ?? []).map(({ name, who, may = [], may_not: mayNot = [], on }, index) => {
          const origin = source.originOf(index)
          return { name: name ?? origin, origin, who, may, mayNot, on }
        }),
  })
}

function resolveServer(server: ConfigFile['server']): ServerConfig {
  const { host, port } = server.listen
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    host,
    port,
    publicUrl: server.public_url ?? `http://${address}`,
    trustedProxies: server.trusted_proxies,
  }
}

/**
 * From `dockwarden.yml`, the environment and the built-in defaults to one frozen {@link Config}.
 *
 * A key that the file leaves out has its default, and where there is no file the defaults run alone.
 * One default hangs on another: the rules that let `user:admin` do everything, and everybody own the
 * namespace of their name, stand only where the file says neither `rules` nor `authentication`. Somebody
 * else's list of users may well have an "admin" of its own, so a file that names backends and no rules
 * gives nothing to anybody.
 */

import { basename, dirname, resolve } from 'node:path'
import type { z } from 'zod'
import type { LdapSettings } from '../authentication/ldap/settings.ts'
import { catalog } from '../authorization/policy.ts'
import type { Rule } from '../authorization/rule.ts'
import { hostAndPort } from '../host-and-port.ts'
import type { BackendConfig, Config, ServerConfig } from './config.ts'
import {
  ConfigError,
  type Fault,
  formatKeyPath,
  type KeyPath,
  maximumFaults,
} from './config-error.ts'
import { readConfigFile } from './config-file.ts'
import { controlSocketPath } from './control-socket.ts'
import { deepFreeze } from './deep-freeze.ts'
import { disguised } from './interpolate.ts'
import { lintAllowances } from './lint-allowances.ts'
import { type LoadOptions, locateConfig } from './locate-config.ts'
import { type Origins, originsBelow } from './origins.ts'
import { resolveRules } from './resolve-rules.ts'
import { type ConfigFile, candidateSchema, configSchema } from './schema.ts'
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
  return text === undefined ? builtInConfig(workingFolder) : await readConfig(file, text, env)
}

async function readConfig(file: string, text: string, env: LoadOptions['env']): Promise<Config> {
  const { document, content } = readContent(file, text, env, configSchema)
  const candidate = content.rules_candidate
  const folder = dirname(file)
  return resolveConfig(content, folder, {
    file,
    text,
    originOf: originReader(file, document),
    origins: originsOfBackends(document, basename(file)),
    candidate:
      candidate === undefined ? undefined : await loadCandidate(resolve(folder, candidate), env),
  })
}

/** Rules, and the groups that their file gives them, if it says any. */
export interface RulesAlone {
  /** Absolute. */
  readonly file: string
  readonly rules: readonly Rule[]
  readonly groups: Config['groups'] | undefined
}

/**
 * Reads a file of rules alone, as `rules_candidate` names one, or a whole configuration.
 *
 * @throws ConfigError with every fault of the file
 */
export async function loadRules(
  options: LoadOptions,
): Promise<RulesAlone & { readonly config?: Config }> {
  const { env } = options
  const { path: file } = locateConfig(options)
  // Once: the pipe that a shell makes of `<(…)` says nothing a second time.
  const text = await readConfigFile(file)
  const { value } = readYaml(text, env)
  const keys = Object.keys(value ?? {})
  const known = Object.keys(candidateSchema.shape)
  if (!keys.includes('rules') || !keys.every((key) => known.includes(key))) {
    const config = await readConfig(file, text, env)
    return { file, rules: config.rules, groups: config.groups, config }
  }
  const { content, originOf } = readCandidate(file, text, env)
  const rules = resolveRules(content.rules, (index) => originOf('rules', index))
  return { file, rules, groups: content.groups }
}

/** @throws ConfigError with every fault of the text */
function readContent<Schema extends z.ZodType>(
  file: string,
  text: string,
  env: LoadOptions['env'],
  schema: Schema,
): { readonly document: YamlDocument; readonly content: z.output<Schema> } {
  const document = readYaml(text, env)
  if (document.value === null) throw new ConfigError([emptyFault(file)])
  const checked = schema.safeParse(document.value, { reportInput: true })
  if (document.faults.length > 0 || !checked.success) {
    const faults = faultsOfSchema(document, checked.error)
    if (!document.isFilledIn) throw faultsOf(file, document, faults)
    const other = readYaml(text, disguised(env))
    const { error } = schema.safeParse(other.value, { reportInput: true })
    throw faultsOf(file, document, withoutValues(faults, document, faultsOfSchema(other, error)))
  }
  return { document, content: checked.data }
}

function* faultsOfSchema(
  document: YamlDocument,
  error: z.ZodError | undefined,
): Generator<SchemaFault> {
  for (const fault of schemaFaults(error?.issues ?? [])) {
    yield { ...fault, message: document.asWritten(fault.path, fault.message) }
  }
}

/**
 * What the environment gives may be a secret, and messages go into a log. One that would be another for
 * other values tells something of them, be it a part, or what was made of it.
 */
function* withoutValues(
  faults: Iterable<SchemaFault>,
  document: YamlDocument,
  ofOtherValues: Iterable<SchemaFault>,
): Generator<SchemaFault> {
  const keyOf = ({ path, message }: SchemaFault) => JSON.stringify([path, message])
  const harmless = new Set([...ofOtherValues].map(keyOf))
  for (const fault of faults) {
    if (harmless.has(keyOf(fault))) yield fault
    else yield { ...fault, message: valueFault(document.written(fault.path)) }
  }
}

function valueFault(written: string): string {
  const what = written.includes('${') ? `"${written}"` : 'this'
  return `${what} does not go with what the environment gives, which is not shown because it may be a secret; correct it there`
}

interface Candidate {
  readonly file: string
  readonly text: string
  readonly content: z.output<typeof candidateSchema>
  readonly originOf: OriginReader
}

/** @throws ConfigError */
async function loadCandidate(file: string, env: LoadOptions['env']): Promise<Candidate> {
  return readCandidate(file, await readConfigFile(file), env)
}

/** @throws ConfigError */
function readCandidate(file: string, text: string, env: LoadOptions['env']): Candidate {
  const { document, content } = readContent(file, text, env, candidateSchema)
  return { file, text, content, originOf: originReader(file, document) }
}

/** The file and line of an element of a list, such as the third of `rules`. */
type OriginReader = (section: 'rules' | 'rule_tests', index: number) => string

function originReader(file: string, document: YamlDocument): OriginReader {
  return (section, index) => `${basename(file)}:${document.placeOf([section, index]).line}`
}

function originsOfBackends(document: YamlDocument, file: string): Origins {
  const { authentication } = document.value as { readonly authentication?: unknown }
  const originOf = (path: KeyPath) => `${file}:${document.placeOfKey(path).line}`
  return originsBelow(['authentication'], authentication, originOf)
}

function builtInConfig(workingFolder: string): Config {
  return resolveConfig(configSchema.parse({}), workingFolder, {
    file: undefined,
    text: '',
    originOf: () => 'built-in',
    origins: {},
    candidate: undefined,
  })
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
    faults.push({ file, place, key: formatKeyPath(path), message })
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
const ownNamespace: Rule = {
  name: 'people own their namespace',
  origin: 'built-in',
  who: [{ kind: 'authenticated' }],
  may: ['*'],
  mayNot: [],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the variable of a rule, not of JavaScript
  on: ['${user}/**'],
}

/** Fills in what hangs on other keys, and makes paths absolute. */
function resolveConfig(
  content: ConfigFile,
  folder: string,
  source: {
    readonly file: string | undefined
    readonly text: string
    readonly originOf: OriginReader
    readonly origins: Origins
    readonly candidate: Candidate | undefined
  },
): Config {
  const { server, services, authentication } = content
  const { candidate } = source
  const noneOfBoth = content.rules === undefined && authentication === undefined
  const rules = noneOfBoth
    ? [everythingForAdmin, ownNamespace]
    : resolveRules(content.rules ?? [], (index) => source.originOf('rules', index))
  return deepFreeze({
    file: source.file,
    server: resolveServer(
      server,
      controlSocketPath(folder, content.database, server.control_socket),
    ),
    services: services.map((service) => ({
      name: service.name,
      tokenLifetime: service.token_lifetime,
    })),
    issuer: content.issuer,
    database: { kind: 'sqlite', path: resolve(folder, content.database) },
    keys: resolve(folder, content.keys),
    groups: content.groups,
    authentication: (authentication ?? [{ kind: 'accounts' as const, name: 'accounts' }]).map(
      (backend) => resolveBackend(backend, folder),
    ),
    rules,
    lintAllowances: lintAllowances(source.text, rules),
    ruleTests: content.rule_tests.map((test, index) => ({
      origin: source.originOf('rule_tests', index),
      asker: test.who && { ...test.who, groups: test.groups.map((name) => ({ name })) },
      may: test.may ?? [],
      mayNot: test.may_not ?? [],
      on: test.on,
      service: test.service ?? services[0]?.name ?? '',
      address: test.from,
      time: test.at,
    })),
    rulesCandidate: candidate && resolveCandidate(candidate, content.groups),
    denials: { contact: content.denials.contact, detail: content.denials.detail },
    origins: source.origins,
  })
}

function resolveCandidate(
  { file, text, content, originOf }: Candidate,
  groups: Config['groups'],
): NonNullable<Config['rulesCandidate']> {
  const rules = resolveRules(content.rules, (index) => originOf('rules', index))
  return {
    file,
    groups: content.groups ?? groups,
    rules,
    lintAllowances: lintAllowances(text, rules),
  }
}

function resolveBackend(backend: BackendConfig, folder: string): BackendConfig {
  switch (backend.kind) {
    case 'accounts':
      return backend
    case 'htpasswd':
      return { ...backend, file: resolve(folder, backend.file) }
    case 'ldap':
      return { ...backend, ...resolveLdapFiles(backend, folder) }
  }
}

function resolveLdapFiles({ tls, bind }: LdapSettings, folder: string) {
  const inFolder = (file: string) => resolve(folder, file)
  const { caFile, clientCertificate } = tls
  const resolvedTls: LdapSettings['tls'] = {
    ...tls,
    caFile: caFile && inFolder(caFile),
    clientCertificate: clientCertificate && {
      certFile: inFolder(clientCertificate.certFile),
      keyFile: inFolder(clientCertificate.keyFile),
    },
  }
  if (bind.kind === 'direct' || bind.account === undefined || 'text' in bind.account.password) {
    return { tls: resolvedTls }
  }
  const password = { file: inFolder(bind.account.password.file) }
  return { tls: resolvedTls, bind: { ...bind, account: { ...bind.account, password } } }
}

function resolveServer(server: ConfigFile['server'], controlSocket: string): ServerConfig {
  const { host, port } = server.listen
  return {
    host,
    port,
    publicUrl: server.public_url ?? `http://${hostAndPort(host, port)}`,
    trustedProxies: server.trusted_proxies,
    controlSocket,
  }
}

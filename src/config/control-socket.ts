/** Where the control socket of the server with this configuration is. */

import { dirname, join, resolve } from 'node:path'
import { ConfigError } from './config-error.ts'
import { readConfigFile } from './config-file.ts'
import { type LoadOptions, locateConfig } from './locate-config.ts'
import { type ConfigFile, configSchema } from './schema.ts'
import { readYaml } from './yaml-document.ts'

/** @param folder the configuration file's, where relative paths start */
export function controlSocketPath(
  folder: string,
  database: ConfigFile['database'],
  named: string | undefined,
): string {
  return resolve(folder, named ?? join(dirname(database), 'dockwarden.sock'))
}

/**
 * Found also where the file does not hold: the server that keeps the configuration from before is the
 * one to ask. A database that is faulty counts as left out.
 *
 * @throws ConfigError where nothing can be read: no such file, no YAML
 */
export async function locateControlSocket(options: LoadOptions): Promise<string> {
  const { path: file, mayBeMissing } = locateConfig(options)
  const text = await readConfigFile(file, { mayBeMissing })
  const { value, faults } = readYaml(text ?? '', options.env)
  if (value === undefined) {
    throw new ConfigError(faults.map(({ place, message }) => ({ file, place, key: '', message })))
  }
  const written = value as {
    readonly server?: { readonly control_socket?: unknown }
    readonly database?: unknown
  } | null
  const { database } = configSchema.shape
  const socket = written?.server?.control_socket
  return controlSocketPath(
    text === undefined ? options.workingFolder : dirname(file),
    database.safeParse(written?.database).data ?? database.parse(undefined),
    typeof socket === 'string' ? socket : undefined,
  )
}

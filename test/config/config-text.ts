/** Configurations written in a test, loaded as the program loads them. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

export const folder = temporaryFolder('config')
const file = join(folder, 'dockwarden.yml')

type Environment = Readonly<Record<string, string | undefined>>

export function loadText(content: string | Uint8Array, env: Environment = {}): Promise<Config> {
  writeFileSync(file, content)
  return loadConfig({ file, env, workingFolder: folder })
}

/** One line for each fault, without the folder: `3:5 key: message`. Empty where the text loads. */
export async function faultsOf(
  content: string | Uint8Array,
  env: Environment = {},
): Promise<readonly string[]> {
  const error = await loadText(content, env).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error === undefined) return []
  if (!(error instanceof ConfigError)) throw error
  return error.message.split('\n').map((line) => line.replace(`${file}:`, ''))
}

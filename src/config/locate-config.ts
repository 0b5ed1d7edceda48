/** Which file the configuration is read from. */

import { resolve } from 'node:path'
import type { Environment } from './interpolate.ts'

export interface LoadOptions {
  readonly file?: string | undefined
  readonly env: Environment
  readonly workingFolder: string
}

const defaultFile = 'dockwarden.yml'

/**
 * The file that the option names, else the one of `DOCKWARDEN_CONFIG`, else `dockwarden.yml` in the
 * working folder, which need not be there.
 */
export function locateConfig({ file, env, workingFolder }: LoadOptions): {
  readonly path: string
  readonly mayBeMissing: boolean
} {
  // Compose passes a variable that is not set as an empty one.
  const named = file ?? (env['DOCKWARDEN_CONFIG'] || undefined)
  return { path: resolve(workingFolder, named ?? defaultFile), mayBeMissing: named === undefined }
}

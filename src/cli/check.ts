/** `dockwarden check`: everything that would keep a configuration from being used, without using it. */

import { checkHtpasswd } from '../authentication/htpasswd/htpasswd-file.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { AppError } from '../errors.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** @returns the exit code: failed where a file that the configuration names has a fault */
export async function check(
  options: { readonly config?: string },
  terminal: Terminal,
): Promise<number> {
  const { env, workingFolder, print, complain } = terminal
  const config = await loadConfigInWorker({ file: options.config, env, workingFolder })
  let faults = 0
  for (const backend of config.authentication) {
    if (backend.kind !== 'htpasswd') continue
    for (const fault of await faultsOf(backend.file)) {
      faults += 1
      complain(fault)
    }
  }
  if (faults > 0) return exitCodes.failed
  const { file, services, authentication, rules } = config
  print(
    `${file ?? 'built-in defaults'}: ok (services: ${services.map(({ name }) => name).join(', ')}; ` +
      `backends: ${authentication.map(({ name }) => name).join(', ')}; rules: ${rules.length})`,
  )
  return exitCodes.done
}

/** A file that cannot be read is one more fault, and no reason to keep silent about the others. */
async function faultsOf(file: string): Promise<readonly string[]> {
  try {
    return await checkHtpasswd(file)
  } catch (error) {
    if (error instanceof AppError) return [error.message]
    throw error
  }
}

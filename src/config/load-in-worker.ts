/**
 * Loads the configuration in a thread of its own. A file of 10,000 rules takes the parser and the
 * schema a second and 90 MB: on the event loop a reload would keep every client waiting, and V8 does
 * not give such memory back to the system as long as the thread lives.
 */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { LoadedConfig, LoadResult, WorkerLoadOptions } from './load-worker.ts'
import type { LoadOptions } from './locate-config.ts'

/** As `loadConfig` of load.ts, whose every promise this one keeps. */
export async function loadConfigInWorker(options: LoadOptions): Promise<Config> {
  return (await loadTestedConfig(options)).config
}

/**
 * As above, and with the file's rule tests.
 *
 * @param signal ends the thread, in the middle of whatever it does
 * @throws ConfigError also where one of the tests fails
 */
export async function loadTestedConfig(
  options: WorkerLoadOptions,
  signal?: AbortSignal,
): Promise<LoadedConfig> {
  const worker = new Worker(new URL('./load-worker.js', import.meta.url), {
    // What is parsed dies young: with V8's own 16 MB and more for that, 1,000 rules peak at 30 MB more.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    // A copy: the environment itself is no plain object.
    workerData: { ...options, env: { ...options.env } } satisfies WorkerLoadOptions,
  })
  const message = once(worker, 'message', signal === undefined ? {} : { signal })
  const [result] = (await message.catch(async (error) => {
    await worker.terminate()
    throw error
  })) as [LoadResult]
  if ('faults' in result) throw new ConfigError(result.faults)
  return { ...result, config: deepFreeze(result.config) }
}

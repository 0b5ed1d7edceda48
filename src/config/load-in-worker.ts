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
import type { LoadResult } from './load-worker.ts'
import type { LoadOptions } from './locate-config.ts'

/** As `loadConfig` of load.ts, whose every promise this one keeps. */
export async function loadConfigInWorker(options: LoadOptions): Promise<Config> {
  const worker = new Worker(new URL('./load-worker.js', import.meta.url), {
    // A copy: the environment itself is no plain object.
    workerData: { ...options, env: { ...options.env } } satisfies LoadOptions,
  })
  const [result] = (await once(worker, 'message')) as [LoadResult]
  if ('faults' in result) throw new ConfigError(result.faults)
  return deepFreeze(result.config)
}

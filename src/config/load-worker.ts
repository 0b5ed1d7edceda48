/** Runs in a worker thread, once: loads the configuration for `load-in-worker.ts`. */

import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from './config.ts'
import { ConfigError, type Fault } from './config-error.ts'
import { loadConfig } from './load.ts'
import type { LoadOptions } from './locate-config.ts'

/** An error keeps neither its class nor its own fields on the way between threads; faults are plain. */
export type LoadResult = { readonly config: Config } | { readonly faults: readonly Fault[] }

async function load(options: LoadOptions): Promise<LoadResult> {
  try {
    return { config: await loadConfig(options) }
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults }
    throw error
  }
}

parentPort?.postMessage(await load(workerData))

/** Runs in a worker thread, once: loads the configuration for `load-in-worker.ts`. */

import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from './config.ts'
import { ConfigError, type Fault } from './config-error.ts'
import { loadConfig } from './load.ts'
import type { LoadOptions } from './locate-config.ts'
import { ruleTestFaults } from './rule-test-faults.ts'

export interface WorkerLoadOptions extends LoadOptions {
  /** Where given, the file's `rule_tests` are run as of this time, and must hold. */
  readonly testedAt?: Date
  /** A server that starts anew takes what it had, also where a test fails because a rule has ended since. */
  readonly isStart?: boolean
}

/** An error keeps neither its class nor its own fields on the way between threads; faults are plain. */
export type LoadResult = LoadedConfig | { readonly faults: readonly Fault[] }

export interface LoadedConfig {
  readonly config: Config
  /** At a start: the rule tests that fail because a rule has ended. */
  readonly ended: readonly Fault[]
}

async function load({
  testedAt,
  isStart = false,
  ...options
}: WorkerLoadOptions): Promise<LoadResult> {
  try {
    const config = await loadConfig(options)
    const failing = testedAt === undefined ? [] : ruleTestFaults(config, testedAt)
    const ended = failing.filter(({ hasEnded }) => isStart && hasEnded)
    const faults = failing.filter((fault) => !ended.includes(fault))
    return faults.length > 0 ? { faults } : { config, ended }
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults }
    throw error
  }
}

parentPort?.postMessage(await load(workerData))

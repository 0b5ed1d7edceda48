/**
 * Keeps the configuration in force up to date: reads it anew when one of its files has changed and when
 * somebody asks, and puts it in force whole or not at all.
 */

import { basename } from 'node:path'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { namedFiles } from '../config/named-files.ts'
import type { ReloadResult } from '../control/control-operations.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { WatchedFiles } from './watched-files.ts'

/** The server that runs. */
export interface Reloadable {
  /** @throws where the new configuration cannot be used: the old one stays in force, whole */
  reload(config: Config): Promise<void>
  /** Hears that the configuration in force is older than the file. */
  refuse(reason: string): void
}

export interface ReloaderOptions {
  /** The configuration file, absolute. */
  readonly file: string
  /** @throws ConfigError where it does not hold, and anything once the signal has ended it */
  readonly load: (signal: AbortSignal) => Promise<Config>
  readonly log: Log
}

const stopping = { ok: false, reasons: ['the server is stopping'] } as const

/** Milliseconds between two looks at the files. */
const watchInterval = 1_000

export class Reloader {
  readonly #options: ReloaderOptions
  readonly #files: WatchedFiles
  readonly #started: Promise<Reloadable>
  #start: (server: Reloadable) => void = () => {}
  /** What the configuration in force names, and the one that was refused after it. */
  #inForce: readonly string[] = []
  #refused: readonly string[] = []
  readonly #stop = new AbortController()
  #last: Promise<unknown>
  #next: { readonly causes: Set<string>; readonly result: Promise<ReloadResult> } | undefined

  /** Made before the file is read for the first time, so that no change falls between the two. */
  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#started = new Promise((resolve) => {
      this.#start = resolve
    })
    this.#last = this.#started
    this.#files = new WatchedFiles({
      intervalMilliseconds: watchInterval,
      onChange: (paths) => {
        const names = paths.map((path) => basename(path)).join(' and ')
        void this.reload(`${names} changed`)
      },
    })
    this.#watch()
  }

  /** The configuration to start with. @throws ConfigError where it does not hold */
  async load(): Promise<Config> {
    const config = await this.#options.load(this.#stop.signal)
    this.#inForce = namedFiles(config).others
    this.#watch()
    return config
  }

  /** Every change since the files were read first, and whatever was asked for meanwhile, counts from here on. */
  start(server: Reloadable): void {
    this.#start(server)
  }

  /**
   * One after the other: a slow load must not overwrite a later one. All who ask while one is under way
   * share the next, which reads the files after they have asked. Never rejects.
   *
   * @param cause what has happened, for the log
   */
  reload(cause: string): Promise<ReloadResult> {
    if (this.#next === undefined) {
      const causes = new Set<string>()
      const result = this.#last.then(async () => {
        this.#next = undefined
        return await this.#reload(await this.#started, [...causes].join(', '))
      })
      this.#last = result
      this.#next = { causes, result }
    }
    this.#next.causes.add(cause)
    return this.#next.result
  }

  /** Reloads no more: ends a load that is under way, and returns once what was loaded before is in force. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#files.close()
    await this.#last
  }

  async #reload(server: Reloadable, cause: string): Promise<ReloadResult> {
    const { signal } = this.#stop
    if (signal.aborted) return stopping
    const { load, log } = this.#options
    this.#refused = []
    try {
      await this.#files.take()
      const config = await load(signal)
      signal.throwIfAborted()
      const { htpasswd, others } = namedFiles(config)
      // Watched before they are read. Should it be refused, mending any of them is a reason to try again.
      this.#refused = [...htpasswd, ...others]
      this.#watch()
      await server.reload(config)
      this.#inForce = others
      this.#refused = []
      const taken = describeConfig(config)
      log.info({ event: 'reload', cause, ...taken }, 'the new configuration is in force')
      return { ok: true, ...taken }
    } catch (error) {
      if (signal.aborted) return stopping
      if (error instanceof ConfigError) this.#refused = error.faults.map(({ file }) => file)
      const reasons = shortened(messageOf(error))
      const reason = reasons.join('\n')
      server.refuse(`the configuration in force is an older one: ${reason}`)
      log.error({ event: 'reload', cause, reason }, 'the old configuration stays in force')
      return { ok: false, reasons }
    } finally {
      this.#watch()
    }
  }

  #watch(): void {
    this.#files.watch([this.#options.file, ...this.#inForce, ...this.#refused])
  }
}

/** What a log line says of a configuration. */
export function describeConfig({ file, services, authentication, rules }: Config) {
  return {
    config: file ?? 'built-in defaults',
    services: services.map(({ name }) => name),
    backends: authentication.map(({ name }) => name),
    rules: rules.length,
  }
}

/** So many of the lines that the log's stays under 8 kB. */
function shortened(reason: string): readonly string[] {
  const lines = reason.split('\n')
  let room = 6_000
  const shown = lines.filter((line) => {
    room -= Buffer.byteLength(JSON.stringify(line))
    return room >= 0
  })
  if (shown.length === lines.length) return lines
  return [...shown, `… and ${lines.length - shown.length} more: see dockwarden check`]
}

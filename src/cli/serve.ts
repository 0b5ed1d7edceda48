/** `dockwarden serve`: the server, until it is told to stop. */

import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { createPinoLog, type PinoLog } from '../pino-log.ts'
import { watchFile } from '../watched-file.ts'
import { guide } from './guide.ts'
import { exitCodes, type Terminal } from './terminal.ts'

export interface ServeOptions {
  readonly config?: string
  readonly guide: boolean
}

/** Milliseconds between two looks at the configuration file. */
const watchInterval = 1_000

/** Milliseconds within which a signal comes twice for one Ctrl-C: from the terminal, and from npm. */
const onePress = 500

/** @returns the exit code, once everything in flight has been answered */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<number> {
  const { env, workingFolder } = terminal
  // Side by side: the parser and the schema load in the worker, everything else here.
  const [config, { createApp }] = await Promise.all([
    loadConfigInWorker({ file: options.config, env, workingFolder }),
    import('../app.ts'),
  ])
  // By its name from here on: should a file that was found by itself vanish, its rules stay in force,
  // and the built-in ones do not take their place.
  const file = config.file ?? options.config
  const load = () => loadConfigInWorker({ file, env, workingFolder })
  const log = createPinoLog(env['DOCKWARDEN_LOG_LEVEL'] ?? 'info')
  try {
    const app = await createApp(config, { clock: () => new Date(), log })
    // Before anything else can fail: it is made once, so this is the only time that it can be seen.
    if (app.firstAdmin !== undefined) showFirstAdmin(app.firstAdmin, terminal)
    const port = await listenOrClose(app)
    if (options.guide) terminal.print(guide(config, port, app.firstAdmin?.name))
    log.info(
      { event: 'start', listen: `${config.server.host}:${port}`, ...described(config) },
      'ready',
    )
    warnOfClearText(config, log)

    const stopReloading = reloadOnChange(app, config, load, log, terminal)
    const signal = await untilStopped(terminal)
    stopReloading()
    log.info({ event: 'stop', signal }, 'stopping: answering what is in flight')
    await app.close()
    log.info({ event: 'stop' }, 'stopped')
    return exitCodes.done
  } finally {
    log.flush()
  }
}

async function listenOrClose(app: App): Promise<number> {
  try {
    return await app.listen()
  } catch (error) {
    await app.close()
    throw error
  }
}

/** To standard output and not to the log: the password must be seen once, and kept nowhere. */
function showFirstAdmin(
  { name, password }: NonNullable<App['firstAdmin']>,
  { print }: Terminal,
): void {
  print(`admin account: ${name}`)
  print(`admin password: ${password}`)
  print('(shown this once, and stored only as a hash)')
}

/** Plain HTTP is for one machine, or for a private network that trusts its cables. */
function warnOfClearText({ server: { publicUrl } }: Config, log: PinoLog): void {
  const { protocol, hostname } = new URL(publicUrl)
  const isLocal = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
  if (protocol === 'https:' || isLocal) return
  log.warn(
    { event: 'clear_text', publicUrl },
    'passwords and tokens cross the network in the clear: server.public_url is plain HTTP',
  )
}

function described({ file, services, authentication, rules }: Config): object {
  return {
    config: file ?? 'built-in defaults',
    services: services.map(({ name }) => name),
    backends: authentication.map(({ name }) => name),
    rules: rules.length,
  }
}

/** @returns a function that ends it */
function reloadOnChange(
  app: App,
  config: Config,
  load: () => Promise<Config>,
  log: PinoLog,
  terminal: Terminal,
): () => void {
  let reloading: Promise<void> = Promise.resolve()
  const reload = (cause: string) => {
    // One after the other: a slow load must not overwrite a later one.
    reloading = reloading.then(async () => {
      try {
        const next = await load()
        await app.reload(next)
        app.setConfigFault(undefined)
        log.info(
          { event: 'reload', cause, ...described(next) },
          'the new configuration is in force',
        )
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        app.setConfigFault(`the configuration in force is an older one: ${reason}`)
        log.error({ event: 'reload', cause, reason }, 'the old configuration stays in force')
      }
    })
  }
  const stopListening = terminal.onSignal('SIGHUP', () => reload('SIGHUP'))
  const watch =
    config.file &&
    watchFile(config.file, {
      intervalMilliseconds: watchInterval,
      onChange: () => reload('the file changed'),
      onTrouble: () => reload('the file cannot be read'),
    })
  return () => {
    stopListening()
    if (watch) watch.close()
  }
}

/** The first signal asks for a stop; a second one does not wait for it. */
function untilStopped(terminal: Terminal): Promise<string> {
  return new Promise((resolve) => {
    let first: { readonly signal: string; readonly time: number } | undefined
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      terminal.onSignal(signal, () => {
        const time = performance.now()
        if (first === undefined) {
          first = { signal, time }
          resolve(signal)
        } else if (signal !== first.signal || time - first.time > onePress)
          terminal.exitNow(exitCodes.failed)
      })
    }
  })
}

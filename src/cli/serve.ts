/** `dockwarden serve`: the server, until it is told to stop. */

import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { locateConfig } from '../config/locate-config.ts'
import { createPinoLog, type PinoLog } from '../pino-log.ts'
import { noticeChanges } from './config-changes.ts'
import { guide } from './guide.ts'
import { exitCodes, type Terminal } from './terminal.ts'

export interface ServeOptions {
  readonly config?: string
  readonly guide: boolean
}

const hangUp = ['SIGHUP'] as const

/** Milliseconds within which a signal comes twice for one Ctrl-C: from the terminal, and from npm. */
const onePress = 500

/** @returns the exit code, once everything in flight has been answered */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<number> {
  const { env, workingFolder } = terminal
  let file = options.config
  const load = async () => {
    const config = await loadConfigInWorker({ file, env, workingFolder })
    // By its name from here on: should a file that was found by itself vanish, its rules stay in force,
    // and the built-in ones do not take their place.
    file = config.file ?? file
    return config
  }
  // Before anything is opened: a signal that nobody listens to ends the process, whatever it is doing.
  // A service manager sends SIGHUP for a reload; the terminal of a person who reads the guide, when it closes.
  const stopped = untilStopped(terminal, ['SIGTERM', 'SIGINT', ...(options.guide ? hangUp : [])])
  const changes = noticeChanges(locateConfig({ file, env, workingFolder }).path, {
    signals: options.guide ? [] : hangUp,
    terminal,
  })
  const log = createPinoLog(env['DOCKWARDEN_LOG_LEVEL'])
  try {
    // Side by side: the parser and the schema load in the worker, everything else here.
    const [config, { createApp }] = await Promise.all([load(), import('../app.ts')])
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

    changes.follow((cause) => reload(app, load, cause, log))
    const signal = await stopped
    await changes.stop()
    log.info({ event: 'stop', signal }, 'stopping: answering what is in flight')
    await app.close()
    log.info({ event: 'stop' }, 'stopped')
    return exitCodes.done
  } finally {
    await log.close()
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

/** A change that cannot be used changes nothing but what the log and `/readyz` say. */
async function reload(
  app: App,
  load: () => Promise<Config>,
  cause: string,
  log: PinoLog,
): Promise<void> {
  try {
    const next = await load()
    await app.reload(next)
    app.setConfigFault(undefined)
    log.info({ event: 'reload', cause, ...described(next) }, 'the new configuration is in force')
  } catch (error) {
    const reason = shortened(error instanceof Error ? error.message : String(error))
    app.setConfigFault(`the configuration in force is an older one: ${reason}`)
    log.error({ event: 'reload', cause, reason }, 'the old configuration stays in force')
  }
}

/** So much of a list of faults that the log line stays under 8 kB. */
function shortened(reason: string): string {
  const lines = reason.split('\n')
  let room = 6_000
  const shown = lines.filter((line) => {
    room -= Buffer.byteLength(JSON.stringify(line))
    return room >= 0
  })
  if (shown.length === lines.length) return reason
  return [...shown, `… and ${lines.length - shown.length} more: see dockwarden check`].join('\n')
}

/** The first signal asks for a stop; a second one does not wait for it. */
function untilStopped(terminal: Terminal, signals: readonly NodeJS.Signals[]): Promise<string> {
  return new Promise((resolve) => {
    let first: { readonly signal: string; readonly time: number } | undefined
    for (const signal of signals) {
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

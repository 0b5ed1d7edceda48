/** `dockwarden serve`: the server, until it is told to stop. */

import type { Command } from 'commander'
import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import type { Fault } from '../config/config-error.ts'
import { loadTestedConfig } from '../config/load-in-worker.ts'
import { locateConfig } from '../config/locate-config.ts'
import { openControlServer } from '../control/control-server.ts'
import { hostAndPort } from '../host-and-port.ts'
import { createPinoLog, type PinoLog } from '../pino-log.ts'
import { describeConfig, Reloader } from '../reload/reloader.ts'
import { configOption } from './config-option.ts'
import { guide } from './guide.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface ServeOptions {
  readonly config?: string
  readonly guide: boolean
}

/** @param finish is told the exit code */
export function addServeCommand(
  program: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  program
    .command('serve')
    .description('answer token requests until SIGTERM or Ctrl-C; SIGHUP reloads the configuration')
    .option(...configOption)
    .option('--guide', 'print the registry settings that go with this configuration')
    .action(async (options: { config?: string; guide?: true }) => {
      finish(await serve({ ...options, guide: options.guide === true }, terminal))
    })
}

const hangUp = ['SIGHUP'] as const

/** Milliseconds within which a signal comes twice for one Ctrl-C: from the terminal, and from npm. */
const onePress = 500

/** @returns the exit code, once everything in flight has been answered */
async function serve(options: ServeOptions, terminal: Terminal): Promise<number> {
  const { env, workingFolder } = terminal
  // Before anything is opened: a signal that nobody listens to ends the process, whatever it is doing.
  // A service manager sends SIGHUP for a reload; the terminal of a person who reads the guide, when it closes.
  const stopped = untilStopped(terminal, ['SIGTERM', 'SIGINT', ...(options.guide ? hangUp : [])])
  const log = createPinoLog(env['DOCKWARDEN_LOG_LEVEL'])
  const clock = () => new Date()
  let file = options.config
  let isStart = true
  let endedTests: readonly Fault[] = []
  const reloader = new Reloader({
    file: locateConfig({ file, env, workingFolder }).path,
    load: async (stop) => {
      const options = { file, env, workingFolder, testedAt: clock(), isStart }
      const { config, ended } = await loadTestedConfig(options, stop)
      isStart = false
      endedTests = ended
      // By its name from here on: should a file that was found by itself vanish, its rules stay in force,
      // and the built-in ones do not take their place.
      file = config.file ?? file
      return config
    },
    log,
  })
  if (!options.guide) terminal.onSignal('SIGHUP', () => void reloader.reload('SIGHUP'))
  try {
    // Side by side: the parser and the schema load in the worker, everything else here.
    const [config, { createApp }] = await Promise.all([reloader.load(), import('../app.ts')])
    const app = await createApp(config, { clock, log })
    // Before anything else can fail: it is made once, so this is the only time that it can be seen.
    if (app.firstAdmin !== undefined) showFirstAdmin(app.firstAdmin, terminal)
    const port = await listenOrClose(app)
    if (options.guide) terminal.announce(guide(config, port, app.firstAdmin?.name))
    const listen = hostAndPort(config.server.host, port)
    log.info({ event: 'start', listen, ...describeConfig(config) }, 'ready')
    warnOfClearText(config, log)
    warnOfEndedTests(endedTests, log)

    reloader.start({
      async reload(next) {
        const firstAdmin = await app.reload(next)
        if (firstAdmin !== undefined) showFirstAdmin(firstAdmin, terminal)
      },
      refuse: (reason) => app.refuse(reason),
    })
    const control = await openControlServer({
      path: config.server.controlSocket,
      operations: {
        reload: () => reloader.reload('dockwarden reload'),
        decision: (requestId) => app.decision(requestId),
      },
      log,
    })
    const signal = await stopped
    log.info({ event: 'stop', signal }, 'stopping: answering what is in flight')
    // Before anything is waited for: whoever balances the load sends new clients elsewhere from here on.
    app.stopListening()
    await reloader.stop()
    await control.close()
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
  { announce }: Terminal,
): void {
  announce(`admin account: ${name}`)
  announce(`admin password: ${password}`)
  announce('(shown this once, and stored only as a hash)')
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

/** What a reload would be refused for: a restart must not fail because time has passed. */
function warnOfEndedTests(tests: readonly Fault[], log: PinoLog): void {
  for (const { file, place, key, message } of tests) {
    log.warn(
      { event: 'rule_test', test: `${file}:${place?.line} ${key}`, reason: message },
      'a rule has ended, and a test of it fails: reloads are refused until the test says "at", or goes with the rule',
    )
  }
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

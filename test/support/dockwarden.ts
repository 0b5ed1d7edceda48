/** The real server, as a process: `node dist/main.js serve`. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { freePort } from './free-port.ts'
import { type RunningProcess, startProcess } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface DockwardenOptions {
  /** Sections of dockwarden.yml. What it does not say about places is put into the folder. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Default: a free one. */
  readonly port?: number
  /** What clients reach it as. Default: its own address. */
  readonly publicUrl?: string
  /** Relative paths in the configuration start here. Default: a new one. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface Dockwarden extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly url: string
  readonly folder: string
  readonly configFile: string
  /** The registry's `rootcertbundle`. */
  readonly rootCertBundle: string
  readonly process: RunningProcess
  /** The log so far, one object for each line. */
  log(): readonly Readonly<Record<string, unknown>>[]
  /** Writes the configuration anew, and waits until the server says that it has taken or refused it. */
  reload(config: Readonly<Record<string, unknown>>): Promise<void>
  stop(): Promise<void>
}

/** Resolves once the server is ready. @throws with its output, where it refuses to start */
export async function startDockwarden(options: DockwardenOptions = {}): Promise<Dockwarden> {
  const port = options.port ?? (await freePort())
  const folder = options.folder ?? temporaryFolder('server')
  const configFile = join(folder, 'dockwarden.yml')
  const host = `127.0.0.1:${port}`
  const url = `http://${host}`
  const write = (config: Readonly<Record<string, unknown>>): void => {
    const server = { listen: host, public_url: options.publicUrl ?? url }
    writeFileSync(
      configFile,
      stringify({
        keys: 'keys',
        database: 'sqlite:data/dockwarden.db',
        ...config,
        server: { ...server, ...(config['server'] as object | undefined) },
      }),
    )
  }
  write(options.config ?? {})
  const started = startProcess(process.execPath, [program, 'serve', '--config', configFile], {
    cwd: folder,
    ...(options.env === undefined ? {} : { env: options.env }),
  })
  await started.waitUntil('become ready', () => isReady(url))

  const log = (): readonly Readonly<Record<string, unknown>>[] => parseLog(started.stdout)
  const reloads = (): number => log().filter(({ event }) => event === 'reload').length
  const stop = async (): Promise<void> => void (await started.stop())
  return {
    port,
    host,
    url,
    folder,
    configFile,
    rootCertBundle: join(folder, 'keys', 'ca.crt'),
    process: started,
    log,
    reload: async (config) => {
      const before = reloads()
      write(config)
      started.signal('SIGHUP')
      await started.waitUntil('reload', async () => reloads() > before)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok
  } catch {
    return false
  }
}

/** Lines that are not JSON, such as the first password, are for people and left out. */
function parseLog(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

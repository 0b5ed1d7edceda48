/** The real server, as a process: `node dist/main.js serve`. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { freePort } from './free-port.ts'
import { type RunningProcess, startProcess } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** Sections of dockwarden.yml. */
export type ConfigTree = Readonly<Record<string, unknown>>
export type LogLine = Readonly<Record<string, unknown>>

export interface DockwardenOptions {
  /** What it does not say about places is put into the folder. */
  readonly config?: ConfigTree
  /** File name → content, written into the folder before the start. */
  readonly files?: Readonly<Record<string, string>>
  /** A file that is there already, instead of `config`. */
  readonly configFile?: string
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
  log(): readonly LogLine[]
  /**
   * Writes the configuration anew, a text as it is, and asks for a reload.
   *
   * @returns the log line that says whether the server has taken or refused it
   */
  reload(config: ConfigTree | string): Promise<LogLine>
  stop(): Promise<void>
}

/** Resolves once the server is ready. @throws with its output, where it refuses to start */
export async function startDockwarden(options: DockwardenOptions = {}): Promise<Dockwarden> {
  const port = options.port ?? (await freePort())
  const folder = options.folder ?? temporaryFolder('server')
  const configFile = options.configFile ?? join(folder, 'dockwarden.yml')
  const host = `127.0.0.1:${port}`
  const url = `http://${host}`
  const textOf = (config: ConfigTree): string => {
    const server = { listen: host, public_url: options.publicUrl ?? url }
    const tree = {
      keys: 'keys',
      database: 'sqlite:data/dockwarden.db',
      ...config,
      server: { ...server, ...(config['server'] as object | undefined) },
    }
    // A list that stands in two places is written out twice: the file is what a person would write.
    return stringify(tree, { aliasDuplicateObjects: false })
  }
  const write = (config: ConfigTree | string): void =>
    writeFileSync(configFile, typeof config === 'string' ? config : textOf(config))
  for (const [name, content] of Object.entries(options.files ?? {})) {
    writeFileSync(join(folder, name), content)
  }
  if (options.configFile === undefined) write(options.config ?? {})
  const started = startProcess(process.execPath, [program, 'serve', '--config', configFile], {
    cwd: folder,
    ...(options.env === undefined ? {} : { env: options.env }),
  })
  await started.waitUntil('become ready', () => isReady(url))

  const log = (): readonly LogLine[] => parseLog(started.stdout)
  // The watched file makes the server reload as well, and perhaps before it was written anew.
  const reloads = (): readonly LogLine[] =>
    log().filter(({ event, cause }) => event === 'reload' && String(cause).includes('SIGHUP'))
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
      const before = reloads().length
      write(config)
      started.signal('SIGHUP')
      await started.waitUntil('reload', async () => reloads().length > before)
      return reloads()[before] as LogLine
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
function parseLog(text: string): readonly LogLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

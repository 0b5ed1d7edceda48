/** A real registry, Debian's 2.8 or distribution 3.1, as a process with token authentication. */

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePort } from './free-port.ts'
import { requirePart } from './parts.ts'
import { type RunningProcess, startProcess } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface RegistryOptions {
  readonly version: 2 | 3
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** PEM file; read once, at the registry's start. */
  readonly rootCertBundle?: string
  /** JWK Set file; version 3 only. */
  readonly jwks?: string
  /** Default: a free one. */
  readonly port?: number
  /** Further keys of `auth.token`. */
  readonly token?: Readonly<Record<string, unknown>>
  /** Further top-level sections of the configuration, e.g. `notifications`. */
  readonly sections?: Readonly<Record<string, unknown>>
}

export interface Registry extends AsyncDisposable {
  readonly version: 2 | 3
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly url: string
  /** Everything it has logged since its last start. */
  log(): string
  /** Stops it and starts it on the same port and the same storage. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Resolves once the registry answers. @throws with its output, where it refuses to start */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const program = requirePart(`registry ${options.version}`)
  const port = options.port ?? (await freePort())
  const folder = temporaryFolder(`registry-${options.version}`)
  const file = join(folder, 'config.yml')
  // Go reads YAML 1.1, where a plain `y` or `on` is a boolean.
  writeFileSync(file, stringify(registryConfig(options, port, folder), { version: '1.1' }))

  const start = async (): Promise<RunningProcess> => {
    // Version 3 sends traces to localhost:4318 unless it is told not to.
    const env = { OTEL_TRACES_EXPORTER: 'none' }
    const started = startProcess(program, ['serve', file], { env })
    await started.waitForPort(port)
    return started
  }
  let current = await start()
  const stop = async (): Promise<void> => void (await current.stop())
  return {
    version: options.version,
    port,
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    log: () => current.output,
    restart: async () => {
      await current.stop()
      current = await start()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function registryConfig(options: RegistryOptions, port: number, folder: string): object {
  const { realm, service, issuer, rootCertBundle, jwks } = options
  if (rootCertBundle !== undefined && !existsSync(rootCertBundle))
    throw new TypeError(`the registry reads ${rootCertBundle} at its start, but it is not there`)
  return {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'storage') },
      delete: { enabled: true },
    },
    http: { addr: `127.0.0.1:${port}`, secret: 'the same after every restart' },
    auth: {
      token: {
        realm,
        service,
        issuer,
        ...(rootCertBundle === undefined ? {} : { rootcertbundle: rootCertBundle }),
        ...(jwks === undefined ? {} : { jwks }),
        ...options.token,
      },
    },
    ...options.sections,
  }
}

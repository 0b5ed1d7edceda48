/** A real nginx with the templates that we ship, rendered as the public nginx image renders them. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Certificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { requirePart } from './parts.ts'
import { startProcess } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface NginxOptions {
  /** Dockwarden, `host:port`. */
  readonly auth: string
  /** The registry, `host:port`. */
  readonly registry: string
  /** Without one, nginx speaks plain HTTP. */
  readonly certificate?: Certificate
  /** Default: a free one. */
  readonly port?: number
  /** Where it listens. Default: 127.0.0.1. */
  readonly address?: string
  /** DNS server for names in `auth` and `registry`, `address:port`. Addresses need none. */
  readonly resolver?: string
}

export interface Nginx extends AsyncDisposable {
  readonly port: number
  /** `localhost:PORT`, as clients name the registry. */
  readonly host: string
  readonly url: string
  /** One line for each request: `METHOD URI STATUS`. */
  accessLog(): readonly string[]
  /** nginx's own messages. */
  log(): string
  stop(): Promise<void>
}

const templates = fileURLToPath(new URL('../../deploy/nginx/', import.meta.url))

/** Resolves once nginx listens. @throws with its output, where it refuses the configuration */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const port = options.port ?? (await freePort())
  const folder = temporaryFolder('nginx')
  const { certificate } = options
  renderTemplates(join(folder, 'conf.d'), {
    PROXY_SCHEME: certificate === undefined ? 'http' : 'https',
    PROXY_LISTEN: `${options.address ?? '127.0.0.1'}:${port}`,
    PROXY_SERVER_NAME: '_',
    PROXY_CERTIFICATE: certificate?.certificate ?? '',
    PROXY_CERTIFICATE_KEY: certificate?.key ?? '',
    PROXY_AUTH: options.auth,
    PROXY_REGISTRY: options.registry,
    PROXY_RESOLVER: options.resolver ?? '127.0.0.1',
    PROXY_TERMINATOR: 'unix:',
  })
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, mainConfig(folder))

  const started = startProcess(requirePart('nginx'), ['-p', folder, '-c', file])
  await started.waitForPort(port)
  const stop = async (): Promise<void> => void (await started.stop('SIGTERM'))
  const host = `localhost:${port}`
  return {
    port,
    host,
    url: `${certificate === undefined ? 'http' : 'https'}://${host}`,
    accessLog: () =>
      readFileSync(join(folder, 'access.log'), 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    log: () => started.output,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** What `envsubst` does in the public image: `*.template` → the same name without the ending. */
function renderTemplates(target: string, variables: Readonly<Record<string, string>>): void {
  mkdirSync(target)
  for (const name of readdirSync(templates)) {
    if (!name.endsWith('.template')) continue
    const text = readFileSync(join(templates, name), 'utf8')
    const rendered = text.replace(/\$\{(\w+)\}/g, (whole, key) => variables[key] ?? whole)
    writeFileSync(join(target, name.replace(/\.template$/, '')), rendered)
  }
}

/** The image's nginx.conf, with every file that nginx writes kept in our folder. */
export function mainConfig(folder: string): string {
  const temporaries = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    daemon off;
    worker_processes 1;
    pid ${folder}/nginx.pid;
    error_log stderr notice;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events {}
    http {
      ${temporaries.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      log_format test '$request_method $request_uri $status';
      access_log ${folder}/access.log test;
      include conf.d/*.conf;
    }`
}

/** A registry site as it stands in production: nginx with TLS, a registry, Dockwarden, one origin. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, makeCertificate } from '../support/certificate.ts'
import { registryName } from '../support/docker-engine.ts'
import { type ConfigTree, type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { requirePart } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { type Registry, startRegistry } from '../support/registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** alice has the MD5 hash of plain `htpasswd`, bob the bcrypt hash of `htpasswd -B`. */
export const passwords = { alice: 'correct horse', bob: 'battery: staple' } as const

const rules = [
  { who: ['anonymous', 'authenticated'], may: ['pull'], on: ['public/**'] },
  { who: ['user:alice'], may: ['pull', 'push', 'delete'], on: ['team/**', 'public/**'] },
  { who: ['user:alice'], may: ['*'], on: ['registry:catalog'] },
  { who: ['user:bob'], may: ['pull'], on: ['team/**'] },
]

export interface Site extends AsyncDisposable {
  /** Where clients reach it, never 443. */
  readonly port: number
  /** `https://localhost:PORT` */
  readonly url: string
  readonly certificate: Certificate
  readonly dockwarden: Dockwarden
  readonly registry: Registry
  readonly nginx: Nginx
  stop(): Promise<void>
}

/**
 * Starts all three. The registry comes after Dockwarden, because it reads the CA only once.
 *
 * @param address where nginx listens; a Docker engine comes to its bridge's address, not to 127.0.0.1
 * @param changes sections of Dockwarden's configuration that take the place of the usual ones
 */
export async function startSite(
  version: 2 | 3,
  address = '127.0.0.1',
  changes: ConfigTree = {},
): Promise<Site> {
  const port = await freePort()
  const url = `https://localhost:${port}`
  const service = 'registry.example.com'
  const issuer = 'dockwarden'
  const certificate = await makeCertificate([registryName])
  const folder = temporaryFolder('site')
  await makeHtpasswd(join(folder, 'htpasswd'))

  const dockwarden = await startDockwarden({
    folder,
    publicUrl: url,
    config: {
      server: { trusted_proxies: ['127.0.0.1/32'] },
      services: [{ name: service }],
      issuer,
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
      rules,
      ...changes,
    },
  })
  const registry = await startRegistry({
    ...{ version, realm: `${url}/token`, service, issuer },
    rootCertBundle: dockwarden.rootCertBundle,
  })
  const nginx = await startNginx({
    ...{ auth: dockwarden.host, registry: registry.host, certificate, port, address },
  })
  const stop = async (): Promise<void> => {
    for (const part of [nginx, registry, dockwarden]) await part.stop()
  }
  return {
    ...{ port, url, certificate, dockwarden, registry, nginx },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function makeHtpasswd(file: string): Promise<void> {
  const htpasswd = requirePart('htpasswd')
  await run(htpasswd, ['-c', '-i', file, 'alice'], { input: passwords.alice })
  await run(htpasswd, ['-B', '-i', file, 'bob'], { input: passwords.bob })
  const kinds = readFileSync(file, 'utf8').match(/\$(apr1|2y)\$/g)
  if (kinds?.join() !== '$apr1$,$2y$') throw new Error(`htpasswd wrote something else: ${kinds}`)
}

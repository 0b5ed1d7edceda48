/** The set-ups that people have before Dockwarden and with it, and one client that is signed in to both. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { mainConfig } from '../support/nginx.ts'
import { requirePart } from '../support/parts.ts'
import { type RunningProcess, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { password } from './ask-token.ts'

/** @param auth the `auth` section of its config.yml, as text; none: it asks nobody for anything */
export async function startRegistry(storage: string, auth = ''): Promise<Started> {
  const port = await freePort()
  const file = join(temporaryFolder('registry'), 'config.yml')
  writeFileSync(
    file,
    `version: 0.1
storage: { filesystem: { rootdirectory: ${storage} }, delete: { enabled: true } }
http: { addr: "127.0.0.1:${port}" }
${auth}`,
  )
  return await started(port, startProcess(requirePart('registry 2'), ['serve', file]))
}

/** nginx with one server. @param locations what stands in it */
export async function startOldNginx(locations: string): Promise<Started> {
  const port = await freePort()
  const folder = temporaryFolder('nginx')
  mkdirSync(join(folder, 'conf.d'))
  const server = `server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    proxy_set_header Host $http_host;
    ${locations}
  }`
  writeFileSync(join(folder, 'conf.d', 'registry.conf'), server)
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, mainConfig(folder))
  return await started(port, startProcess(requirePart('nginx'), ['-p', folder, '-c', file]))
}

export interface Started extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
}

async function started(port: number, process: RunningProcess): Promise<Started> {
  await process.waitForPort(port)
  const end = async (): Promise<void> => void (await process.stop())
  return { host: `127.0.0.1:${port}`, [Symbol.asyncDispose]: end }
}

/**
 * One request as a client of registries makes it: without credentials first, then as the challenge asks.
 *
 * @param user null: nobody is signed in
 * @returns the status in the end
 */
export async function request(
  host: string,
  user: string | null,
  method: string,
  path: string,
  secret = password,
): Promise<number> {
  const url = `http://${host}${path}`
  const login = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
  const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' }
  const first = await fetch(url, { method, headers })
  const challenge = first.headers.get('www-authenticate') ?? ''
  if (first.status !== 401) return first.status
  const retry = async (authorization: string) =>
    (await fetch(url, { method, headers: { ...headers, authorization } })).status
  if (challenge.startsWith('Basic')) return user === null ? 401 : await retry(login)

  const field = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? ''
  const query = new URLSearchParams({ service: field('service'), scope: field('scope') })
  const signedIn = user === null ? {} : { authorization: login }
  const answer = await fetch(`${field('realm')}?${query}`, { headers: signedIn })
  if (!answer.ok) return answer.status
  const { token } = (await answer.json()) as { token: string }
  return await retry(`Bearer ${token}`)
}

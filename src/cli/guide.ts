/** What to do next, printed by `serve --guide`: the settings of the registry, and a first login. */

import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { hostAndPort } from '../host-and-port.ts'

/**
 * @param port what the server listens on
 * @param admin the account made just now, if one was
 */
export function guide(config: Config, port: number, admin: string | undefined): string {
  const { server, services, issuer, keys } = config
  const publicUrl = server.publicUrl
  const settings = {
    realm: `${publicUrl}/token`,
    service: services[0]?.name ?? '',
    issuer,
    rootcertbundle: resolve(keys, 'ca.crt'),
  }
  const yaml = Object.entries(settings).map(([key, value]) => `    ${key}: ${value}`)
  const environment = Object.entries(settings).map(
    ([key, value]) => `  REGISTRY_AUTH_TOKEN_${key.toUpperCase()}=${value}`,
  )
  const local = `http://${hostAndPort(server.host, port)}`
  const user = admin ?? 'USER'
  return `
Dockwarden answers at ${publicUrl}/token

1. Tell the registry, in its config.yml:

auth:
  token:
${yaml.join('\n')}

   or in its environment:

  REGISTRY_AUTH=token
${environment.join('\n')}

   and start it again: a registry reads the certificate once, at its start.

2. Log in at the registry (REGISTRY:PORT is where it listens):

  docker login REGISTRY:PORT -u ${user}

   or see a token without one:

  curl -u ${user} '${local}/token?service=${encodeURIComponent(settings.service)}'

3. Rules and users: README.md. Ctrl-C stops.
`
}

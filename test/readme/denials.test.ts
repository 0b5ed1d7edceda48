/** docs/operations.md, "Refusals of the registry": the configuration for a site of one's own nginx. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSkopeo } from '../support/clients.ts'
import { startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { makeImage } from '../support/image.ts'
import { mainConfig } from '../support/nginx.ts'
import { describeWithParts, requirePart } from '../support/parts.ts'
import { startProcess } from '../support/process.ts'
import { startRegistry } from '../support/registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { password, passwordHash } from './ask-token.ts'
import { fencedBlocks } from './markdown.ts'
import { root } from './readme.ts'

const blocks = fencedBlocks(readFileSync(join(root, 'docs/operations.md'), 'utf8')).filter(
  ({ heading }) => heading === 'Refusals of the registry',
)
const blockOf = (language: string, index = 0): string =>
  blocks.filter((each) => each.language === language)[index]?.text ?? ''

describeWithParts(
  'docs/operations.md, "Refusals of the registry"',
  ['nginx', 'registry 2', 'skopeo'],
  () => {
    test('what it says of the configuration and of nginx gives the sentence', async () => {
      const port = await freePort()
      const service = 'registry.example.com'
      const folder = temporaryFolder('server')
      const configFile = join(folder, 'dockwarden.yml')
      const own = await freePort()
      writeFileSync(join(folder, 'htpasswd'), `alice:${passwordHash}\n`)
      writeFileSync(
        configFile,
        `server: { listen: 127.0.0.1:${own} }
services: [{ name: ${service} }]
authentication: [{ htpasswd: { file: htpasswd } }]
rules: []
${blockOf('yaml')}`,
      )
      await using dockwarden = await startDockwarden({ folder, configFile, port: own })
      await using registry = await startRegistry({
        ...{ version: 2, service, issuer: 'dockwarden', realm: `${dockwarden.url}/token` },
        rootCertBundle: dockwarden.rootCertBundle,
      })

      const site = temporaryFolder('nginx')
      mkdirSync(join(site, 'conf.d'))
      // An error page of the site's own, as the documentation says.
      const text = `${blockOf('nginx', 0)}
error_page 404 500 /none;
server {
  listen 127.0.0.1:${port};
  ${blockOf('nginx', 1).replace('location /v2/ {', 'location /v2/ {\n error_page 599 @none;')}
}`
      const at = { '127.0.0.1:5000': registry.host, '127.0.0.1:5001': dockwarden.host }
      const placed = text.replace(/127\.0\.0\.1:500[01]/g, (host) => at[host as keyof typeof at])
      writeFileSync(join(site, 'conf.d', 'registry.conf'), placed)
      writeFileSync(join(site, 'nginx.conf'), mainConfig(site))
      await using nginx = startProcess(requirePart('nginx'), [
        ...['-p', site, '-c', join(site, 'nginx.conf')],
      ])
      await nginx.waitForPort(port)

      const host = `127.0.0.1:${port}`
      const skopeo = createSkopeo()
      const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', host]
      expect(await skopeo.run(login, { input: password })).toMatchObject({ code: 0 })
      const to = ['--dest-tls-verify=false', `docker://${host}/prod/api`]
      const pushed = await skopeo.run(['copy', `oci:${makeImage().folder}:latest`, ...to])
      expect(pushed.output).toMatch(
        /denied: alice may not push to prod\/api, because no rule gives it; ask #platform \(request [0-9a-f-]{36}\)/,
      )
      // The registry's own page, and not the site's.
      const missing = await fetch(`http://${host}/v2/no/such/route`)
      expect(await missing.text()).toBe('404 page not found\n')
    })
  },
)

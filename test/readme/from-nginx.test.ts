/** "From nginx and htpasswd, in five minutes": what each set-up does before, and what it does after. */

import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parse, parseDocument } from 'yaml'
import { createSkopeo } from '../support/clients.ts'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { type Image, makeImage } from '../support/image.ts'
import { startNginx } from '../support/nginx.ts'
import { describeWithParts, requirePart } from '../support/parts.ts'
import { run, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { password } from './ask-token.ts'
import { readme, root } from './readme.ts'
import { request, type Started, startOldNginx, startRegistry } from './registry-site.ts'

/** User → how htpasswd makes the hash. */
const users = {
  plain: [],
  bcrypt: ['-B', '-C', '10'],
  sha1: ['-s'],
  sha256: ['-2'],
  sha512: ['-5'],
} as const satisfies Record<string, readonly string[]>

let htpasswd: string
/** What the old registry has; the new one gets the same folder. */
let storage: string
let image: Image
beforeAll(async () => {
  htpasswd = join(temporaryFolder('htpasswd'), 'htpasswd')
  writeFileSync(htpasswd, '')
  for (const [user, options] of Object.entries(users))
    await run(requirePart('htpasswd'), ['-b', ...options, htpasswd, user, password])
  storage = temporaryFolder('images')
  image = makeImage()
  await using registry = await startRegistry(storage)
  const to = ['--dest-tls-verify=false', `docker://${registry.host}/team/app:1`]
  const { code } = await createSkopeo().run(['copy', `oci:${image.folder}:latest`, ...to])
  expect(code).toBe(0)
})

const upload = ['POST', '/v2/team/app/blobs/uploads/'] as const
const pull = ['GET', '/v2/team/app/manifests/1'] as const
const list = ['GET', '/v2/_catalog'] as const
const remove = () => ['DELETE', `/v2/team/app/blobs/${image.layers[0]}`] as const
type Ask = readonly [method: string, path: string]
/** Who asks what, and the statuses of the two set-ups. */
type Row = readonly [user: string | null, ask: Ask, before: number, after: number]

async function expectStatuses(host: string, rows: readonly Row[], when: 'before' | 'after') {
  for (const [user, ask, before, after] of rows) {
    const status = await request(host, user, ...ask)
    expect([user, ...ask, status]).toEqual([user, ...ask, when === 'before' ? before : after])
  }
}

/** A block of nginx's configuration, with our registry and our file in it. */
const withOurs = (block: string, registry: Started): string =>
  block.replace('registry:5000', registry.host).replace('/etc/nginx/htpasswd', htpasswd)

interface NewSite extends AsyncDisposable {
  readonly host: string
  readonly dockwarden: Dockwarden
}

/** The bundle's configuration with these sections, a registry and nginx as we ship them, one origin. */
async function startNewSite(sections: Readonly<Record<string, unknown>>): Promise<NewSite> {
  const port = await freePort()
  const host = `localhost:${port}`
  const folder = temporaryFolder('config')
  cpSync(htpasswd, join(folder, 'htpasswd'))
  const shipped = readFileSync(join(root, 'deploy/dockwarden/dockwarden.yml'), 'utf8')
  const document = parseDocument(shipped)
  for (const [key, value] of Object.entries(sections)) document.set(key, value)
  const { server: _, keys: __, database: ___, ...config } = document.toJS()
  const dockwarden = await startDockwarden({
    folder,
    config,
    publicUrl: `http://${host}`,
    env: { DOCKWARDEN_SERVICE: 'registry.example.com' },
  })
  const registry = await startRegistry(storage, afterTheMove(`http://${host}`, dockwarden))
  const nginx = await startNginx({ auth: dockwarden.host, registry: registry.host, port })
  const end = async (): Promise<void> => {
    await nginx.stop()
    await registry[Symbol.asyncDispose]()
    await dockwarden.stop()
  }
  return { host, dockwarden, [Symbol.asyncDispose]: end }
}

/** The registry's new `auth` section, as README.md has it. */
function afterTheMove(publicUrl: string, { rootCertBundle }: Dockwarden): string {
  return readme.nativeHtpasswdAfter
    .replace('https://registry.example.com', publicUrl)
    .replace('/trust/ca.crt', rootCertBundle)
}

describeWithParts(
  'nginx asks, everybody may everything',
  ['registry 2', 'nginx', 'skopeo', 'htpasswd'],
  () => {
    const rows = (): readonly Row[] => [
      [null, pull, 401, 401],
      [null, upload, 401, 401],
      ['stranger', pull, 401, 401],
      ...Object.keys(users).flatMap((user) => [
        [user, pull, 200, 200] as const,
        [user, upload, 202, 202] as const,
        [user, list, 200, 200] as const,
      ]),
    ]
    test('before: README.md tells what people have', async () => {
      await using registry = await startRegistry(storage)
      await using nginx = await startOldNginx(withOurs(readme.everybodyBefore, registry))
      await expectStatuses(nginx.host, rows(), 'before')
      expect(await request(nginx.host, 'bcrypt', ...pull, 'wrong')).toBe(401)
    })

    test('after: everybody may what they could, with the file as it is', async () => {
      await using site = await startNewSite(parse(readme.everybodyConfiguration))
      await expectStatuses(site.host, rows(), 'after')
      expect(await request(site.host, 'bcrypt', ...pull, 'wrong')).toBe(401)

      const warning = () => site.dockwarden.log().find(({ level }) => level === 'warn')
      await expect.poll(warning).toMatchObject({ users: ['plain', 'sha1', 'sha256', 'sha512'] })

      const skopeo = createSkopeo()
      const login = ['login', '--tls-verify=false', '--username', 'plain', '--password-stdin']
      const { output } = await skopeo.run([...login, site.host], { input: password })
      expect(output).toContain('Login Succeeded')
      const copy = ['copy', '--src-tls-verify=false', '--dest-tls-verify=false']
      const [from, to] = [`docker://${site.host}/team/app:1`, `docker://${site.host}/team/copy:1`]
      expect(await skopeo.run([...copy, from, to])).toMatchObject({ code: 0 })
      expect(await skopeo.run(['delete', '--tls-verify=false', to])).toMatchObject({ code: 0 })
    })

    test('the file is read again when it changes', async () => {
      await using site = await startNewSite(parse(readme.everybodyConfiguration))
      expect(await request(site.host, 'newcomer', ...pull)).toBe(401)
      const file = join(site.dockwarden.folder, 'htpasswd')
      await run(requirePart('htpasswd'), ['-b', '-B', file, 'newcomer', password])
      const isIn = async () => (await request(site.host, 'newcomer', ...pull)) === 200
      await site.dockwarden.process.waitUntil('let the newcomer in', isIn)
    })
  },
)

describeWithParts('anonymous pull, authenticated push', ['registry 2', 'nginx', 'htpasswd'], () => {
  const rows = (): readonly Row[] => [
    [null, pull, 200, 200],
    [null, upload, 401, 401],
    ['plain', pull, 200, 200],
    ['plain', upload, 202, 202],
    // The one thing that the two rules do not give, and README.md says so.
    [null, remove(), 401, 401],
    ['stranger', upload, 401, 401],
  ]
  test('before: limit_except', async () => {
    await using registry = await startRegistry(storage)
    const location = `location /v2/ { ${readme.anonymousPullBefore} proxy_pass http://registry:5000; }`
    await using nginx = await startOldNginx(withOurs(location, registry))
    await expectStatuses(nginx.host, rows(), 'before')
  })

  test('after: two rules', async () => {
    const { rules } = parse(readme.anonymousPullRules)
    await using site = await startNewSite({
      rules,
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
    })
    await expectStatuses(site.host, rows(), 'after')
    expect(await request(site.host, 'plain', ...remove()), 'a right of its own').toBe(403)
  })
})

describeWithParts(
  'the registry reads the htpasswd file itself',
  ['registry 2', 'nginx', 'htpasswd'],
  () => {
    test('before: bcrypt only, and everything for everybody', async () => {
      const auth = readme.nativeHtpasswdBefore.replace('/auth/htpasswd', htpasswd)
      await using registry = await startRegistry(storage, auth)
      expect(await request(registry.host, 'bcrypt', ...upload)).toBe(202)
      expect(await request(registry.host, 'plain', ...pull)).toBe(401)
      expect(await request(registry.host, null, ...pull)).toBe(401)
    })

    // That the new section works is seen above: every new site has it.
    test('after: serve --guide prints the new section with the paths filled in', async () => {
      const folder = temporaryFolder('guide')
      const { auth } = parse(readme.nativeHtpasswdAfter)
      const publicUrl = auth.token.realm.replace(/\/token$/, '')
      writeFileSync(
        join(folder, 'dockwarden.yml'),
        `server: { listen: 127.0.0.1:${await freePort()}, public_url: ${publicUrl} }
services: [{ name: ${auth.token.service} }]
`,
      )
      await using server = startProcess(process.execPath, [program, 'serve', '--guide'], {
        cwd: folder,
      })
      await server.waitForOutput(/"event":"start"/)
      const section = /^auth:\n(?: .*\n)+/m.exec(server.stdout)?.[0] ?? ''
      const rootcertbundle = join(folder, 'keys', 'ca.crt')
      expect(parse(section)).toEqual({ auth: { token: { ...auth.token, rootcertbundle } } })
      expect(existsSync(rootcertbundle)).toBe(true)
    })
  },
)

/** The compose bundle as people start it, with docker and skopeo as they use them. */

import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  readFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bundle, configFolder, containerId, readableFolder } from '../support/bundle.ts'
import { makeCertificate } from '../support/certificate.ts'
import {
  type DockerClient,
  type DockerEngine,
  describeWithEngine,
  registryName,
  startDockerEngine,
} from '../support/docker-engine.ts'
import { freePort } from '../support/free-port.ts'
import { requirePart } from '../support/parts.ts'
import { type RunResult, run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const services = ['auth', 'registry', 'proxy'] as const

describeWithEngine('the compose bundle', () => {
  let engine: DockerEngine

  beforeAll(async () => {
    engine = await startDockerEngine()
    await engine.client().ensureImages()
  }, 1_800_000)
  afterAll(() => engine?.stop())

  describe('with nothing set', () => {
    let bundle: Bundle
    let docker: DockerClient
    let password: string

    beforeAll(async () => {
      docker = engine.client()
      bundle = new Bundle(docker, 'default')
      await bundle.up()
      password = await bundle.adminPassword()
    })
    afterAll(() => bundle?.remove())

    test('compose has nothing to warn of', async () => {
      const { code, stderr } = await bundle.compose('config', '--quiet')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    })

    test('the first administrator logs in at localhost, pushes and pulls', async () => {
      expect((await docker.login('localhost', 'admin', password)).output).toContain(
        'Login Succeeded',
      )
      await pushAndPull(docker, 'localhost/team/app:1')
    })

    test('another password is refused in words', async () => {
      const { code, output } = await engine.client().login('localhost', 'admin', 'not-the-password')
      expect(code).not.toBe(0)
      expect(output).toContain('unauthorized: wrong user name or password')
    })

    test('nobody gets anything without a login', async () => {
      const { output } = await engine.client().run(['pull', 'localhost/team/app:1'])
      expect(output).toContain('pull access denied for localhost/team/app')
    })

    test.each([...services, 'setup'])(
      'C15: %s has no capability and no writable root',
      async (name) => {
        const { HostConfig } = await bundle.inspect(name)
        expect(HostConfig).toMatchObject({
          ReadonlyRootfs: true,
          Privileged: false,
          CapAdd: null,
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges:true'],
        })
      },
    )

    test.each(services)('C15: no process of %s is root or can become it', async (name) => {
      const { stdout } = await bundle.shell(name, 'cat /proc/[0-9]*/status')
      const values = (key: string) =>
        [...stdout.matchAll(new RegExp(`^${key}:\\t(.*)$`, 'gm'))].map(([, value]) => value)
      expect(values('Uid').length).toBeGreaterThan(1)
      for (const ids of values('Uid')) expect(ids?.split('\t')).not.toContain('0')
      for (const key of ['CapEff', 'CapPrm', 'CapBnd'])
        expect(new Set(values(key)), key).toEqual(new Set(['0000000000000000']))
      expect(new Set(values('NoNewPrivs'))).toEqual(new Set(['1']))
      expect((await bundle.shell(name, 'touch /new')).output).toContain('Read-only file system')
    })

    test('B32: the registry has no private key, and the proxy none but its own', async () => {
      const inRegistry = await bundle.shell('registry', 'ls /trust; grep -c "PRIVATE" /trust/*')
      expect(inRegistry.output).toBe('ca.crt\n0\n')
      const inProxy = await bundle.shell('proxy', 'cat /tls/ca.key')
      expect(inProxy.output).toContain('Permission denied')
    })

    test('after down and up, with the volumes kept, everything is as before', async () => {
      const before = await bundle.shell('registry', 'cat /trust/ca.crt')
      await bundle.mustCompose('down')
      await bundle.up()
      expect((await bundle.shell('registry', 'cat /trust/ca.crt')).stdout).toBe(before.stdout)
      expect(await bundle.logs('auth')).not.toContain('admin password')
      expect((await docker.login('localhost', 'admin', password)).output).toContain(
        'Login Succeeded',
      )
      await pull(docker, 'localhost/team/app:1')
      await pushAndPull(docker, 'localhost/team/app:2')
    })
  })

  describe('with an htpasswd file and rules, behind port 44301', () => {
    const host = `${registryName}:44301`
    let bundle: Bundle
    let folder: string
    let alice: DockerClient

    beforeAll(async () => {
      const htpasswd = await lines(['-B', 'alice'], ['-m', 'bob'], ['-B', 'keeper'])
      folder = configFolder(
        {
          authentication: [{ htpasswd: { file: 'htpasswd' } }],
          groups: { dev: ['alice'] },
          rules: [
            { who: ['anyone'], may: ['pull'], on: ['public/**'] },
            { who: ['group:dev'], may: ['push'], on: ['{dev,public}/**'] },
            { who: ['user:keeper'], may: ['pull', 'push', 'delete'], on: ['**'] },
          ],
        },
        { htpasswd },
      )
      bundle = new Bundle(engine.client(), 'team', {
        REGISTRY_HOST: registryName,
        REGISTRY_PORT: '44301',
        CONFIG_FOLDER: folder,
      })
      await bundle.up()
      const ca = join(temporaryFolder('ca'), 'ca.crt')
      await bundle.mustCompose('cp', 'proxy:/tls/ca.crt', ca)
      engine.trust(host, readFileSync(ca, 'utf8'))
      alice = engine.client()
    })
    afterAll(() => bundle?.remove())

    test.each([
      ['alice', 'bcrypt'],
      ['bob', 'MD5, as plain htpasswd writes it'],
    ])('%s, whose hash is %s, logs in', async (user) => {
      const docker = user === 'alice' ? alice : engine.client()
      expect((await docker.login(host, user, passwordOf(user))).output).toContain('Login Succeeded')
    })

    test.each(['alice', 'bob', 'nobody'])('%s with a wrong password is refused', async (user) => {
      const { code, output } = await engine.client().login(host, user, 'wrong')
      expect(code).not.toBe(0)
      expect(output).toContain('unauthorized: wrong user name or password')
    })

    test('who may push, pushes and pulls', async () => {
      await pushAndPull(alice, `${host}/dev/app:1`)
      await pushAndPull(alice, `${host}/public/app:1`)
    })

    test('a layer of 48 MB goes through', async () => {
      await pushAndPull(alice, `${host}/dev/large:1`, randomBytes(48_000_000))
    })

    test('who may not push, is denied', async () => {
      const bob = await loggedIn('bob')
      await bob.makeImage(`${host}/dev/app:bob`)
      const { code, output } = await bob.run(['push', `${host}/dev/app:bob`])
      expect(code).not.toBe(0)
      expect(output).toMatch(/denied: bob may not push to dev\/app \(request [0-9a-f-]{36}\)/)
    })

    test('anybody pulls what is public, and nothing else', async () => {
      const anonymous = engine.client()
      await pull(anonymous, `${host}/public/app:1`)
      const { code, output } = await anonymous.run(['pull', `${host}/dev/app:1`])
      expect(code).not.toBe(0)
      expect(output).toContain(`pull access denied for ${host}/dev/app`)
      expect(output).toContain('denied: requested access to the resource is denied')
    })

    test('delete is a right of its own', async () => {
      const refused = await deleteImage('alice', 'dev/app:1')
      expect(refused.code).not.toBe(0)
      expect(refused.output).toMatch(/alice may not delete from dev\/app \(request .*403 Forbidden/)
      await pull(alice, `${host}/dev/app:1`)

      expect(await deleteImage('keeper', 'dev/app:1')).toMatchObject({ code: 0, output: '' })
      const gone = await alice.run(['pull', `${host}/dev/app:1`])
      expect(gone.output).toContain(`manifest for ${host}/dev/app:1 not found: manifest unknown`)
    })

    test('A24: the log has the address that the proxy saw, whatever a client writes', async () => {
      const forged = '203.0.113.24'
      const query = `service=${registryName}&scope=repository:public/app:pull`
      const { stdout } = await engine.runBeside(requirePart('curl'), [
        ...['--silent', '--insecure', '--header', `X-Forwarded-For: ${forged}`],
        ...['--header', `X-Real-IP: ${forged}`, '--header', `Forwarded: for=${forged}`],
        `https://${host}/token?${query}`,
      ])
      expect(JSON.parse(stdout)).toHaveProperty('token')
      const log = await bundle.logs('auth')
      expect(log).toMatch(/"client":"(172|192|10)\.[\d.]+"/)
      expect(log).not.toContain(forged)
    })

    test('a user added to the mounted file logs in at once', async () => {
      appendFileSync(join(folder, 'htpasswd'), await lines(['-B', 'carol']))
      await expect
        .poll(
          async () => (await engine.client().login(host, 'carol', passwordOf('carol'))).output,
          {
            timeout: 30_000,
            interval: 500,
          },
        )
        .toContain('Login Succeeded')
    })

    test('after a restart of auth alone everything works, with the registry never restarted', async () => {
      const before = await bundle.inspect('registry')
      await bundle.mustCompose('restart', 'auth')
      await expect
        .poll(
          async () => (await engine.client().login(host, 'alice', passwordOf('alice'))).output,
          {
            timeout: 30_000,
            interval: 500,
          },
        )
        .toContain('Login Succeeded')
      await pushAndPull(alice, `${host}/dev/app:2`)
      const after = await bundle.inspect('registry')
      expect(after.State.StartedAt).toBe(before.State.StartedAt)
      expect(after.RestartCount).toBe(0)
    })

    test('after down and up, with the volumes kept, everything works', async () => {
      await bundle.mustCompose('down')
      await bundle.up()
      await pull(alice, `${host}/dev/app:2`)
      await pushAndPull(alice, `${host}/dev/app:3`)
    })

    async function loggedIn(user: string): Promise<DockerClient> {
      const docker = engine.client()
      const { output } = await docker.login(host, user, passwordOf(user))
      expect(output).toContain('Login Succeeded')
      return docker
    }

    /** docker itself has no command for it. */
    async function deleteImage(user: string, image: string): Promise<RunResult> {
      const credentials = ['--creds', `${user}:${passwordOf(user)}`]
      const args = ['--insecure-policy', 'delete', ...credentials, `docker://${host}/${image}`]
      return await engine.runBeside(requirePart('skopeo'), args)
    }
  })

  describe('with a wildcard certificate and a folder of images of its owner', () => {
    let bundle: Bundle
    let host: string
    let images: string
    let authority: string

    beforeAll(async () => {
      const port = await freePort()
      host = `${registryName}:${port}`
      images = temporaryFolder('images')
      const certificate = await makeCertificate(['*.example.test'])
      authority = readFileSync(certificate.authority, 'utf8')
      bundle = new Bundle(engine.client(), 'wildcard', {
        REGISTRY_HOST: registryName,
        REGISTRY_PORT: String(port),
        TLS_FOLDER: tlsFolder(certificate),
        REGISTRY_DATA: images,
        REGISTRY_USER: '0:0',
      })
      await bundle.up()
    })
    afterAll(() => bundle?.remove())

    test('clients meet that certificate, and work with it', async () => {
      const docker = engine.client()
      const password = await bundle.adminPassword()
      const { output } = await docker.login(host, 'admin', password)
      expect(output).toContain('x509: certificate signed by unknown authority')
      engine.trust(host, authority)
      expect((await docker.login(host, 'admin', password)).output).toContain('Login Succeeded')
      await pushAndPull(docker, `${host}/team/app:1`)
      expect(existsSync(join(images, 'docker/registry/v2/repositories/team/app'))).toBe(true)
    })
  })

  describe('with plain HTTP and registry 3', () => {
    let bundle: Bundle
    let host: string

    beforeAll(async () => {
      const port = await freePort()
      host = `localhost:${port}`
      bundle = new Bundle(engine.client(), 'plain', {
        REGISTRY_SCHEME: 'http',
        REGISTRY_IMAGE: 'registry:3',
        REGISTRY_PORT: String(port),
      })
      await bundle.up()
    })
    afterAll(() => bundle?.remove())

    test('everything works, and the start says what that means', async () => {
      const docker = engine.client()
      const password = await bundle.adminPassword()
      expect((await docker.login(host, 'admin', password)).output).toContain('Login Succeeded')
      await pushAndPull(docker, `${host}/team/app:1`)
      expect(await bundle.logs('setup')).toContain(
        `WARNING: http://${host} is plain HTTP: passwords and tokens cross the network in the clear.`,
      )
    })
  })

  describe('does not start', () => {
    test.each([
      [
        'with a mistake in its configuration',
        async () => ({ CONFIG_FOLDER: configFolder({ rulez: [] }) }),
        /dockwarden\.yml:\d+:\d+: rulez: .*did you mean "rules"\?/,
      ],
      [
        'with a certificate for another name',
        async () => ({
          REGISTRY_HOST: 'registry.example.com',
          TLS_FOLDER: tlsFolder(await makeCertificate(['*.example.test'])),
        }),
        /\/tls\/tls\.crt.*registry\.example\.com/,
      ],
    ])('%s, and setup says which', async (_name, settings, says) => {
      const port = String(await freePort())
      const bundle = new Bundle(engine.client(), 'refused', {
        REGISTRY_PORT: port,
        ...(await settings()),
      })
      try {
        const { code, output } = await bundle.compose('up', '--detach', '--wait', '--no-build')
        expect(code).not.toBe(0)
        expect(output).toContain(`service "setup" didn't complete successfully: exit 1`)
        expect(await bundle.logs('setup')).toMatch(says)
      } finally {
        await bundle.remove()
      }
    })
  })
})

/** Pushes a new image, removes it from the engine and pulls it again. */
async function pushAndPull(
  docker: DockerClient,
  image: string,
  content?: Uint8Array,
): Promise<void> {
  await docker.makeImage(image, content)
  const pushed = await docker.run(['push', image])
  expect(pushed.output).toMatch(/digest: sha256:[0-9a-f]{64} size: \d+/)
  expect(pushed.code).toBe(0)
  await docker.mustRun(['image', 'rm', image])
  await pull(docker, image)
}

async function pull(docker: DockerClient, image: string): Promise<void> {
  const { code, output } = await docker.run(['pull', image])
  expect(output).toMatch(/Status: (Downloaded newer image|Image is up to date) for/)
  expect(code).toBe(0)
}

function passwordOf(user: string): string {
  return `the password of ${user}`
}

/** Lines of an htpasswd file, as Apache's program writes them. */
async function lines(...entries: readonly (readonly [format: string, user: string])[]) {
  const made = entries.map(async ([format, user]) => {
    const { stdout } = await run(requirePart('htpasswd'), ['-nb', format, user, passwordOf(user)])
    return `${stdout.trim()}\n`
  })
  return (await Promise.all(made)).join('')
}

/** A folder for TLS_FOLDER, as .env.example describes it. */
function tlsFolder({ certificate, key }: { certificate: string; key: string }): string {
  const folder = readableFolder('tls-folder')
  copyFileSync(certificate, join(folder, 'tls.crt'))
  copyFileSync(key, join(folder, 'tls.key'))
  chownSync(join(folder, 'tls.key'), 0, containerId)
  chmodSync(join(folder, 'tls.key'), 0o640)
  return folder
}

/** "One compose file" and the way to it from nginx: README.md's commands in its order, on a real engine. */

import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
import { type RunOptions, type RunResult, run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { password } from './ask-token.ts'
import { clone } from './clone.ts'
import { readme } from './readme.ts'

/** README.md's example is our registry, which the engine knows by this name. */
const named = (text: string): string => text.replaceAll('registry.example.com', registryName)

describeWithEngine('README.md, with docker compose', () => {
  let engine: DockerEngine
  let docker: DockerClient
  /** The clone that somebody has made; its commands run in it. */
  let folder: string
  let programs: string
  beforeAll(async () => {
    engine = await startDockerEngine()
    docker = engine.client()
    await docker.ensureImages()
    folder = await clone()
    // Not whichever other docker stands first in PATH.
    programs = temporaryFolder('bin')
    symlinkSync(requirePart('docker'), join(programs, 'docker'))
  }, 1_800_000)
  afterAll(() => engine?.stop())

  async function tryShell(script: string, options: RunOptions = {}): Promise<RunResult> {
    const env = { ...docker.environment, PATH: `${programs}${delimiter}${process.env['PATH']}` }
    const inFolder = `cd ${folder}\n${script}`
    return await engine.runBeside('bash', ['--norc', '-euc', inFolder], {
      env,
      timeout: 240_000,
      ...options,
    })
  }

  async function shell(script: string): Promise<string> {
    const { code, output, stdout } = await tryShell(script)
    if (code === 0) return stdout
    const logs = await tryShell('docker compose logs')
    throw new Error(`${script} failed (${code}):\n${output}\n${logs.output}`)
  }

  /** At a terminal, where docker asks for the password. */
  async function logIn(command: string, secret: string): Promise<void> {
    const options = { input: `${secret}\n` }
    const { output } = await tryShell(`script --quiet --command '${command}' /dev/null`, options)
    expect(output).toContain('Login Succeeded')
  }

  async function pushAndPull(image: string): Promise<void> {
    await docker.makeImage(image)
    await docker.mustRun(['push', image])
    await docker.mustRun(['image', 'rm', image])
    await docker.mustRun(['pull', image])
  }

  const up = readme.composeUp.split('\n')[0] ?? ''
  const file = (...path: string[]): string => join(folder, ...path)
  const adminPassword = (log: string): string => /admin password: (\S+)/.exec(log)?.[1] ?? ''

  async function startAfresh(env: string): Promise<void> {
    await shell('docker compose down --volumes --timeout 5')
    for (const path of ['.env', 'auth', 'tls']) rmSync(file(path), { recursive: true, force: true })
    writeFileSync(file('.env'), env)
  }

  describe('the section', () => {
    let secret: string
    const host = `${registryName}:44301`

    test('three commands lead to a registry that one is signed in to', async () => {
      const start = performance.now()
      const [, log = '', login = ''] = readme.composeUp.trim().split('\n')
      await shell(up)
      secret = adminPassword(await shell(log))
      await logIn(login, secret)
      await pushAndPull('localhost/my/app:1')
      const seconds = ((performance.now() - start) / 1000).toFixed(0)
      console.log(`From a clone to a pushed image, images built: 4 commands, ${seconds} s`)
    })

    test('two lines in .env make it a registry for others', async () => {
      writeFileSync(file('.env'), named(readme.composeEnvironment))
      await shell(up)
      const untrusted = await docker.login(host, 'admin', secret)
      expect(untrusted.output).toContain('certificate signed by unknown authority')
      await shell(named(readme.composeTrust))
      expect((await docker.login(host, 'admin', secret)).output).toContain('Login Succeeded')
      await pushAndPull(`${host}/public/app:1`)
    })

    test('a configuration of one’s own is in force when it is written', async () => {
      await shell(readme.composeConfiguration)
      const image = `${host}/public/app:1`
      const stranger = engine.client()
      expect((await stranger.run(['pull', image])).output).toContain('denied')

      const config = file('auth', 'dockwarden.yml')
      const shipped = readFileSync(config, 'utf8')
      const rule = '  - { who: [anyone], may: [pull], on: ["public/**"] }\n'
      writeFileSync(config, shipped + rule)
      const pull = async () => (await stranger.run(['pull', image])).code
      await expect.poll(pull, { timeout: 30_000, interval: 300 }).toBe(0)
      expect(await shell(readme.composeCheck)).toContain('ok')

      writeFileSync(config, `${shipped}${rule}ruls: []\n`)
      const { code, output } = await tryShell(readme.composeCheck)
      expect(code).toBe(1)
      expect(output).toMatch(/dockwarden\.yml:\d+:1: .*ruls/)
      expect(await pull()).toBe(0)
    })
  })

  describe('from nginx, one htpasswd file and a wildcard certificate', () => {
    /** What is in /etc/nginx and /srv of the machine that people come from. */
    let machine: string
    const moved = (text: string): string =>
      text.replaceAll(/\/(?=etc\/nginx|srv\/)/g, `${machine}/`)

    beforeAll(async () => {
      machine = temporaryFolder('machine')
      chmodSync(machine, 0o755)
      const [nginx, images] = [join(machine, 'etc', 'nginx'), join(machine, 'srv', 'registry')]
      for (const path of [nginx, images]) mkdirSync(path, { recursive: true })
      // Plain htpasswd, as everybody has it, and modes as careful people set them.
      const users = join(nginx, 'htpasswd')
      await run(requirePart('htpasswd'), ['-b', '-c', users, 'alice', password])
      chmodSync(users, 0o640)
      const certificate = await makeCertificate(['*.example.test'])
      cpSync(certificate.certificate, join(nginx, 'registry.crt'))
      cpSync(certificate.key, join(nginx, 'registry.key'))
      chmodSync(join(nginx, 'registry.key'), 0o600)
      for (const host of [registryName, `${registryName}:44301`])
        engine.trust(host, readFileSync(certificate.authority, 'utf8'))
    })

    /** The registry that was there before ran as root. */
    async function pushAsBefore(images: string, image: string): Promise<void> {
      const port = await freePort()
      const options = [
        '--publish',
        `127.0.0.1:${port}:5000`,
        '--volume',
        `${images}:/var/lib/registry`,
      ]
      const id = await docker.mustRun(['run', '--detach', ...options, 'registry:2'])
      const old = `127.0.0.1:${port}/${image}`
      await docker.makeImage(old)
      const push = async () => (await docker.run(['push', old])).code
      await expect.poll(push).toBe(0)
      await docker.mustRun(['rm', '--force', id.trim()])
    }

    test('after the move everybody may what they could', async () => {
      await pushAsBefore(join(machine, 'srv', 'registry'), 'old/app:1')
      await startAfresh(moved(named(readme.everybodyEnvironment)))
      await shell(moved(readme.everybodyFiles))
      const config = file('auth', 'dockwarden.yml')
      const [kept = ''] = readFileSync(config, 'utf8').split('# Who is it?')
      writeFileSync(config, kept + readme.everybodyConfiguration)
      await shell(up)
      expect((await docker.login(registryName, 'alice', password)).output).toContain('Succeeded')
      await docker.mustRun(['pull', `${registryName}/old/app:1`])
      await pushAndPull(`${registryName}/old/app:2`)
      expect((await engine.client().run(['pull', `${registryName}/old/app:1`])).output).toContain(
        'denied',
      )
    })

    test('and on another port', async () => {
      writeFileSync(file('.env'), `${readFileSync(file('.env'), 'utf8')}${readme.anotherPort}`)
      await shell(up)
      const host = `${registryName}:44301`
      expect((await docker.login(host, 'alice', password)).output).toContain('Succeeded')
      await pushAndPull(`${host}/old/app:3`)
    })
  })

  test('the example directory: three commands, and one of its people is signed in', async () => {
    await startAfresh(readme.directoryExample)
    const [start = '', makePassword = '', login = ''] = readme.directoryExampleUp.trim().split('\n')
    await shell(start)
    const made = await shell(makePassword)
    await logIn(login, /^New password: (\S+)$/m.exec(made)?.[1] ?? '')
    await pushAndPull('localhost/developers/app:1')
    await docker.makeImage('localhost/others/app:1')
    expect((await docker.run(['push', 'localhost/others/app:1'])).output).toContain('denied')
  })

  test('without TLS, the log says what that means', async () => {
    await startAfresh(readme.withoutTls)
    await shell(up)
    expect(await shell('docker compose logs setup')).toContain('is plain HTTP')
    const secret = adminPassword(await shell('docker compose logs auth'))
    expect((await docker.login('localhost:5000', 'admin', secret)).output).toContain('Succeeded')
    await pushAndPull('localhost:5000/my/app:1')
    await shell('docker compose down --volumes --timeout 5')
  })
})

/** "Start": what a new user does first, and what may stand in the way. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { holdLogin } from '../end-to-end/held-request.ts'
import { createSkopeo } from '../support/clients.ts'
import { program as dockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { makeImage } from '../support/image.ts'
import { describeWithParts, requirePart } from '../support/parts.ts'
import { type RunningProcess, run, startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { clone } from './clone.ts'
import { readme, root } from './readme.ts'

const nodeVersion = process.versions.node
let folder: string
let port: number
beforeAll(async () => {
  folder = await clone()
  port = await freePort()
  // The one thing that differs from a fresh clone: another test may have the usual port.
  writeFileSync(join(folder, 'dockwarden.yml'), `server: { listen: 127.0.0.1:${port} }\n`)
})

const npmStart = (env: Readonly<Record<string, string>> = {}): RunningProcess =>
  startProcess('sh', ['-c', `exec ${readme.npmStart}`], {
    cwd: folder,
    env: { ...env, npm_config_update_notifier: 'false' },
  })

/** What a start that fails tells, without the lines that npm itself prints. */
async function complaint(started: RunningProcess): Promise<string> {
  expect(await started.exit()).toEqual({ code: 1, signal: null })
  return started.stderr.replace(/^npm .*\n/gm, '')
}

describeWithParts('npm start', ['registry 2', 'skopeo', 'curl'], () => {
  let server: RunningProcess
  let password: string
  beforeAll(async () => {
    server = npmStart()
    await server.waitForOutput(/"event":"start"/)
    password = /^admin password: (\S+)$/m.exec(server.stdout)?.[1] ?? ''
  })
  afterAll(() => server?.stop())

  /** The lines between two others, as they were printed. */
  const printed = (from: RegExp, to: RegExp): string => {
    const [, behind = ''] = server.stdout.split(from)
    return behind.split(to)[0] ?? ''
  }

  test('makes keys and database, and prints the password of admin once', () => {
    expect(password).toMatch(/^\S{20,}$/)
    expect(server.stdout.split(password)).toHaveLength(2)
    expect(server.stdout).toContain(`${folder}/keys/ca.crt`)
    expect(readFileSync(join(folder, 'keys', 'ca.crt'), 'utf8')).toContain('BEGIN CERTIFICATE')
    expect(readFileSync(join(folder, 'data', 'dockwarden.db')).length).toBeGreaterThan(0)
  })

  test('the curl line that it prints gives a token', async () => {
    const line = /^ {2}(curl -u admin .*)$/m.exec(server.stdout)?.[1] ?? ''
    // curl asks for the password at a terminal; here it comes with the name.
    const command = line.replace('-u admin', `--silent --fail -u admin:${password}`)
    const { code, stdout } = await run('sh', ['-c', command])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ token: expect.any(String) })
  })

  const registryConfig = (registryPort: number): string => `version: 0.1
storage: { filesystem: { rootdirectory: ${temporaryFolder('storage')} }, delete: { enabled: true } }
http: { addr: "127.0.0.1:${registryPort}" }
`
  test.each(['the YAML form', 'the environment form'])(
    'the registry settings that it prints are right as they stand: %s',
    async (form) => {
      const registryPort = await freePort()
      const file = join(temporaryFolder('registry'), 'config.yml')
      const isYaml = form === 'the YAML form'
      const yaml = isYaml ? printed(/config\.yml:\n\n/, / {3}or in its environment/) : ''
      writeFileSync(file, registryConfig(registryPort) + yaml)
      const lines = isYaml ? '' : printed(/environment:\n\n/, / {3}and start it again/)
      const env = Object.fromEntries(
        [...lines.matchAll(/^ {2}(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
      )
      await using registry = startProcess(requirePart('registry 2'), ['serve', file], { env })
      await registry.waitForPort(registryPort)

      const host = `127.0.0.1:${registryPort}`
      const skopeo = createSkopeo()
      const signIn = (input: string) =>
        skopeo.run(
          ['login', '--tls-verify=false', '--username', 'admin', '--password-stdin', host],
          { input },
        )
      expect((await signIn('wrong')).output).toContain('invalid username/password')
      expect((await signIn(password)).output).toContain('Login Succeeded')
      const image = `oci:${makeImage().folder}:latest`
      const push = ['copy', '--dest-tls-verify=false', image, `docker://${host}/my/app:1`]
      expect((await skopeo.run(push)).output).toContain('Writing manifest')
    },
  )

  test('Ctrl-C stops it cleanly, also when npm passes it on a second time', async () => {
    const child = Number(
      readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim(),
    )
    // Or it may have ended before the signal comes for the second time.
    const login = await holdLogin(`http://127.0.0.1:${port}`)
    server.signal('SIGINT')
    process.kill(child, 'SIGINT')
    await server.waitForOutput(/stopping: /)
    await sleep(300)
    expect(await login.finish()).toBe(401)
    expect(await server.exit()).toEqual({ code: 0, signal: null })
    expect(server.stdout).toMatch(/"msg":"stopped"\}\n$/)
  })

  test('a second start makes nothing anew', async () => {
    const certificate = readFileSync(join(folder, 'keys', 'ca.crt'), 'utf8')
    await using second = npmStart()
    await second.waitForOutput(/"event":"start"/)
    expect(second.output).not.toMatch(/password/)
    expect(readFileSync(join(folder, 'keys', 'ca.crt'), 'utf8')).toBe(certificate)
  })
})

describe('npm start says in one line what stands in its way', () => {
  test('the port is taken', async () => {
    const blocker = createServer().listen(port, '127.0.0.1')
    const told = await complaint(npmStart()).finally(() => blocker.close())
    expect(told).toMatch(/^dockwarden: cannot listen on \S+ .*another program is listening.*\n$/)
    expect(told).toContain(`127.0.0.1:${port}`)
  })

  test('Node is too old', async () => {
    const versions = `{ value: { ...process.versions, node: '18.20.0' } }`
    const stub = `Object.defineProperty(process, 'versions', ${versions})`
    const option = `--import=data:text/javascript,${encodeURIComponent(stub)}`
    const told = await complaint(npmStart({ NODE_OPTIONS: option }))
    expect(told).toBe('Dockwarden needs Node >=20.19, this is Node 18.20.0.\n')
  })

  // root may write everywhere, so somebody else tries.
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const asNobody = process.getuid?.() === 0 ? nobody : []
  const server = [process.execPath, dockwarden, 'serve']

  test.each([
    ['the folder', '.', ['npm', 'start']],
    ['dist', 'dist', ['npm', 'start']],
    ['keys', 'keys', server],
    ['data', 'data', server],
  ])('%s cannot be written to', async (_name, locked, command) => {
    const copy = await clone()
    // A folder that is not there yet is made in the one that is locked.
    if (locked !== '.') mkdirSync(join(copy, locked), { recursive: true })
    if (asNobody.length > 0) await run('chown', ['-R', '65534:65534', copy])
    const path = join(copy, locked)
    chmodSync(path, 0o555)
    const [program = '', ...args] = [...asNobody, ...command]
    const env = { HOME: temporaryFolder('home'), npm_config_update_notifier: 'false' }
    const told = await complaint(startProcess(program, args, { cwd: copy, env }))
    chmodSync(path, 0o755)
    expect(told.trim().split('\n'), told).toHaveLength(1)
    expect(told).toContain(path)
  })
})

test('Node is named alike in README.md and package.json', () => {
  const { engines, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(engines.node).toBe('>=20.19')
  expect(nodeVersion.split('.').map(Number)[0]).toBeGreaterThanOrEqual(20)
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('Node 20.19 or later')
  // And the other command under this heading is what checks all of this.
  expect(readme.npmTest).toBe('npm test\n')
  expect(scripts.test).toBe('node scripts/test.mjs fast')
})

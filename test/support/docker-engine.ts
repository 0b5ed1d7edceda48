/**
 * A real Docker engine of the tests' own, and clients of it. Its images and layers survive between
 * runs; everything else, containers included, ends with it.
 */

import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describeUnless, findPart, requirePart } from './parts.ts'
import { type RunOptions, type RunResult, run, startProcess } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dockwarden')
const repository = join(import.meta.dirname, '..', '..')

/** Where compose may be. */
const pluginFolders = [
  join(cache, 'parts', 'cli-plugins'),
  join(homedir(), '.docker', 'cli-plugins'),
]

/** Makes local stand-ins of the public images, for a machine that cannot pull them. */
const imageParts =
  process.env['DOCKWARDEN_IMAGE_PARTS'] ?? join(repository, '..', 'shared', 'parts', 'images')

/**
 * A name of this machine, known beside the engine. Docker checks no certificate of `localhost`, nor of any
 * name that leads to 127.0.0.0/8, so this one leads to the address of the engine's bridge.
 */
export const registryName = 'registry.example.test'

/**
 * Process 1 of its own process and mount namespaces: whatever ends the engine ends its containers,
 * and its /etc/docker and /etc/hosts are the test's. Two engines would take each other's firewall rules
 * and images away, so the second waits for the lock, which ends with the last process that holds it.
 */
const startEngine = `
  exec 9>"$DATA.lock" && flock --timeout 1800 9 || exit 1
  mount --bind "$RUN/etc" /etc/docker && mount --bind "$RUN/hosts" /etc/hosts || exit 1
  exec "$DOCKERD" --data-root "$DATA" --exec-root "$RUN/exec" --pidfile "$RUN/engine.pid" \\
    --host "unix://$RUN/engine.sock"
`

export interface DockerEngine extends AsyncDisposable {
  /** A client with a configuration of its own: what it logs in to, no other client is logged in to. */
  client(): DockerClient
  /** Makes the engine trust a CA for a registry, `host:port`. Takes effect at once. */
  trust(registry: string, caCertificate: string): void
  /** Runs another client where the engine's host names and trusted CAs hold. */
  runBeside(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
  stop(): Promise<void>
}

/** Resolves once the engine answers; waits for the engine of another test run to end. */
export async function startDockerEngine(): Promise<DockerEngine> {
  const folder = temporaryFolder('engine')
  const trusted = join(folder, 'etc')
  const dataRoot = join(cache, 'engine')
  for (const path of [trusted, dataRoot, '/etc/docker']) mkdirSync(path, { recursive: true })
  const hosts = join(folder, 'hosts')
  copyFileSync('/etc/hosts', hosts)

  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child=SIGTERM']
  const engine = startProcess('unshare', [...namespaces, 'sh', '-c', startEngine], {
    // Go's own resolver keeps /etc/hosts for five seconds, and we add a name once the engine runs.
    env: { DATA: dataRoot, RUN: folder, DOCKERD: requirePart('dockerd'), GODEBUG: 'netdns=cgo' },
  })
  const host = `unix://${join(folder, 'engine.sock')}`
  await engine.waitUntil('answer', async () => engine.output.includes('API listen on'), 1_900_000)
  const client = new DockerClient(host)
  const gateway = '{{(index .IPAM.Config 0).Gateway}}'
  const address = await client.mustRun(['network', 'inspect', 'bridge', '--format', gateway])
  appendFileSync(hosts, `\n${address.trim()} ${registryName}\n`)
  await removeLeftovers(client)

  // unshare itself ignores SIGTERM; at its end the kernel sends one to the engine.
  const stop = async (): Promise<void> => void (await engine.stop('SIGKILL', 60_000))
  return {
    client: () => new DockerClient(host),
    trust(registry, caCertificate) {
      const certificates = join(trusted, 'certs.d', registry)
      mkdirSync(certificates, { recursive: true })
      writeFileSync(join(certificates, 'ca.crt'), caCertificate)
    },
    async runBeside(program, args, options) {
      // unshare forked once: its only child is the engine.
      const children = `/proc/${engine.pid}/task/${engine.pid}/children`
      const target = `--target=${readFileSync(children, 'utf8').trim()}`
      return await run('nsenter', ['--mount', target, '--wd=/', program, ...args], options)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** What a run that was interrupted left behind, and layers that no build has used for a week. */
async function removeLeftovers(client: DockerClient): Promise<void> {
  const lines = async (...args: string[]) => (await client.mustRun(args)).trim().split(/\s+/)
  for (const container of await lines('ps', '--all', '--quiet'))
    if (container) await client.mustRun(['rm', '--force', container])
  for (const volume of await lines('volume', 'ls', '--quiet'))
    if (volume) await client.mustRun(['volume', 'rm', '--force', volume])
  await client.mustRun(['network', 'prune', '--force'])
  await client.mustRun(['image', 'prune', '--force', '--filter', 'until=168h'])
}

/** The docker command, with its own DOCKER_CONFIG. A non-zero exit code is a result, not an error. */
export class DockerClient {
  /** What makes any docker command this client. */
  readonly environment: Readonly<Record<string, string>>

  constructor(host: string) {
    const configuration = temporaryFolder('docker-client')
    const settings = { cliPluginsExtraDirs: pluginFolders }
    writeFileSync(join(configuration, 'config.json'), JSON.stringify(settings))
    this.environment = { DOCKER_HOST: host, DOCKER_CONFIG: configuration }
  }

  /** @param options as for any program; the default timeout is two minutes */
  async run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await run(requirePart('docker'), args, {
      timeout: 120_000,
      ...options,
      env: { ...options.env, ...this.environment },
    })
  }

  /** As `run`, for commands that the test does not doubt. @throws with the output where it fails */
  async mustRun(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, output, stdout } = await this.run(args, options)
    if (code !== 0) throw new Error(`docker ${args.join(' ')} failed (${code}):\n${output}`)
    return stdout
  }

  async login(registry: string, user: string, password: string): Promise<RunResult> {
    const args = ['login', registry, '--username', user, '--password-stdin']
    return await this.run(args, { input: password })
  }

  /** Makes an image that no registry has yet. @param bytes what its one layer holds, incompressible */
  async makeImage(tag: string, content: string | Uint8Array = `made for ${tag}\n`): Promise<void> {
    const context = temporaryFolder('image')
    writeFileSync(join(context, 'content'), content)
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY content /content\nCMD ["/"]\n')
    await this.mustRun(['build', '--quiet', '--tag', tag, context])
  }

  /** Sees to it that the engine has the public images that the bundle names, and our own built on them. */
  async ensureImages(): Promise<void> {
    if (existsSync(imageParts)) {
      const made = await run(imageParts, [], {
        env: {
          ...this.environment,
          PARTS_DIR: join(cache, 'image-parts'),
          REGISTRY3: findPart('registry 3'),
        },
        timeout: 600_000,
      })
      if (made.code !== 0) throw new Error(`${imageParts} failed:\n${made.output}`)
    }
    await this.#ensureImage('registry:2')
    await this.#ensureImage('registry:3')
    await this.#ensureImage('nginx:stable')
    // Node 20 has a stand-in, 24 has none.
    const node = await this.#ensureImage('node:24-bookworm-slim', 'node:20-bookworm-slim')
    const debian = await this.#ensureImage('debian:bookworm-slim', 'standin-base')
    const build = ['compose', '--env-file', '/dev/null', '--profile', 'ldap', 'build', '--quiet']
    await this.mustRun(build, {
      cwd: repository,
      // The classic builder needs no plugin, which Debian does not have.
      env: { DOCKER_BUILDKIT: '0', NODE_IMAGE: node, DEBIAN_IMAGE: debian },
      timeout: 900_000,
    })
  }

  /** @returns the first of the images that the engine has; where it has none, the first, pulled */
  async #ensureImage(...images: readonly [string, ...string[]]): Promise<string> {
    for (const image of images)
      if ((await this.run(['image', 'inspect', image])).code === 0) return image
    await this.mustRun(['pull', '--quiet', images[0]], { timeout: 600_000 })
    return images[0]
  }
}

/** A `describe` that needs an engine. Where none can be started, as `describeUnless`. */
export function describeWithEngine(name: string, body: () => void): void {
  describeUnless(engineObstacle(), name, body)
}

function engineObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'a Docker engine of our own needs root'
  const missing = (['docker', 'dockerd'] as const).filter((part) => findPart(part) === undefined)
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`
  if (!pluginFolders.some((folder) => existsSync(join(folder, 'docker-compose'))))
    return 'not installed: docker compose'
  if (existsSync('/run/docker.sock'))
    return "this machine's own Docker engine is running, and a second would take its firewall rules away"
  return undefined
}

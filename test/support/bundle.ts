/** The compose bundle on a Docker engine: the files of this repository, with settings as in a `.env`. */

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { DockerClient } from './docker-engine.ts'
import type { RunResult } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))

/** The user and group of our containers; files that are given to them must be readable to one of the two. */
export const containerId = 1000

/** The variables of `.env.example`. */
export type Settings = Readonly<Record<string, string>>

export class Bundle {
  readonly #docker: DockerClient
  readonly #project: string
  readonly #env: Settings

  /** @param project other than that of every other bundle on the engine */
  constructor(docker: DockerClient, project: string, settings: Settings = {}) {
    this.#docker = docker
    this.#project = `dockwarden-${project}`
    this.#env = settings
  }

  /** Runs `docker compose` with these arguments. */
  async compose(...args: readonly string[]): Promise<RunResult> {
    // Whoever runs the tests may have a .env of their own.
    const own = ['--project-name', this.#project, '--env-file', '/dev/null']
    const options = { cwd: repository, env: this.#env, timeout: 240_000 }
    return await this.#docker.run(['compose', '--ansi', 'never', ...own, ...args], options)
  }

  /** As `compose`. @throws with all logs where it fails */
  async mustCompose(...args: readonly string[]): Promise<string> {
    const { code, output, stdout } = await this.compose(...args)
    if (code === 0) return stdout
    const { output: logs } = await this.compose('logs')
    throw new Error(`docker compose ${args.join(' ')} failed (${code}):\n${output}\n${logs}`)
  }

  /** Starts everything and waits until it is healthy. */
  async up(): Promise<void> {
    await this.mustCompose('up', '--detach', '--wait', '--no-build')
  }

  /** What a service has printed since its container was made. */
  async logs(service: string): Promise<string> {
    const { output } = await this.#docker.run(['logs', await this.#container(service)])
    return output
  }

  /** The password of the first administrator, as the first start prints it. */
  async adminPassword(): Promise<string> {
    const [, password] = /^admin password: (\S+)$/m.exec(await this.logs('auth')) ?? []
    if (password === undefined) throw new Error('auth has printed no password')
    return password
  }

  /** What the engine knows about a service's container. */
  async inspect(service: string): Promise<Container> {
    const id = await this.#container(service)
    return JSON.parse(await this.#docker.mustRun(['inspect', id]))[0]
  }

  /** Runs a shell command in the container of a service. */
  async shell(service: string, command: string): Promise<RunResult> {
    return await this.compose('exec', '--no-TTY', service, 'sh', '-c', command)
  }

  /** Ends it, and forgets everything that it kept. */
  async remove(): Promise<void> {
    await this.mustCompose('down', '--volumes', '--timeout', '5')
  }

  async #container(service: string): Promise<string> {
    return (await this.mustCompose('ps', '--all', '--quiet', service)).trim()
  }
}

/** The part of `docker inspect` that tests look at. */
export interface Container {
  readonly RestartCount: number
  readonly State: { readonly StartedAt: string; readonly ExitCode: number; readonly Status: string }
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean
    readonly Privileged: boolean
    readonly CapAdd: readonly string[] | null
    readonly CapDrop: readonly string[] | null
    readonly SecurityOpt: readonly string[] | null
  }
}

/**
 * A folder for CONFIG_FOLDER: the shipped dockwarden.yml with these sections instead of its users and
 * rules, and further files.
 */
export function configFolder(
  sections: Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, string>> = {},
): string {
  const shipped = readFileSync(join(repository, 'deploy/dockwarden/dockwarden.yml'), 'utf8')
  const [bundleSettings = ''] = shipped.split('# Who is it?')
  const folder = readableFolder('config')
  writeFileSync(join(folder, 'dockwarden.yml'), bundleSettings + stringify(sections))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

/** A folder that containers can look into. */
export function readableFolder(name: string): string {
  const folder = temporaryFolder(name)
  chmodSync(folder, 0o755)
  return folder
}

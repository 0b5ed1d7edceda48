/** What a person does with each client: the same flows, in each client's own commands. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, createCrane, createPodman, createSkopeo } from '../support/clients.ts'
import { type DockerEngine, registryName } from '../support/docker-engine.ts'
import { type Image, tarArchive } from '../support/image.ts'
import type { RunOptions, RunResult } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import type { Site } from './site.ts'

/** One person at one machine. References come without the registry's name: `team/app:1`. */
export interface Session {
  login(user: string, password: string): Promise<RunResult>
  push(image: Image, reference: string, options?: RunOptions): Promise<RunResult>
  pull(reference: string): Promise<RunResult>
  /** Brings an image of the registry to another repository without sending its layers again. */
  mount(from: string, to: string): Promise<RunResult>
  remove?(reference: string): Promise<RunResult>
  tags?(repository: string): Promise<RunResult>
  catalog?(): Promise<RunResult>
}

export interface FlowClient {
  readonly name: 'docker' | 'podman' | 'skopeo' | 'crane'
  /** What it has no command for. */
  readonly lacks: readonly ('remove' | 'tags' | 'catalog')[]
  /** A new session, signed in to nothing. */
  session(site: Site): Promise<Session>
}

export const skopeo: FlowClient = {
  name: 'skopeo',
  lacks: ['catalog'],
  async session({ port, certificate }) {
    const client = createSkopeo(certificate)
    const host = `localhost:${port}`
    const remote = (reference: string): string => `docker://${host}/${reference}`
    return {
      login: (user, password) => login(client, ['login'], host, user, password),
      push: ({ folder }, to, options) =>
        client.run(['copy', `oci:${folder}:latest`, remote(to)], options),
      pull: (from) => client.run(['copy', remote(from), `oci:${temporaryFolder('pulled')}:latest`]),
      mount: (from, to) => client.run(['copy', remote(from), remote(to)]),
      remove: (reference) => client.run(['delete', remote(reference)]),
      tags: (repository) => client.run(['list-tags', remote(repository)]),
    }
  },
}

export const podman: FlowClient = {
  name: 'podman',
  lacks: ['remove'],
  async session({ port, certificate }) {
    const client = createPodman(certificate)
    const host = `localhost:${port}`
    const push = (local: string, to: string, options?: RunOptions): Promise<RunResult> =>
      client.run(['push', local, `docker://${host}/${to}`], options)
    return {
      login: (user, password) => login(client, ['login'], host, user, password),
      push: async ({ folder }, to, options) => {
        const { stdout: id } = await client.run(['pull', '--quiet', `oci:${folder}:latest`])
        return await push(id.trim(), to, options)
      },
      pull: (from) => client.run(['pull', `${host}/${from}`]),
      mount: async (from, to) => {
        await client.run(['pull', `${host}/${from}`])
        return await push(`${host}/${from}`, to)
      },
      tags: (repository) => client.run(['search', '--list-tags', `${host}/${repository}`]),
      catalog: () => client.run(['search', `${host}/`]),
    }
  },
}

export const crane: FlowClient = {
  name: 'crane',
  lacks: [],
  async session({ port, certificate }) {
    const client = createCrane(certificate)
    const host = `localhost:${port}`
    return {
      login: (user, password) => login(client, ['auth', 'login'], host, user, password),
      push: ({ folder }, to, options) => client.run(['push', folder, `${host}/${to}`], options),
      pull: (from) => {
        const file = join(temporaryFolder('pulled'), 'image.tar')
        return client.run(['pull', `${host}/${from}`, file])
      },
      mount: (from, to) => client.run(['copy', `${host}/${from}`, `${host}/${to}`]),
      remove: async (reference) => {
        const digest = await client.run(['digest', `${host}/${reference}`])
        if (digest.code !== 0) return digest
        const [repository] = reference.split(':')
        return await client.run(['delete', `${host}/${repository}@${digest.stdout.trim()}`])
      },
      tags: (repository) => client.run(['ls', `${host}/${repository}`]),
      catalog: () => client.run(['catalog', host]),
    }
  },
}

/** The docker CLI and its engine, which are one client to a registry. */
export function docker(startEngine: () => Promise<DockerEngine>): FlowClient {
  return {
    name: 'docker',
    lacks: ['remove', 'tags', 'catalog'],
    async session({ port, certificate }) {
      const engine = await startEngine()
      const client = engine.client()
      const host = `${registryName}:${port}`
      engine.trust(host, readFileSync(certificate.authority, 'utf8'))
      return {
        login: (user, password) => client.login(host, user, password),
        push: async ({ folder, layers: [digest = ''] }, to, options) => {
          // docker imports no OCI layout: a layer with the image's first layer in it is as unique, and as large.
          const layer = readFileSync(join(folder, 'blobs', ...digest.split(':')))
          const archive = join(temporaryFolder('archive'), 'layer.tar')
          writeFileSync(archive, tarArchive('content', layer))
          await client.mustRun(['import', archive, `${host}/${to}`])
          return await client.run(['push', `${host}/${to}`], options)
        },
        pull: async (from) => {
          // What the engine still has would hide that nothing was pulled.
          await client.run(['image', 'rm', '--force', `${host}/${from}`])
          return await client.run(['pull', `${host}/${from}`])
        },
        mount: async (from, to) => {
          await client.mustRun(['pull', `${host}/${from}`])
          await client.mustRun(['tag', `${host}/${from}`, `${host}/${to}`])
          return await client.run(['push', `${host}/${to}`])
        },
      }
    },
  }
}

function login(
  client: Client,
  command: readonly string[],
  host: string,
  user: string,
  password: string,
): Promise<RunResult> {
  const args = [...command, host, '--username', user, '--password-stdin']
  return client.run(args, { input: password })
}

/**
 * The programs that people pull and push with; docker is in docker-engine.ts. Each has its own home
 * and its own file of logins, so that a test never touches, or profits from, what the machine's user
 * is signed in to.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Part, requirePart } from './parts.ts'
import { type RunOptions, type RunResult, run } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface ClientOptions {
  /** PEM file of the certificate authority that it trusts; without one, the system's. */
  readonly authority?: string
}

export interface Client {
  /** Where it keeps its logins and its images. */
  readonly home: string
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>
}

export function createSkopeo(options: ClientOptions = {}): Client {
  return createClient('skopeo', options, () => ['--insecure-policy'])
}

/** Its storage driver is the one that runs in every sandbox. */
export function createPodman(options: ClientOptions = {}): Client {
  return createClient('podman', options, (home) => [
    '--storage-driver=vfs',
    ...['--root', join(home, 'storage'), '--runroot', join(home, 'run')],
    ...['--tmpdir', join(home, 'tmp')],
  ])
}

export function createCrane(options: ClientOptions = {}): Client {
  return createClient('crane', options, () => [])
}

function createClient(
  part: Part,
  { authority }: ClientOptions,
  globalArgs: (home: string) => readonly string[],
): Client {
  const program = requirePart(part)
  const home = temporaryFolder(part)
  const logins = join(home, 'auth.json')
  // podman refuses to start where the file that it is told of is not there.
  writeFileSync(logins, '{}')
  const env = {
    HOME: home,
    XDG_RUNTIME_DIR: home,
    // crane reads the first, podman and skopeo the second.
    DOCKER_CONFIG: home,
    REGISTRY_AUTH_FILE: logins,
    // All of them are Go programs, and this is how Go is told of another root.
    ...(authority === undefined ? {} : { SSL_CERT_FILE: authority }),
  }
  return {
    home,
    run: (args, options = {}) =>
      run(program, [...globalArgs(home), ...args], {
        ...options,
        env: { ...env, ...options.env },
      }),
  }
}

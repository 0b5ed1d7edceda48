/** C8: 128 MB are enough for the shipped image, whatever is done to it. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { containerId, readableFolder } from '../support/bundle.ts'
import {
  type DockerClient,
  type DockerEngine,
  describeWithEngine,
  startDockerEngine,
} from '../support/docker-engine.ts'
import { freePort } from '../support/free-port.ts'
import {
  answering,
  type Behaviour,
  endless,
  startHostileDirectory,
} from '../support/hostile-directory.ts'
import { bindResponse, requests, searchDone, searchEntry } from '../support/ldap-messages.ts'
import { ask, formType } from './ask.ts'
import { configOf, logIn, openldap } from './directories.ts'
import { pour } from './raw-http.ts'

const image = 'dockwarden:local'
const limited = ['--memory', '128m', '--memory-swap', '128m']
const alice = { user: 'alice', password: 'password' }

describeWithEngine('128 MB', () => {
  let engine: DockerEngine
  let docker: DockerClient
  beforeAll(async () => {
    engine = await startDockerEngine()
    docker = engine.client()
    await docker.ensureImages()
  }, 1_800_000)
  afterAll(() => engine?.stop())

  const stateOf = async (container: string) =>
    JSON.parse(await docker.mustRun(['inspect', '--format', '{{json .State}}', container]))

  test('more than that is not to be had', async () => {
    const script = "const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 'x'))"
    const container = (
      await docker.mustRun([
        'run',
        '--detach',
        ...limited,
        '--entrypoint',
        'node',
        image,
        '-e',
        script,
      ])
    ).trim()
    await docker.mustRun(['wait', container])
    expect(await stateOf(container)).toMatchObject({ OOMKilled: true })
    await docker.mustRun(['rm', container])
  })

  /** The shipped image with 128 MB, and nothing of it left at the end. */
  async function startLimited(
    authentication: readonly unknown[],
    users: readonly string[],
  ): Promise<Limited> {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const folder = readableFolder('limited')
    const config = configOf(authentication)
    const server = { ...(config['server'] as object), listen: `127.0.0.1:${port}`, public_url: url }
    const places = {
      keys: '/var/lib/dockwarden/keys',
      database: 'sqlite:/var/lib/dockwarden/data/dockwarden.db',
    }
    writeFileSync(join(folder, 'dockwarden.yml'), stringify({ ...config, ...places, server }))
    const hash = bcrypt.hashSync(alice.password, 4)
    writeFileSync(join(folder, 'htpasswd'), users.map((user) => `${user}:${hash}\n`).join(''))
    const started = await docker.mustRun([
      ...['run', '--detach', ...limited, '--network', 'host', '--user', String(containerId)],
      ...['--volume', `${folder}:/etc/dockwarden:ro`, image],
    ])
    const container = started.trim()
    await expect.poll(() => isReady(url), { timeout: 30_000 }).toBe(true)
    return {
      port,
      url,
      memory: () => memoryOf(docker, container),
      async expectAlive() {
        expect(await stateOf(container)).toMatchObject({ Running: true, OOMKilled: false })
        expect((await logIn({ url }, alice)).status).toBe(200)
      },
      async [Symbol.asyncDispose]() {
        await docker.mustRun(['rm', '--force', container])
      },
    }
  }

  test('C8: floods of names, of passwords and of endless forms do not end it', {
    timeout: 120_000,
  }, async () => {
    const users = Array.from({ length: 100 }, (_, index) => `user-${index}`)
    await using server = await startLimited(
      [{ htpasswd: { file: 'htpasswd' } }],
      ['alice', ...users],
    )
    const idle = await server.memory()
    // A22 beside A19: names that nobody has, and wrong passwords of those that there are, from everywhere.
    const pouring = repeat(100, 20, () => pourForm(server))
    const statuses = new Set<number>()
    await repeat(12_000, 64, async (index) => {
      const user = index % 6 === 0 ? (users[(index / 6) % users.length] ?? '') : `nobody-${index}`
      statuses.add((await logIn(server, { user, password: `guess ${index}` })).status)
    })
    await pouring
    expect([...statuses].sort()).toEqual([401, 429])
    await server.expectAlive()
    console.log(`C8: ${idle} MB of 128, ${await server.memory()} after the floods`)
  })

  test('C8: nor does a hostile directory', { timeout: 120_000 }, async () => {
    let behave: Behaviour = endless
    await using directory = await startHostileDirectory((socket) => behave(socket))
    const entry = openldap(directory.url, '', {
      tls: { mode: 'none' },
      operation_timeout: '1s',
      breaker: { failures: 100, open: '1s' },
    })
    await using server = await startLimited([{ htpasswd: { file: 'htpasswd' } }, entry], ['alice'])
    const figures = [await server.memory()]
    // B9: answers that never end, and a crowd that bears one name.
    for (const [next, status] of [
      [endless, 503],
      [crowded, 401],
    ] as const) {
      behave = next
      const before = directory.accepted()
      const pouring = repeat(40, 10, () => pourForm(server))
      const statuses = new Set<number>()
      await repeat(400, 40, async (index) => {
        const login = { user: `${status}-${index}`, password: `guess ${index}` }
        statuses.add((await logIn(server, login)).status)
      })
      await pouring
      // So much to read keeps all connections busy: some who wait for one are told to come again.
      expect(statuses).toContain(status)
      expect([...statuses].filter((each) => ![status, 503].includes(each))).toEqual([])
      expect(directory.accepted() - before).toBeGreaterThan(16)
      await server.expectAlive()
      figures.push(await server.memory())
    }
    console.log(`C8: ${figures.join(' MB, then ')} MB of 128 with a hostile directory`)
  })
})

interface Limited extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Megabytes. */
  memory(): Promise<number>
  /** It has not been ended, and whoever has the right password gets in. */
  expectAlive(): Promise<void>
}

const bytes = Buffer.alloc(16_384, 'x')
const formHead = `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: ${formType}\r\nContent-Length: ${2 ** 30}\r\n\r\n`

async function pourForm({ port }: { readonly port: number }): Promise<void> {
  await pour(port, formHead, bytes, 1_500)
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await ask(`${url}/readyz`)).status === 200
  } catch {
    return false
  }
}

/** Does something so many times, so many at once. */
async function repeat(
  times: number,
  atOnce: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < times) {
      const index = next
      next += 1
      await act(index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Binds succeed; a search finds three thousand people for one name. */
const crowd = Array.from({ length: 3_000 }, (_, index) =>
  searchEntry(3, `uid=${index}`, { mail: ['a@example.org'] }),
)
const crowded: Behaviour = answering(({ id, tag }) =>
  tag === requests.bind ? [bindResponse(id, 0)] : [...crowd, searchDone(id)],
)

/** Megabytes that count, without what the kernel gives back when it needs it. */
async function memoryOf(docker: DockerClient, container: string): Promise<number> {
  const format = '{{.MemUsage}}'
  const text = await docker.mustRun(['stats', '--no-stream', '--format', format, container])
  return Number.parseFloat(text)
}

/** The control socket: who may open it, what it answers, and what it leaves alone. */

import {
  chmodSync,
  existsSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { askForDecision, askForReload } from '../../src/control/control-client.ts'
import type { ControlOperations } from '../../src/control/control-operations.ts'
import { type ControlServer, openControlServer } from '../../src/control/control-server.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { unprivileged } from '../support/unprivileged.ts'

const refused = { ok: false, reasons: ['dockwarden.yml:3:1: ruls: no such key'] } as const
const operations: ControlOperations = {
  reload: async () => refused,
  decision: (id) => (id === 'known' ? { granted: ['repository:a:pull'] } : undefined),
}

const open: ControlServer[] = []
const warnings: Record<string, unknown>[] = []
afterEach(async () => {
  warnings.length = 0
  for (const server of open.splice(0)) await server.close()
})

async function serve(
  path = join(temporaryFolder('control'), 'dockwarden.sock'),
  served = operations,
): Promise<string> {
  const log = { info() {}, error() {}, warn: (fields: object) => void warnings.push({ ...fields }) }
  open.push(await openControlServer({ path, operations: served, log }))
  return path
}

/** @returns the status and the body of one raw request */
function ask(socketPath: string, method: string, path: string, body?: string) {
  return new Promise<readonly [number | undefined, string]>((resolve, reject) => {
    const asked = request({ socketPath, method, path }, async (response) => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      resolve([response.statusCode, text])
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

describe('what it answers', () => {
  test('the result of a reload, and a decision that is known', async () => {
    const path = await serve()
    expect(await askForReload(path)).toEqual(refused)
    expect(await askForDecision(path, 'known')).toEqual({ granted: ['repository:a:pull'] })
    expect(await askForDecision(path, 'unknown')).toBeUndefined()
    await expect(askForDecision(path, '../reload')).rejects.toThrow(/knows no such operation/)
  })

  test.each([
    ['GET', '/reload'],
    ['POST', '/decisions/known'],
    ['GET', '/decisions/'],
    ['GET', '/decisions/known?x'],
    ['GET', `/decisions/${'a'.repeat(65)}`],
    ['DELETE', '/'],
  ])('%s %s is no operation', async (method, path) => {
    expect(await ask(await serve(), method, path)).toEqual([
      400,
      '{"error":"this server knows no such operation"}',
    ])
  })

  test('a failure tells nothing of what is within', async () => {
    const path = await serve(undefined, {
      reload: () => Promise.reject(new Error('a secret in a defect')),
    })
    expect(await ask(path, 'POST', '/reload')).toEqual([
      500,
      '{"error":"the server could not do it"}',
    ])
    await expect(askForReload(path)).rejects.toThrow(/could not answer: the server could not do it/)
    await expect(askForDecision(path, 'known')).rejects.toThrow(/knows no such operation/)
  })

  test('a body is not read, however long it is', async () => {
    const path = await serve()
    const long = await ask(path, 'POST', '/reload', 'x'.repeat(5_000_000)).catch(({ code }) => code)
    if (typeof long === 'string') expect(long).toMatch(/EPIPE|ECONNRESET/)
    else expect(long[0]).toBe(200)
    expect(await askForReload(path)).toEqual(refused)
  })

  test('a server whose answer does not end is left', async () => {
    const path = join(temporaryFolder('control'), 'dockwarden.sock')
    const endless = createServer((socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n')
      const pour = () => socket.writable && socket.write('x'.repeat(65_536), pour)
      pour()
    }).listen(path)
    await expect(askForReload(path)).rejects.toThrow(/its answer does not end/)
    endless.close()
  })
})

describe('who may open it', () => {
  test('nobody but the user of the server, whatever the umask and the folder leave open', async () => {
    const folder = temporaryFolder('control')
    chmodSync(folder, 0o777)
    const umask = process.umask(0)
    const path = await serve(join(folder, 'dockwarden.sock')).finally(() => process.umask(umask))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['dockwarden.sock'])
    const script = `require('net').connect(${JSON.stringify(path)})
      .on('connect', () => { console.log('in'); process.exit() }).on('error', ({ code }) => console.log(code))`
    const { stdout } = await run(...unprivileged(process.execPath, ['-e', script]))
    // Where the tests do not run as root, there is no other user to try as.
    expect(stdout.trim()).toBe(process.getuid?.() === 0 ? 'EACCES' : 'in')
  })
})

describe('what is in its place', () => {
  test('the socket of a server that was killed is replaced', async () => {
    const path = join(temporaryFolder('control'), 'dockwarden.sock')
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    await run(process.execPath, ['-e', script])
    expect(statSync(path).isSocket()).toBe(true)
    await expect(askForReload(path)).rejects.toThrow(/no server is running.*nobody listens/)
    await serve(path)
    expect(warnings).toEqual([])
    expect(await askForReload(path)).toEqual(refused)
  })

  test('the socket of another server that runs is left to it, also when this one stops', async () => {
    const path = await serve()
    await serve(path, { reload: async () => ({ ok: false, reasons: ['the second'] }) })
    expect(warnings).toMatchObject([
      { event: 'control_socket', reason: expect.stringMatching(/another server listens on/) },
    ])
    await open.pop()?.close()
    expect(await askForReload(path)).toEqual(refused)
    await open.pop()?.close()
    expect(existsSync(path)).toBe(false)
  })

  test('a server that stops takes away its own socket, and not the one that came after it', async () => {
    const path = await serve()
    const [first] = open
    writeFileSync(`${path}.new`, 'another one')
    renameSync(`${path}.new`, path)
    await first?.close()
    open.length = 0
    expect(statSync(path).isFile()).toBe(true)
  })

  test.each([
    ['a file', (path: string) => writeFileSync(path, 'mine'), /is there and is no socket/],
    ['a link', (path: string) => symlinkSync('/etc/passwd', path), /is there and is no socket/],
  ])('%s is left alone, and the server goes on without', async (_name, put, told) => {
    const path = join(temporaryFolder('control'), 'dockwarden.sock')
    put(path)
    await serve(path)
    expect(warnings).toMatchObject([
      { event: 'control_socket', reason: expect.stringMatching(told) },
    ])
  })

  test('a path that is too long, or a folder that is not there, is warned of once', async () => {
    const folder = temporaryFolder('control')
    await serve(join(folder, 'x'.repeat(107 - folder.length)))
    await serve(join(folder, 'none', 'dockwarden.sock'))
    expect(warnings.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/at most 107 bytes.*server\.control_socket/),
      expect.stringMatching(/ENOENT/),
    ])
    expect(readdirSync(folder)).toEqual([])
  })
})

test('without a server the command says so', async () => {
  const path = join(temporaryFolder('control'), 'dockwarden.sock')
  await expect(askForReload(path)).rejects.toThrow(
    `no server is running with this configuration: ${path} is not there`,
  )
})

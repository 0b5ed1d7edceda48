/**
 * The server's side of the control socket: HTTP over a Unix socket, which nobody but the server's own
 * user (and root) can open. It holds no secret and takes no argument but the id of a request.
 */

import { once } from 'node:events'
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { AppError, messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ControlOperations } from './control-operations.ts'

export interface ControlServer {
  /** Answers what is in flight, for a second at most, and takes the socket away. */
  close(): Promise<void>
}

export interface ControlServerOptions {
  /** Of the socket, absolute. */
  readonly path: string
  readonly operations: ControlOperations
  readonly log: Log
}

const limits = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
}
const maximumConnections = 32
const closingGrace = 1_000
/** `sun_path` of Linux without the zero at its end (unix(7)). */
const maximumPathBytes = 107

/**
 * Never fails: a server that cannot be asked by commands still answers registries. It warns then, and
 * there is no socket.
 */
export async function openControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path, log } = options
  try {
    return await listen(options)
  } catch (error) {
    const reason = messageOf(error)
    log.warn(
      { event: 'control_socket', path, reason },
      'there is no control socket: commands cannot ask this server, and it answers registries all the same',
    )
    return { close: async () => {} }
  }
}

async function listen({ path, operations, log }: ControlServerOptions): Promise<ControlServer> {
  await assertFree(path)
  const server = createServer(limits, listenerFor(operations))
  server.maxConnections = maximumConnections
  // Bound in a folder that nobody else can enter, and moved when its mode is right: a socket begins
  // with the mode that the umask leaves it, and would be open to others for a moment. The move also
  // replaces the one that a killed server left behind.
  const draftFolder = mkdtempSync(join(dirname(path), '.dw-'))
  try {
    const draft = join(draftFolder, 's')
    assertLength(draft)
    server.listen(draft)
    await once(server, 'listening')
    chmodSync(draft, 0o600)
    renameSync(draft, path)
  } catch (error) {
    server.close()
    throw error
  } finally {
    rmSync(draftFolder, { recursive: true, force: true })
  }
  server.on('error', (err) => log.error({ err }, 'could not accept a control connection'))
  const { ino } = lstatSync(path)
  return {
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const cut = setTimeout(() => server.closeAllConnections(), closingGrace)
      // By then it may be that of the server that comes after this one.
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true })
      await closed
      clearTimeout(cut)
    },
  }
}

function listenerFor({ reload, decision }: ControlOperations): RequestListener {
  const answerTo = async (method: string | undefined, url = ''): Promise<[number, object]> => {
    if (method === 'POST' && url === '/reload') return [200, await reload()]
    const [, requestId] = /^\/decisions\/([\w-]{1,64})$/.exec(url) ?? []
    if (method === 'GET' && requestId !== undefined && decision !== undefined) {
      const found = decision(requestId)
      return found === undefined ? [404, { error: 'no such decision' }] : [200, found]
    }
    return [400, { error: 'this server knows no such operation' }]
  }
  return async ({ method, url }, response) => {
    const [status, body] = await answerTo(method, url).catch((): [number, object] => [
      500,
      { error: 'the server could not do it' },
    ])
    // One question for each connection, and no body is ever read.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(body))
  }
}

/** @throws AppError misconfigured where something else is in the socket's place */
async function assertFree(path: string): Promise<void> {
  assertLength(path)
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new AppError('misconfigured', `${path} is there and is no socket`)
  const socket = connect(path)
  try {
    await once(socket, 'connect')
  } catch (error) {
    // The socket of a server that was killed: nobody listens there any more.
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return
    throw error
  } finally {
    socket.destroy()
  }
  throw new AppError(
    'misconfigured',
    `another server listens on ${path}; give each one a database, or a server.control_socket, of its own`,
  )
}

function assertLength(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > maximumPathBytes) {
    throw new AppError(
      'misconfigured',
      `a socket's path has at most ${maximumPathBytes} bytes, and ${path} has ${bytes}; name a shorter one in server.control_socket`,
    )
  }
}

/** HTTP byte by byte, for what no client library would send. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly text: string
}

/** Sends bytes and reads until the server hangs up, or until `timeout` ms have passed. */
export async function rawRequest(
  port: number,
  bytes: string | Buffer,
  timeout = 30_000,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const text = await readAll(socket, bytes, timeout)
  return parseAnswer(text)
}

async function readAll(socket: Socket, bytes: string | Buffer, timeout: number): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.setTimeout(timeout, () => socket.destroy())
  await once(socket, 'connect')
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('utf8')
}

/** Writes as much as the server takes, for `timeout` ms at most, and reads what it says meanwhile. */
export async function pour(port: number, head: string, piece: Buffer, timeout: number) {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  const begin = performance.now()
  let answered = Number.NaN
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString()
    answered ||= performance.now() - begin
  })
  socket.on('error', () => {})
  // Each wait that times out leaves its listeners behind.
  socket.setMaxListeners(0)
  await once(socket, 'connect')
  socket.write(head)
  while (!socket.destroyed && performance.now() - begin < timeout) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain').catch(() => {}), sleep(50)])
    // Whoever never yields never reads the answer.
    await sleep(1)
  }
  const closed = socket.destroyed || socket.closed
  socket.destroy()
  return {
    ...parseAnswer(answer),
    answered,
    closed,
    sent: socket.bytesWritten - socket.writableLength,
  }
}

/** Status 0 where the server hung up without a word. */
export function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: rest.join('\r\n\r\n'),
    text,
  }
}

/** A request's head, `Connection: close` included, so that the answer ends when it ends. */
export function head(line: string, headers: readonly string[] = []): string {
  return `${[`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`
}

/** A server in a directory's place that answers what it likes. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { atEnd } from './at-end.ts'
import { type LdapRequest, takeMessages } from './ldap-messages.ts'

/** What happens on a connection, from its start. */
export type Behaviour = (socket: Socket) => void

export interface HostileDirectory extends AsyncDisposable {
  readonly port: number
  /** `ldap://127.0.0.1:PORT` */
  readonly url: string
  /** How many connections have come so far. */
  accepted(): number
  /** How many of them the client has left open. */
  connections(): number
  /** Every byte that has come. */
  received(): Buffer
  stop(): Promise<void>
}

/** Resolves once it listens. */
export async function startHostileDirectory(behave: Behaviour): Promise<HostileDirectory> {
  const open = new Set<Socket>()
  const received: Buffer[] = []
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A client that has had enough resets the connection: that is what tests wait for.
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    behave(socket)
  })
  atEnd(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    for (const socket of open) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  return {
    port,
    url: `ldap://127.0.0.1:${port}`,
    accepted: () => accepted,
    connections: () => open.size,
    received: () => Buffer.concat(received),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/**
 * Answers each request with the bytes that `answer` makes, made with test/support/ldap-messages.ts or broken;
 * undefined closes the connection, nothing at all is an empty list.
 */
export function answering(
  answer: (request: LdapRequest) => readonly Uint8Array[] | undefined,
): Behaviour {
  return (socket) => {
    let stream: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const { messages, rest } = takeMessages(Buffer.concat([stream, chunk]))
      stream = rest
      for (const request of messages) {
        const bytes = answer(request)
        if (bytes === undefined) return void socket.destroy()
        // One write: what belongs together may not be told apart by when it arrives.
        if (bytes.length > 0) socket.write(Buffer.concat(bytes))
      }
    })
  }
}

/** Takes connections and says nothing. */
export const silent: Behaviour = () => {}

/** Resets each connection at once. */
export const resetting: Behaviour = (socket) => socket.resetAndDestroy()

/** Is a web server, which waits for the end of the headers until it has enough. */
export const speakingHttp: Behaviour = (socket) =>
  socket.once('data', () =>
    socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  )

/** Announces a message of 2 GiB and sends it for as long as somebody reads. */
export const endless: Behaviour = (socket) =>
  socket.once('data', () => {
    const zeros = Buffer.alloc(64 * 1024)
    const send = (): void => {
      if (!socket.destroyed) socket.write(zeros, (error) => void (error ? undefined : send()))
    }
    socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), send)
  })

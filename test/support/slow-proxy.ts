/** A TCP proxy like a slow line: what a client sends takes its time, what it gets does not. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { atEnd } from './at-end.ts'

export interface SlowProxy extends AsyncDisposable {
  readonly port: number
}

/**
 * Resolves once it listens.
 *
 * @param target port of 127.0.0.1
 * @param rate bytes a second of each connection
 * @param address where it listens
 */
export async function startSlowProxy(
  target: number,
  rate: number,
  address = '127.0.0.1',
): Promise<SlowProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    const close = (): void => {
      for (const socket of [client, upstream]) socket.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', close)
      socket.once('close', () => sockets.delete(socket))
    }
    upstream.pipe(client)
    void pass(client, upstream, rate).catch(close)
  })
  server.listen(0, address)
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  atEnd(() => void stop())
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: stop }
}

async function pass(from: Socket, to: Socket, rate: number): Promise<void> {
  for await (const chunk of from) {
    to.write(chunk)
    await sleep(((chunk as Buffer).length / rate) * 1000)
  }
  to.end()
}

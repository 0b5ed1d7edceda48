/** A TCP port that nobody uses, as the kernel gives it. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Another process may take the port before it is used; that is rare, and the start then fails loudly. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A TCP port that nobody uses, and that nobody is given by chance. */

import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { atEnd } from './at-end.ts'

/**
 * Below the ports that the kernel gives to outgoing connections and to whoever asks for any (32768 on
 * Linux, 49152 elsewhere): one of those may be taken between this look and its use. Until the test file ends no
 * other one is given it, also while what listened there is stopped.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_768)
    if ((await claim(port)) && (await isFree(port))) return port
  }
}

/** The UDP port of the same number, which nothing here serves, is a lock that ends with this process. */
async function claim(port: number): Promise<boolean> {
  const lock = createSocket('udp4').unref()
  if (!(await isOpened(lock, () => lock.bind({ port, address: '127.0.0.1', exclusive: true }))))
    return false
  atEnd(() => lock.close())
  return true
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  if (!(await isOpened(server, () => server.listen(port, '127.0.0.1')))) return false
  server.close()
  await once(server, 'close')
  return true
}

async function isOpened(port: NodeJS.EventEmitter, open: () => void): Promise<boolean> {
  const opened = once(port, 'listening')
  open()
  try {
    await opened
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
}

/** How many connections somebody holds open to a port of this machine, or is about to open. */

import { readFileSync } from 'node:fs'

/** ESTABLISHED, SYN_SENT. What has been closed and is only waited for by the kernel is not held. */
const held = ['01', '02']

/** The client's ends, as the kernel lists them: address:port in hex, state. */
export function openSocketsTo(port: number): number {
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = '', state = '']) => {
      return held.includes(state) && Number.parseInt(remote.split(':')[1] ?? '', 16) === port
    }).length
}

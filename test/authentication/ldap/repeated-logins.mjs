// Binds and searches over and over at a directory, and prints by how many megabytes that made this process
// grow, as the kernel sees it and by what is still in use:
// node --expose-gc repeated-logins.mjs URL

import { setTimeout as sleep } from 'node:timers/promises'
import { Servers } from '../../../dist/authentication/ldap/servers.js'
import { Password } from '../../../dist/protocol/credentials.js'

const { hostname, port, href } = new URL(process.argv[2])
const servers = new Servers(
  {
    name: 'corp',
    servers: [{ url: href, host: hostname, port: Number(port) }],
    tls: { mode: 'none' },
    deadlines: { connect: 20_000, operation: 20_000, login: 60_000 },
    load: { maxConcurrent: 16, queueLength: 64, queueWait: 1000 },
    breaker: { failures: 1_000_000, open: 5000 },
    bind: { kind: 'search' },
    accountState: 'none',
  },
  { clock: () => new Date(), log: console },
)

const search = { base: 'dc=x', scope: 'sub', filter: '(uid=a)', attributes: ['mail'], limit: 1 }

async function logIn() {
  const { session } = await servers.open(async () => undefined)
  try {
    await session.bind('cn=x', new Password('a password'))
    await session.search(search)
  } catch {
    // As it should be.
  }
  await session.close()
}

async function memoryAfter(logins) {
  for (let login = 0; login < logins; login += 1) await logIn()
  // What the last connections held is let go of when their ends have come through.
  for (let turn = 0; turn < 5; turn += 1) {
    await sleep(50)
    global.gc()
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { resident: rss, used: heapUsed + external }
}

const megabytes = (bytes) => bytes / 1024 / 1024
const before = await memoryAfter(300)
const after = await memoryAfter(300)
console.log(
  JSON.stringify({
    resident: megabytes(after.resident - before.resident),
    used: megabytes(after.used - before.used),
  }),
)

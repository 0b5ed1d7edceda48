/** `npm start`: sets up and serves. `npm run dev` adds --watch: rebuilds, restarts, readable log. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build, root, setUp } from './setup.mjs'

const args = process.argv.slice(2).filter((arg) => arg !== '--watch')
const serve = [join(root, 'dist', 'main.js'), 'serve', '--guide', ...args]

setUp()
if (process.argv.includes('--watch')) serveAndWatch()
// In this very process: signals and the exit code are then the server's own.
else {
  process.argv.splice(1, Infinity, ...serve)
  await import(serve[0])
}

function serveAndWatch() {
  const log = spawnDetached(join(root, 'node_modules', '.bin', 'pino-pretty'), [], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const startServer = () => {
    const started = spawnDetached(process.execPath, serve, { stdio: ['ignore', 'pipe', 'inherit'] })
    started.stdout.pipe(log.stdin, { end: false })
    return started
  }
  let server = startServer()

  // Asked for, not announced: fs.watch loses a file that an editor replaces (Node 20 on Linux).
  let seen = latestChange()
  const timer = setInterval(async () => {
    if (seen === latestChange()) return
    seen = latestChange()
    if (!build()) return
    await stop(server)
    server = startServer()
  }, 500)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, async () => {
      clearInterval(timer)
      await stop(server)
      log.stdin.end()
    })
}

function latestChange() {
  const src = join(root, 'src')
  const changes = readdirSync(src, { recursive: true }).map(
    (path) => statSync(join(src, path), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  )
  return Math.max(...changes)
}

/** Ctrl-C reaches the whole group of the terminal: the server is to be stopped once, by us. */
function spawnDetached(program, args, options) {
  return spawn(program, args, { ...options, detached: true })
}

async function stop(server) {
  if (server.exitCode !== null || server.signalCode !== null) return
  // Under npm one Ctrl-C may arrive twice: from the terminal and from npm.
  if (!server.killed) server.kill('SIGTERM')
  await once(server, 'exit')
}

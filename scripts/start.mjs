/** `npm start`: sets up and serves. `npm run dev` adds --watch: rebuilds, restarts, readable log. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root, setUp } from './setup.mjs'

const args = process.argv.slice(2).filter((arg) => arg !== '--watch')
const serve = [join(root, 'dist', 'main.js'), 'serve', '--guide', ...args]

setUp()
if (process.argv.includes('--watch')) watch()
// In this very process: signals and the exit code are then the server's own.
else {
  process.argv.splice(1, Infinity, ...serve)
  await import(serve[0])
}

function watch() {
  const bin = join(root, 'node_modules', '.bin')
  const compiler = spawn(
    join(bin, 'tsc'),
    ['-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const server = spawn(process.execPath, ['--watch', '--watch-preserve-output', ...serve], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // A group of its own: Ctrl-C must not cut off the server's last lines.
  const log = spawn(join(bin, 'pino-pretty'), [], {
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  })
  server.stdout.pipe(log.stdin)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      compiler.kill()
      server.kill('SIGTERM')
    })
  server.on('exit', (code) => {
    compiler.kill()
    process.exitCode = code ?? 0
  })
}

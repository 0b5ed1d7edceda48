#!/usr/bin/env node
/** From the command line to an exit code; the only file that touches the process. */

import { run } from './cli/program.ts'

// Whoever reads them may be gone, or the disk behind them full: that must not end a server.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  workingFolder: process.cwd(),
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`${text}\n`),
  ask: (text) => process.stderr.write(text),
  // Opened only by a command that reads it: the server leaves alone what it was started with.
  get input() {
    return process.stdin
  },
  onSignal: (signal, listener) => {
    process.on(signal, listener)
    return () => process.off(signal, listener)
  },
  exitNow: (code) => process.exit(code),
})

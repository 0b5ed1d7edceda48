#!/usr/bin/env node
/** From the command line to an exit code; the only file that touches the process. */

import { run } from './cli/program.ts'

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  workingFolder: process.cwd(),
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`${text}\n`),
  onSignal: (signal, listener) => {
    process.on(signal, listener)
    return () => process.off(signal, listener)
  },
  exitNow: (code) => process.exit(code),
})

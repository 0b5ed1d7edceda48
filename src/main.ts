#!/usr/bin/env node
/** From the command line to an exit code; the only file that touches the process. */

import { run } from './cli/program.ts'

// Whoever reads them may be gone, or the disk behind them full: that must not end a server.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

let isLossTold = false
let isAnswerLost = false

/** @param isAnswer whether the command has failed where the line is lost */
function writeLine(text: string, isAnswer: boolean): void {
  const told = (error: NodeJS.ErrnoException | null | undefined) => {
    // A reader that has gone, as `head` does, has what it wanted.
    if (!error || error.code === 'EPIPE') return
    if (!isLossTold) {
      process.stderr.write(`dockwarden: standard output cannot be written: ${error.message}\n`)
    }
    isLossTold = true
    isAnswerLost ||= isAnswer
  }
  // Apart from the text: where the disk is full in the middle of that, only the next write fails.
  process.stdout.write(text, told)
  process.stdout.write('\n', told)
}

// Only then: what has become of a write shows a moment after it.
process.once('exit', () => {
  if (isAnswerLost) process.exitCode ||= 1
})

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  workingFolder: process.cwd(),
  print: (text) => writeLine(text, true),
  announce: (text) => writeLine(text, false),
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

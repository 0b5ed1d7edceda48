/** The program's log: one JSON line per event on standard output. */

import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino'
import { AppError } from './errors.ts'
import type { Log } from './log.ts'

export interface PinoLog extends Log {
  /** Writes out what is still in memory, or gives it up where nobody takes it. */
  close(): Promise<void>
}

/** Milliseconds that a line may wait in memory for company: one write then serves many decisions. */
const flushInterval = 100

/** Bytes that wait while standard output takes none. Lines on top of them are lost. */
const maximumWaiting = 16 * 1024 * 1024
/** Milliseconds that the last lines may take at the end. */
const closingPatience = 1_000

/** Where lines go; standard output has more to do when it is closed than a test's list of lines. */
interface LogOutput extends DestinationStream {
  close?(): Promise<void>
}

const levels = ['error', 'warn', 'info', 'debug', 'trace']

/**
 * @param named the least important lines that are written; info where there is none
 * @param stream where the lines go; standard output unless given
 * @throws AppError misconfigured where there is no such level
 */
export function createPinoLog(named: string | undefined, stream?: LogOutput): PinoLog {
  // Compose passes a variable that is not set as an empty one.
  const level = named || 'info'
  if (!levels.includes(level)) {
    throw new AppError(
      'misconfigured',
      `DOCKWARDEN_LOG_LEVEL is "${level}"; it must be one of ${levels.join(', ')}`,
    )
  }
  const output: LogOutput = stream ?? standardOutput()
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  )
  // Nothing of ours is logged under these names; should a library's error carry them, they stay out.
  // Redaction copies every line (7 % of the event loop's time under load), so the lines of decisions,
  // which never carry an error, go without.
  const redacting = log.child(
    {},
    {
      redact: {
        paths: [
          'err.body',
          'err.config',
          'err.request',
          'err.headers',
          '*.authorization',
          '*.password',
        ],
        remove: true,
      },
    },
  )
  const timer = setInterval(() => log.flush(), flushInterval)
  timer.unref()
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => redacting.warn(fields, message),
    error: (fields, message) => redacting.error(fields, message),
    async close() {
      clearInterval(timer)
      await output.close?.()
    },
  }
}

/** A full disk or a reader that is stuck or gone costs lines of the log, and never the server. */
function standardOutput(): LogOutput {
  let isGivenUp = false
  const output = destination({
    fd: 1,
    sync: false,
    // Large enough that few lines cause a write, small enough to add to: each line measures again all
    // that waits. Of the event loop under load 5 %; with 4 kB it is 7 %, with 64 kB 10 %.
    minLength: 8_192,
    maxLength: maximumWaiting,
    retryEAGAIN: () => !isGivenUp,
  })
  // What could not be written is tried again with the next lines.
  output.on('error', () => {})
  const close = () =>
    new Promise<void>((resolve) => {
      const giveUp = () => {
        isGivenUp = true
        // Otherwise the library tries again when the process ends, and for ever where the disk is full.
        output.destroy()
        resolve()
      }
      const timeout = setTimeout(giveUp, closingPatience)
      output.once('error', giveUp)
      output.once('close', () => {
        clearTimeout(timeout)
        resolve()
      })
      output.end()
    })
  return Object.assign(output, { close })
}

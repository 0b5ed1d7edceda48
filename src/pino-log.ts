/** The program's log: one JSON line per event on standard output. */

import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino'
import type { Log } from './log.ts'

export interface PinoLog extends Log {
  /** Writes out what is still in memory. */
  flush(): void
}

/** Milliseconds that a line may wait in memory for company: one write then serves many decisions. */
const flushInterval = 100

/** @param stream where the lines go; standard output unless given */
export function createPinoLog(level: string, stream?: DestinationStream): PinoLog {
  const output = stream ?? destination({ fd: 1, sync: false, minLength: 65_536, maxWrite: 131_072 })
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
  const flush = () => 'flushSync' in output && (output as { flushSync(): void }).flushSync()
  const timer = setInterval(() => log.flush(), flushInterval)
  timer.unref()
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => redacting.warn(fields, message),
    error: (fields, message) => redacting.error(fields, message),
    flush: () => {
      clearInterval(timer)
      flush()
    },
  }
}

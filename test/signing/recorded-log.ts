/** A log that keeps what it is told. */

import type { Log } from '../../src/log.ts'

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export function recordedLog(): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const record = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  return { lines, info: record('info'), warn: record('warn'), error: record('error') }
}

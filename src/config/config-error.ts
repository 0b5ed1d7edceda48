/** What is wrong with a configuration file, and where: every fault at once, each with what to do. */

import { AppError } from '../errors.ts'
import { oneLine } from '../printable.ts'

/** The way to a value: keys of maps and indexes of lists. */
export type KeyPath = readonly (string | number)[]

/** A position in the file; lines and columns start at 1, columns count UTF-16 units. */
export interface Place {
  readonly line: number
  /** Undefined where only the line has been kept. */
  readonly column?: number | undefined
}

export interface Fault {
  readonly file: string
  /** Undefined where the file as a whole could not be read. */
  readonly place: Place | undefined
  /** As an operator would write it: `rules[2].on[0]`; empty where it is about the whole file. */
  readonly key: string
  /** What is wrong and what to do, in one line. */
  readonly message: string
}

/** Nobody mends more in one go, and the whole list goes into a log. */
export const maximumFaults = 100

/** The configuration cannot be used; `message` is every fault, one per line, in the file's order. */
export class ConfigError extends AppError {
  /** Safe to show: without passwords of URLs and control characters. One more than the most, where there are more. */
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[], options?: ErrorOptions) {
    const kept = [...faults]
      .sort(byPlace)
      .slice(0, maximumFaults + 1)
      .map(shown)
    const lines = kept.slice(0, maximumFaults).map(faultLine)
    if (kept.length > maximumFaults) lines.push('… and more; mend these first')
    super('misconfigured', lines.join('\n'), options)
    this.name = 'ConfigError'
    this.faults = Object.freeze(kept)
  }
}

function byPlace({ place: a }: Fault, { place: b }: Fault): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0)
}

function shown(fault: Fault): Fault {
  // A URL may stand in a wrong place; its password must not stand in a log as well.
  const message = shortLine(fault.message.replace(/\/\/[^/\s"]*@/g, '//…@'))
  return { ...fault, key: shortLine(fault.key), message }
}

function faultLine({ file, place, key, message }: Fault): string {
  const where = [file, place?.line, place?.column].filter((part) => part !== undefined).join(':')
  return shortLine([where, key, message].filter((part) => part !== '').join(': '))
}

export function formatKeyPath(path: KeyPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

const maximumLineLength = 1_000

/** Texts of the file stand in the line, and must neither break it nor flood the log that it goes to. */
function shortLine(text: string): string {
  const line = oneLine(text.slice(0, maximumLineLength + 1))
  return line.length > maximumLineLength ? `${line.slice(0, maximumLineLength)}…` : line
}

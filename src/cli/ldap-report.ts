/** What `dockwarden ldap check` found, as it is printed. */

import type { CheckFault, CheckStep } from '../authentication/ldap/check/check-steps.ts'
import type { Config } from '../config/config.ts'
import { findOrigin } from '../config/origins.ts'
import { oneLine } from '../printable.ts'
import type { PersonReport } from './person-report.ts'

interface FaultReport {
  readonly message: string
  /** Null where no line of the configuration is at fault. */
  readonly key: string | null
  readonly origin: string | null
}

export interface StepReport extends Omit<CheckStep, 'faults'> {
  readonly faults: readonly FaultReport[]
}

/** As `--json` prints it. */
export interface DirectoryReport {
  readonly backend: string
  readonly key: string
  readonly origin: string | undefined
  readonly steps: readonly StepReport[]
  readonly servers: readonly { readonly url: string; readonly steps: readonly StepReport[] }[]
  /** Null where nobody was asked for, or found. */
  readonly person: PersonReport | null
}

/** With the lines of the configuration. */
export function stepReport(step: CheckStep, section: string, { origins }: Config): StepReport {
  const place = ({ message, keys }: CheckFault): FaultReport => {
    if (keys.length === 0) return { message, key: null, origin: null }
    const { key, origin = null } = findOrigin(origins, section, keys)
    return { message, key, origin }
  }
  const milliseconds = Math.round(step.milliseconds * 10) / 10
  return { ...step, milliseconds, faults: step.faults.map(place) }
}

/** One line, and one for each fault. */
export function stepText({ name, state, milliseconds, facts, faults }: StepReport): string {
  const shownState = state === 'failed' ? 'FAILED' : state
  const time = state === 'skipped' ? '' : `${Math.round(milliseconds)} ms`
  // What a directory writes must not look like a step.
  const shownFacts = Object.entries(facts).map(([label, fact]) => {
    const value = oneLine(Array.isArray(fact) ? fact.join(', ') || 'none' : String(fact))
    return label === 'why' ? value : `${label.replaceAll('_', ' ')} ${value}`
  })
  const columns = [shownState.padEnd(7), name.padEnd(9), time.padStart(7), shownFacts.join('; ')]
  const places = faults.map(({ origin, key, message }) =>
    [origin, key === null ? null : `${key}:`, oneLine(message)]
      .filter((part) => part !== null)
      .join(' '),
  )
  return [
    `  ${columns.join('  ').trimEnd()}`,
    ...places.map((place) => `           ${place}`),
  ].join('\n')
}

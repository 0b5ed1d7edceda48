/** What `dockwarden check` found, as a person, a program and GitHub read it. */

import { relative } from 'node:path'
import { oneLine, printable, printableJson } from '../printable.ts'

export interface Finding {
  readonly severity: 'error' | 'warning' | 'notice'
  /** Absolute. */
  readonly file: string
  /** Undefined where it is about the whole file. */
  readonly line: number | undefined
  readonly column?: number | undefined
  /** As `rules[2].on[0]`; empty where it is about no key. */
  readonly key: string
  /** The kind of warning, the same in every version: `never_matches`. */
  readonly id?: string
  /** What is wrong and what to do. */
  readonly message: string
}

export const findingFormats = ['text', 'json', 'github'] as const
export type FindingFormat = (typeof findingFormats)[number]

/** Files are written as seen from this folder. */
export function formatFindings(
  findings: readonly Finding[],
  format: FindingFormat,
  folder: string,
): string {
  if (format === 'json') {
    return printableJson(
      findings.map(({ severity, file, line, column, key, id, message }) => ({
        severity,
        file,
        line: line ?? null,
        column: column ?? null,
        key,
        id: id ?? null,
        message,
      })),
    )
  }
  const write = format === 'github' ? workflowCommand : textLine
  return findings.map((finding) => write(finding, folder)).join('\n')
}

function textLine({ severity, file, line, column, key, id, message }: Finding): string {
  const where = [file, line, column].filter((part) => part !== undefined).join(':')
  const kind = severity === 'error' ? '' : `${severity}${id === undefined ? '' : ` (${id})`}`
  return oneLine([where, kind, key, message].filter((part) => part !== '').join(': '))
}

/**
 * A workflow command, which GitHub shows beside the line. Its escapes are those of actions/toolkit,
 * packages/core/src/command.ts: what is not escaped ends a property, or begins another command.
 */
function workflowCommand(finding: Finding, folder: string): string {
  const { severity, file, line, column, key, id, message } = finding
  const properties = Object.entries({
    file: relative(folder, file),
    line,
    col: column,
    title: ['dockwarden', id].filter((part) => part !== undefined).join(' '),
  })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapedProperty(String(value))}`)
  const text = [key, message].filter((part) => part !== '').join(': ')
  return printable(`::${severity} ${properties.join(',')}::${escapedData(text)}`)
}

function escapedData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapedProperty(text: string): string {
  return escapedData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

/** The schema's issues in the operator's words, one for each thing to mend. */

import type { z } from 'zod'
import { formatKeyPath, type KeyPath } from './config-error.ts'
import { nearest } from './nearest.ts'
import { notSupportedYet } from './schema.ts'

export interface SchemaFault {
  readonly path: KeyPath
  /** Whether it is the key that is wrong, or the value behind it. */
  readonly at: 'key' | 'value'
  readonly message: string
}

type Issue = z.core.$ZodIssue

export function* schemaFaults(
  issues: readonly Issue[],
  base: KeyPath = [],
): Generator<SchemaFault> {
  for (const issue of issues) {
    const path = [...base, ...(issue.path as KeyPath)]
    if (issue.code === 'unrecognized_keys') {
      // The message is the list of known keys: see section() of the schema.
      for (const key of issue.keys) {
        const message = unknownKey(path, key, issue.message.split(', '))
        yield { path: [...path, key], at: 'key', message }
      }
    } else if (issue.code === 'invalid_key') {
      yield { path, at: 'key', message: issue.issues[0]?.message ?? issue.message }
    } else if (issue.code === 'invalid_union') {
      const meant = issue.errors.find((errors) => !errors.some(isOfAnotherType))
      if (meant === undefined)
        yield { path, at: 'value', message: anotherType(issue.input, 'list or text') }
      else yield* schemaFaults(meant, path)
    } else if (issue.code === 'invalid_type') {
      const message = anotherType(issue.input, kindOf[issue.expected] ?? issue.expected)
      yield { path, at: 'value', message }
    } else {
      yield { path, at: 'value', message: issue.message }
    }
  }
}

function isOfAnotherType({ code, path }: Issue): boolean {
  return code === 'invalid_type' && path.length === 0
}

function unknownKey(path: KeyPath, key: string, known: readonly string[]): string {
  const section = formatKeyPath(path).replace(/\[\d+\]/g, '[]')
  if (notSupportedYet[section]?.includes(key)) {
    return `${key} is not supported yet; remove it`
  }
  return `no such key; ${nearest(key, known)}`
}

const kindOf: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'list',
  object: 'map',
  record: 'map',
}

function anotherType(input: unknown, expected: string): string {
  if (input === undefined) return `is missing; it must be a ${expected}`
  if (input === null) return `has no value; it must be a ${expected}`
  const found = Array.isArray(input) ? 'list' : typeof input === 'string' ? 'text' : 'map'
  // The space is the difference, and nobody sees it.
  const isConfused =
    found === 'map' ? expected === 'text' : typeof input === 'string' && /^\w+:/.test(input)
  const advice = isConfused && expected !== 'list' ? ' ("a:b" is a text, "a: b" is a map)' : ''
  return `must be a ${expected}, and is a ${found}${advice}`
}

/** Reads a rule that stands in no file, by the very words that a file's rules are read by. */

import type { Rule } from '../authorization/rule.ts'
import { AppError } from '../errors.ts'
import { formatKeyPath } from './config-error.ts'
import { resolveContent } from './resolve-rules.ts'
import { configSchema } from './schema.ts'
import { schemaFaults } from './schema-faults.ts'
import { section, text } from './schema-parts.ts'
import { readTimeBetween } from './values.ts'

/** As a file would hold it, with what a rule of a file does not have. */
export interface WrittenRule {
  readonly name?: string | undefined
  readonly who: readonly string[]
  readonly may?: readonly string[] | undefined
  readonly may_not?: readonly string[] | undefined
  readonly on: readonly string[]
  readonly when?:
    | {
        readonly network?: readonly string[] | undefined
        readonly service?: readonly string[] | undefined
        readonly from?: string | undefined
        readonly until?: string | undefined
      }
    | undefined
  /** How long it lives, such as `2h` or `7d`, instead of `until`. */
  readonly for?: string | undefined
  readonly reason?: string | undefined
}

export interface ReadRule extends Omit<Rule, 'name' | 'origin'> {
  readonly name: string | undefined
  /** Milliseconds. */
  readonly lifetime: number | undefined
  readonly reason: string | undefined
}

const besidesRule = section({
  for: text.transform(readTimeBetween('1s', '366d')).optional(),
  reason: text.optional(),
})

const placeOfRule = ['rules', 0] as const

/**
 * @param services the names of those that there are
 * @throws AppError invalid_request with all that is wrong, by the key
 */
export function readRule(
  { for: lifetime, reason, ...rule }: WrittenRule,
  services: readonly string[],
): ReadRule {
  const besides = besidesRule.safeParse({ for: lifetime, reason }, { reportInput: true })
  // All that the file asks of its rules, it asks of this one.
  const file = { services: services.map((name) => ({ name })), rules: [rule] }
  const ofFile = configSchema.safeParse(file, { reportInput: true })
  const faults = [
    ...schemaFaults(ofFile.error?.issues ?? []),
    ...schemaFaults(besides.error?.issues ?? [], placeOfRule),
  ].map(({ path, message }) => {
    const key = formatKeyPath(path.slice(placeOfRule.length))
    return key === '' ? message : `${key}: ${message}`
  })
  if (lifetime !== undefined && rule.when?.until !== undefined) {
    faults.push('for: "until" says when it ends as well; leave one of them out')
  }
  const read = ofFile.data?.rules?.[0]
  if (faults.length > 0 || read === undefined || !besides.success) {
    throw new AppError('invalid_request', `the rule cannot be added:\n${faults.join('\n')}`)
  }
  return {
    name: read.name,
    ...resolveContent(read),
    lifetime: besides.data.for,
    reason: besides.data.reason,
  }
}

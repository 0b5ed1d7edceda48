/**
 * What an operator can do with the rules that are kept in the database. The command line is one face of
 * it; what is valid, what is refused and why is decided here, once for all of them.
 */

import type { Conditions, Rule } from '../authorization/rule.ts'
import type { Clock } from '../clock.ts'
import type { WrittenRule } from '../config/read-rule.ts'
import { AppError } from '../errors.ts'
import { hasEnded, type RuleRecord, type RuleRegister } from './rule-register.ts'

export interface RuleAdministrationParts {
  readonly register: RuleRegister
  readonly clock: Clock
  /** The names of the services that there are. */
  readonly services: readonly string[]
  /** The rules of the configuration. */
  readonly configured: readonly Rule[]
}

/** Milliseconds for which a rule that has ended can still be looked up. */
const keptAfterEnd = 30 * 24 * 3_600_000
/** They are read and compiled while requests wait; what is meant to stay belongs into the file. */
const maximumRules = 1_000

/** Every method throws AppError: invalid_request, not_found or conflict with the reason, and then nothing has changed. */
export class RuleAdministration {
  readonly #parts: RuleAdministrationParts

  constructor(parts: RuleAdministrationParts) {
    this.#parts = parts
  }

  /** By id. @param options.ended also those that have ended; they are forgotten after 30 days */
  async list({ ended }: { readonly ended: boolean }): Promise<readonly RuleRecord[]> {
    const now = this.#parts.clock()
    const all = await this.#parts.register.list()
    return ended ? all : all.filter((record) => !hasEnded(record, now))
  }

  /** A lifetime begins with the rule: at its `from`, or else now. */
  async add(written: WrittenRule): Promise<RuleRecord> {
    const { register, clock, services } = this.#parts
    // Only now: no other command waits for the schema.
    const { readRule } = await import('../config/read-rule.ts')
    const { name, lifetime, reason, ...read } = readRule(written, services)
    const now = clock()
    const rule = lifetime === undefined ? read : { ...read, when: livingFor(lifetime, read, now) }
    const until = rule.when?.until
    if (until !== undefined && until <= now) {
      const message = `the rule would have ended at ${until.toISOString()}, before it is made`
      throw new AppError('invalid_request', message)
    }
    return await register.add(
      { name, rule, reason, createdAt: now },
      (others) => this.#assertRoom(name, others),
      this.#forgotten(now),
    )
  }

  /** All of them, or none. */
  async remove(ids: readonly number[]): Promise<readonly RuleRecord[]> {
    const { register, clock } = this.#parts
    const all = await register.list()
    const wanted = [...new Set(ids)].map((id) => all.find((each) => each.id === id) ?? unknown(id))
    if (!(await register.remove(ids, this.#forgotten(clock())))) {
      throw new AppError('conflict', 'somebody else has removed one of them just now')
    }
    return wanted
  }

  #assertRoom(name: string | undefined, others: readonly RuleRecord[]): void {
    for (const rule of [...this.#parts.configured, ...others.map((record) => record.rule)]) {
      // Two rules of one name could not be told from each other in a log.
      if (typeof rule === 'string' || rule.name !== name) continue
      throw new AppError(
        'conflict',
        `another rule is named ${JSON.stringify(name)} (${rule.origin}); give this one a name of its own`,
      )
    }
    if (others.length < maximumRules) return
    throw new AppError(
      'conflict',
      `there are ${maximumRules} rules here already: remove some, or write them into the configuration file`,
    )
  }

  #forgotten(now: Date): Date {
    return new Date(now.getTime() - keptAfterEnd)
  }
}

/** Up to a whole second, as a person would write it. */
function livingFor(lifetime: number, { when }: Pick<Rule, 'when'>, now: Date): Conditions {
  const begin = when?.from ?? now
  return { ...when, until: new Date(Math.ceil((begin.getTime() + lifetime) / 1000) * 1000) }
}

function unknown(id: number): never {
  throw new AppError('not_found', `there is no rule ${id} in the database`)
}

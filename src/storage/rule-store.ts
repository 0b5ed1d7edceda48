/** The rules in the database, as a request needs them. */

import type { Rule } from '../authorization/rule.ts'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { StoredRules } from '../token/live-policy.ts'
import { ChangeCount } from './change-count.ts'
import type { Database } from './database.ts'
import { readRules, ruleOf } from './rule-rows.ts'

/** Milliseconds for which one that has ended is read as before: the clock may be set back. */
const readAfterEnd = 24 * 3_600_000

export class KyselyRuleStore implements StoredRules {
  readonly #database: Database
  readonly #clock: Clock
  readonly #changes: ChangeCount

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#changes = new ChangeCount(database, 'rules')
  }

  changes(): number | Promise<number> {
    return this.#changes.current()
  }

  /** One that cannot be read may deny something, so the others do not stand without it. */
  async list(): Promise<readonly Rule[]> {
    const endingAfter = new Date(this.#clock().getTime() - readAfterEnd)
    const rows = await this.#database.read((reader) => readRules(reader, endingAfter))
    const rules: Rule[] = []
    const faults: string[] = []
    for (const rule of rows.map(ruleOf)) {
      if (typeof rule === 'string') faults.push(rule)
      else rules.push(rule)
    }
    if (faults.length === 0) return rules
    throw new AppError('unavailable', 'Rights cannot be looked up now; try again later.', {
      cause: new Error(faults.join('; ')),
    })
  }
}

/** What is remembered of accounts, or apart from it of names that nobody has: a flood of those pushes nothing else out. */

import type { AccountLimits, OpenLevels } from './account-limits.ts'
import { DirectoryAccounts, type FailedBinds } from './directory-accounts.ts'
import { untilQuiet } from './fall.ts'
import { LeakyAccounts } from './leaky-accounts.ts'
import type { Levels } from './levels.ts'
import { RefusedSecrets } from './refused-secrets.ts'

/** Without a directory: longer than the two requests of a `docker login`, or the next run of a cron job. */
const refusalsRemembered = 15 * 60_000

export class Population {
  readonly #everywhere: LeakyAccounts
  readonly #failedBinds: Levels
  readonly #now: () => number
  #limits: AccountLimits
  #refusals: RefusedSecrets

  /** @param failedBinds which count for nothing until there is a directory */
  constructor(open: OpenLevels, failedBinds: Levels, now: () => number) {
    this.#everywhere = new LeakyAccounts(open)
    this.#failedBinds = failedBinds
    this.#now = now
    this.#limits = this.#everywhere
    this.#refusals = new RefusedSecrets(refusalsRemembered, now)
  }

  get limits(): AccountLimits {
    return this.#limits
  }

  get refusals(): RefusedSecrets {
    return this.#refusals
  }

  /** What has failed counts on, and so does what is in flight. */
  limitFailedBinds(allowed: FailedBinds | undefined): void {
    this.#refusals = new RefusedSecrets(allowed?.window ?? refusalsRemembered, this.#now)
    if (allowed === undefined) {
      this.#limits = this.#everywhere
      return
    }
    this.#failedBinds.setRules(untilQuiet(allowed.window), allowed.max)
    this.#limits = new DirectoryAccounts(allowed, this.#failedBinds, this.#everywhere)
  }
}

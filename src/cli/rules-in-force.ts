/** The rules that decide, those of the file and those of the database, for commands that ask about them. */

import type { AccountRecord } from '../admin/account-register.ts'
import { compilePolicy, type Policy, unite } from '../authorization/policy.ts'
import type { Config } from '../config/config.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { AppError } from '../errors.ts'
import type { Terminal } from './terminal.ts'

export interface RulesInForce {
  readonly config: Config
  /** Also those of the database that have ended: that they have is what somebody may want to hear. */
  readonly policy: Policy
  /** Those of the database; none where there is no database yet. */
  readonly accounts: readonly AccountRecord[]
}

export async function readRulesInForce(
  { config: file }: { readonly config?: string },
  { env, workingFolder }: Terminal,
): Promise<RulesInForce> {
  const config = await loadConfigInWorker({ file, env, workingFolder })
  const configured = compilePolicy(config.rules, config.groups)
  // Only now: the server's start does not wait for what it never uses.
  const { hasDatabase, openAdministration } = await import('../administration.ts')
  if (!hasDatabase(config)) return { config, policy: configured, accounts: [] }
  const administration = await openAdministration(config, {
    clock: () => new Date(),
    mayCreate: false,
  })
  try {
    const accounts = await administration.accounts.list()
    const stored = await administration.rules.list({ ended: true })
    const rules = stored.map(({ rule }) => {
      if (typeof rule !== 'string') return rule
      // The server gives no token either.
      throw new AppError('misconfigured', rule)
    })
    return { config, policy: unite([configured, compilePolicy(rules)]), accounts }
  } finally {
    await administration.close()
  }
}

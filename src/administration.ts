/**
 * The composition root of the commands that change what is stored, beside a server that runs or
 * without one.
 */

import { statSync } from 'node:fs'
import { AccountAdministration } from './admin/account-administration.ts'
import type { AccountRegister } from './admin/account-register.ts'
import { RuleAdministration } from './admin/rule-administration.ts'
import { PasswordVerifier } from './authentication/password/verifier.ts'
import type { Rule } from './authorization/rule.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { AppError } from './errors.ts'
import { KyselyAccountRegister } from './storage/account-register.ts'
import { type Database, openDatabase } from './storage/database.ts'
import { KyselyRuleRegister } from './storage/rule-register.ts'
import { KyselyRuleStore } from './storage/rule-store.ts'

export interface Administration {
  readonly accounts: AccountAdministration
  readonly register: AccountRegister
  readonly rules: RuleAdministration
  /** There was no database before. */
  readonly isNew: boolean
  close(): Promise<void>
}

/** Whether there is a database; true also where that cannot be seen, which opening it explains. */
export function hasDatabase({ database: { path } }: Config): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

interface OpeningOptions {
  readonly clock: Clock
  /** Make the database where there is none. */
  readonly mayCreate: boolean
}

/** @throws AppError misconfigured, with what to change, where the database cannot be used */
export async function openDatabaseOf(
  config: Config,
  { clock, mayCreate }: OpeningOptions,
): Promise<{ readonly database: Database; readonly isNew: boolean }> {
  const { path } = config.database
  const isNew = !hasDatabase(config)
  if (isNew && !mayCreate) {
    // In the wrong folder, or with the wrong file, an empty answer would look like a right one.
    throw new AppError(
      'misconfigured',
      `${path} is not there, so there are no accounts and no rules in it; is this the right configuration file? \`dockwarden user add\` and \`rule add\` make a database, and so does the first start of the server`,
    )
  }
  return { database: await openDatabase({ path, clock }), isNew }
}

/** @throws AppError misconfigured, with what to change, where the database cannot be used */
export async function openAdministration(
  config: Config,
  options: OpeningOptions,
): Promise<Administration> {
  const { database, isNew } = await openDatabaseOf(config, options)
  const register = new KyselyAccountRegister(database)
  const passwords = new PasswordVerifier({ workers: 1 })
  const { clock } = options
  return {
    accounts: new AccountAdministration({ register, passwords, clock }),
    register,
    rules: new RuleAdministration({
      register: new KyselyRuleRegister(database),
      clock,
      services: config.services.map(({ name }) => name),
      configured: config.rules,
    }),
    isNew,
    async close() {
      await passwords.close()
      await database.close()
    },
  }
}

/**
 * The rules in the database, as a server with this configuration would have them.
 *
 * @throws AppError misconfigured, with what to change, where they cannot be read
 */
export async function readStoredRules(config: Config, clock: Clock): Promise<readonly Rule[]> {
  if (!hasDatabase(config)) return []
  const { database } = await openDatabaseOf(config, { clock, mayCreate: false })
  try {
    return await new KyselyRuleStore(database, clock).list()
  } catch (error) {
    const cause = error instanceof AppError ? error.cause : undefined
    throw cause instanceof Error ? new AppError('misconfigured', cause.message, { cause }) : error
  } finally {
    await database.close()
  }
}

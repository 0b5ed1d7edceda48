/** What the commands that change accounts have in common. */

import type { Command } from 'commander'
import type { AccountRecord } from '../admin/account-register.ts'
import type { Administration } from '../administration.ts'
import { membersOf } from '../authorization/policy.ts'
import type { Config } from '../config/config.ts'
import { loadConfigInWorker } from '../config/load-in-worker.ts'
import { configOption } from './config-option.ts'
import type { Terminal } from './terminal.ts'

export interface AdminOptions {
  readonly config?: string
  readonly json?: true
}

/** A command below another one, with the options that all of them have. */
export function adminCommand(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option(...configOption)
    .option('--json', 'print JSON')
}

interface Opening {
  /** Make the database where there is none. */
  readonly mayCreate: boolean
}

interface AdministerOptions extends Opening {
  /** Accounts are of no use where the configuration does not name their backend. */
  readonly changes: 'accounts' | 'rules'
}

/** Opens the database that the configuration names, and closes it whatever happens. */
export async function administer<Result>(
  options: AdminOptions,
  terminal: Terminal,
  { changes, mayCreate }: AdministerOptions,
  work: (administration: Administration, config: Config) => Promise<Result>,
): Promise<Result> {
  const load = changes === 'accounts' ? loadAccountsConfig : loadConfig
  const config = await load(options, terminal)
  return await administerBy(config, terminal, { mayCreate }, (opened) => work(opened, config))
}

export async function administerBy<Result>(
  config: Config,
  { complain }: Terminal,
  { mayCreate }: Opening,
  work: (administration: Administration) => Promise<Result>,
): Promise<Result> {
  // Only now: the server's start does not wait for what it never uses.
  const { openAdministration } = await import('../administration.ts')
  const administration = await openAdministration(config, { clock: () => new Date(), mayCreate })
  if (administration.isNew) {
    complain(
      `made a new database: ${config.database.path} (once it has an account, the server makes no admin by itself)`,
    )
  }
  try {
    return await work(administration)
  } finally {
    await administration.close()
  }
}

async function loadConfig(
  { config: file }: AdminOptions,
  { env, workingFolder }: Terminal,
): Promise<Config> {
  return await loadConfigInWorker({ file, env, workingFolder })
}

/** With a warning where nobody signs in with an account. */
export async function loadAccountsConfig(
  options: AdminOptions,
  terminal: Terminal,
): Promise<Config> {
  const config = await loadConfig(options, terminal)
  if (!config.authentication.some(({ kind }) => kind === 'accounts')) {
    terminal.complain(
      `WARNING: nobody signs in with an account: "authentication" in ${config.file} does not name the backend; add "- accounts"`,
    )
  }
  return config
}

/** An account in JSON; times are ISO 8601 in UTC. */
export function accountJson(account: AccountRecord): Readonly<Record<string, unknown>> {
  return {
    name: account.name,
    id: account.id,
    disabled: account.isDisabled,
    groups: account.groups,
    password_kind: account.passwordKind,
    password_weak: account.isPasswordWeak,
    password_changed_at: account.passwordChangedAt.toISOString(),
    created_at: account.createdAt.toISOString(),
  }
}

export function groupList(groups: readonly string[]): string {
  return groups.length === 0 ? 'in no group' : `in ${groups.join(', ')}`
}

/** Who is taken out of a group here may still be in it by the file, and would keep what it gives. */
export function warnOfFileGroups(
  names: readonly string[],
  groups: readonly string[],
  config: Config,
  { complain }: Terminal,
): void {
  for (const group of groups) {
    const stay = membersOf(config.groups, group).filter((member) => names.includes(member))
    if (stay.length > 0) {
      complain(`WARNING: "groups" in ${config.file} still puts ${stay.join(', ')} into ${group}`)
    }
  }
}

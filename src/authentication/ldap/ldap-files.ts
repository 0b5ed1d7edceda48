/** The files that an `ldap` entry names, looked at before anybody depends on them. */

import { DirectoryFailure } from './directory-session.ts'
import { readSecret } from './search-account.ts'
import type { LdapSettings } from './settings.ts'
import { TlsContext } from './tls-context.ts'

/** @returns what is wrong with them, each with the file and what to do; empty where all can be used */
export async function checkLdapFiles({
  tls,
  bind,
}: Pick<LdapSettings, 'tls' | 'bind'>): Promise<readonly DirectoryFailure[]> {
  const checks: Promise<unknown>[] = [new TlsContext(tls).get()]
  if (bind.kind === 'search' && bind.account) checks.push(readSecret(bind.account.password))
  const failures: DirectoryFailure[] = []
  for (const check of await Promise.allSettled(checks)) {
    if (check.status === 'fulfilled') continue
    if (!(check.reason instanceof DirectoryFailure)) throw check.reason
    failures.push(check.reason)
  }
  return failures
}

/**
 * The composition root of one login as the server would take it, without a server: nothing is counted
 * against anybody, and nothing is written.
 */

import { openDatabaseOf } from './administration.ts'
import type { Verdict } from './authentication/authenticator.ts'
import { AuthenticatorChain } from './authentication/chain.ts'
import { PasswordVerifier } from './authentication/password/verifier.ts'
import { closeBackends, openBackends } from './backends.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { silentLog } from './log.ts'
import type { Credentials } from './protocol/credentials.ts'
import { KyselyAccountStore } from './storage/account-store.ts'

/**
 * @throws AppError misconfigured, with what to change, where a file or the database cannot be used;
 *   unavailable where a backend could not answer, with the reason as its cause
 */
export async function tryLogin(
  config: Config,
  credentials: Credentials,
  clock: Clock,
): Promise<Verdict> {
  const { authentication } = config
  const hasAccounts = authentication.some(({ kind }) => kind === 'accounts')
  const opened = hasAccounts ? await openDatabaseOf(config, { clock, mayCreate: false }) : undefined
  const passwords = new PasswordVerifier({ workers: 1 })
  try {
    const accounts = opened && new KyselyAccountStore(opened.database)
    const parts = { accounts, passwords, clock, log: silentLog }
    const backends = await openBackends(config, parts)
    try {
      const chain = new AuthenticatorChain({
        backends,
        limits: { admit() {}, attempt: (_attempt, check) => check() },
        passwords,
        refusalMilliseconds: 0,
      })
      return await chain.authenticate(credentials, '127.0.0.1')
    } finally {
      closeBackends(backends)
    }
  } finally {
    await passwords.close()
    await opened?.database.close()
  }
}

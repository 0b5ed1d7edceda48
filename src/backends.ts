/** From the entries of `authentication` to open backends, for every composition root. */

import { type AccountStore, openAccounts } from './authentication/accounts.ts'
import type { Authenticator } from './authentication/authenticator.ts'
import { openHtpasswd } from './authentication/htpasswd/htpasswd-authenticator.ts'
import { checkLdapFiles } from './authentication/ldap/ldap-files.ts'
import type { PasswordVerifier } from './authentication/password/verifier.ts'
import type { Clock } from './clock.ts'
import type { BackendConfig, Config } from './config/config.ts'
import { findOrigin } from './config/origins.ts'
import { AppError } from './errors.ts'
import type { Health } from './health.ts'
import type { Log } from './log.ts'

/** A backend that follows something outside of the database says how that goes, and can be closed. */
export interface Backend extends Authenticator {
  status?(): Health
  close?(): void
}

/** What backends are made of. */
export interface BackendParts {
  /** Undefined only where the configuration has no backend of accounts. */
  readonly accounts: AccountStore | undefined
  readonly passwords: PasswordVerifier
  readonly clock: Clock
  readonly log: Log
}

/** Backends that are open, in the order of the entries that they were opened by. */
export interface OpenBackends {
  readonly authentication: Config['authentication']
  readonly backends: readonly Backend[]
}

const openers: {
  readonly [Kind in BackendConfig['kind']]: (
    config: Extract<BackendConfig, { kind: Kind }>,
    parts: BackendParts,
  ) => Promise<Backend>
} = {
  htpasswd: ({ name, file }, { passwords, log }) => openHtpasswd({ name, file, passwords, log }),
  accounts: ({ name }, { accounts, passwords }) => {
    if (accounts === undefined) throw new TypeError('a backend of accounts needs their store')
    return openAccounts({ name, accounts, passwords })
  },
  ldap: async (settings, { clock, log }) => {
    // Memory, and time of the start, that nobody without a directory needs.
    const [{ openLdap }, { Servers }] = await Promise.all([
      import('./authentication/ldap/ldap-authenticator.ts'),
      import('./authentication/ldap/servers.ts'),
    ])
    return openLdap({ settings, servers: new Servers(settings, { clock, log }), clock, log })
  },
}

function openBackend<Kind extends BackendConfig['kind']>(
  config: Extract<BackendConfig, { kind: Kind }>,
  parts: BackendParts,
): Promise<Backend> {
  return openers[config.kind as Kind](config, parts)
}

/**
 * In the order written. Those that also stand in the configuration before are kept, with the state that
 * they have; the files that they name must hold all the same.
 *
 * @throws AppError misconfigured, with the line of the key: none that was opened here stays open
 */
export async function openBackends(
  { authentication, origins }: Pick<Config, 'authentication' | 'origins'>,
  parts: BackendParts,
  before?: OpenBackends,
): Promise<readonly Backend[]> {
  const kept = new Map(
    before?.authentication.map((entry, index) => [JSON.stringify(entry), before.backends[index]]),
  )
  const backends: Backend[] = []
  try {
    for (const [index, entry] of authentication.entries()) {
      const refuse = (message: string, keys: readonly string[]) => {
        const { origin, key } = findOrigin(origins, `authentication[${index}].${entry.kind}`, keys)
        return new AppError('misconfigured', `${origin} ${key}: ${message}`)
      }
      if (entry.kind === 'ldap') {
        const [failure] = await checkLdapFiles(entry)
        if (failure !== undefined) throw refuse(failure.message, failure.keys)
      }
      const open = () =>
        openBackend(entry, parts).catch((error) => {
          throw entry.kind === 'htpasswd' && error instanceof AppError
            ? refuse(error.message, ['file'])
            : error
        })
      backends.push(kept.get(JSON.stringify(entry)) ?? (await open()))
    }
    return backends
  } catch (error) {
    closeBackends(backends, before?.backends)
    throw error
  }
}

/** Closes all but those that stay in use. */
export function closeBackends(backends: readonly Backend[], inUse: readonly Backend[] = []): void {
  for (const backend of backends) if (!inUse.includes(backend)) backend.close?.()
}

/**
 * The composition root: from a configuration to a running server. The only file that knows which
 * implementation stands behind which seam.
 */

import {
  type AccountStore,
  createFirstAdmin,
  type FirstAdmin,
  openAccounts,
} from './authentication/accounts.ts'
import type { Authenticator } from './authentication/authenticator.ts'
import { AuthenticatorChain } from './authentication/chain.ts'
import { openHtpasswd } from './authentication/htpasswd/htpasswd-authenticator.ts'
import { PasswordVerifier } from './authentication/password/verifier.ts'
import { compilePolicy } from './authorization/policy.ts'
import type { Clock } from './clock.ts'
import type { BackendConfig, Config } from './config/config.ts'
import { AppError } from './errors.ts'
import { clientAddressReader } from './http/client-address.ts'
import type { PartStatus } from './http/health-routes.ts'
import { createHttpServer } from './http/http-server.ts'
import type { Log } from './log.ts'
import { type OpenTokenSigner, openTokenSigner } from './signing/token-signer.ts'
import { KyselyAccountStore } from './storage/account-store.ts'
import { type Database, openDatabase } from './storage/database.ts'
import { TokenService } from './token/token-service.ts'

export interface App {
  /** The account made at the very first start, with the only sight anybody gets of its password. */
  readonly firstAdmin: FirstAdmin | undefined
  /** @returns the port that is listened on */
  listen(): Promise<number>
  /**
   * Takes effect for the next request; requests in flight finish under the old configuration.
   *
   * @throws AppError where the new one cannot be used: the old one stays in force, whole
   */
  reload(config: Config): Promise<void>
  /** Says in `/readyz` that a newer configuration waits to be mended; undefined when it is. */
  setConfigFault(detail: string | undefined): void
  close(): Promise<void>
}

/** A backend that follows something outside of the database says how that goes, and can be closed. */
interface Backend extends Authenticator {
  status?(): { readonly ok: true } | { readonly ok: false; readonly detail: string }
  close?(): void
}

/** What is opened once, and outlives every reload. */
interface AppParts {
  readonly signer: OpenTokenSigner
  readonly database: Database
  readonly accounts: AccountStore
  readonly passwords: PasswordVerifier
  readonly clock: Clock
  readonly log: Log
}

/** What a reload replaces, in one step. */
interface Running {
  readonly config: Config
  readonly backends: readonly Backend[]
  readonly tokenService: TokenService
  readonly clientAddress: ReturnType<typeof clientAddressReader>
}

const openers: {
  readonly [Kind in BackendConfig['kind']]: (
    config: Extract<BackendConfig, { kind: Kind }>,
    parts: AppParts,
  ) => Promise<Backend>
} = {
  htpasswd: ({ name, file }, { passwords, log }) => openHtpasswd({ name, file, passwords, log }),
  accounts: ({ name }, { accounts, passwords }) => openAccounts({ name, accounts, passwords }),
}

function openBackend<Kind extends BackendConfig['kind']>(
  config: Extract<BackendConfig, { kind: Kind }>,
  parts: AppParts,
): Promise<Backend> {
  return openers[config.kind as Kind](config, parts)
}

/**
 * Opens everything that answering needs, and listens to nothing yet.
 *
 * @throws AppError misconfigured, with what to change, where a file, key or database cannot be used
 */
export async function createApp(
  config: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<App> {
  const signer = await openTokenSigner({ keysFolder: config.keys, clock, log })
  const database = await openDatabase({ path: config.database.path, clock })
  const accounts = new KyselyAccountStore(database)
  const passwords = new PasswordVerifier()
  const parts: AppParts = { signer, database, accounts, passwords, clock, log }

  let running = await openRunning(config, parts)
  let configFault: string | undefined
  const hasAccounts = config.authentication.some(({ kind }) => kind === 'accounts')
  // Last: it is made once, and a failure after it would take its password along.
  const firstAdmin = hasAccounts ? await createFirstAdmin(parts) : undefined

  const server = createHttpServer({
    tokenService: () => running.tokenService,
    clientAddress: (peer, forwardedFor) => running.clientAddress(peer, forwardedFor),
    readiness: () => readiness(running, configFault, parts),
    log,
  })

  return {
    firstAdmin,
    listen: () => server.listen(config.server.host, config.server.port),
    async reload(next) {
      refuseRestartOnlyChanges(config, next)
      const before = running
      running = await openRunning(next, parts, before)
      closeBackends(before.backends, running.backends)
    },
    setConfigFault(detail) {
      configFault = detail
    },
    async close() {
      await server.close()
      closeBackends(running.backends)
      await passwords.close()
      signer.close()
      await database.close()
    },
  }
}

async function openRunning(config: Config, parts: AppParts, before?: Running): Promise<Running> {
  // Before the backends: nothing that is opened may be left behind by a later failure.
  const policy = compilePolicy(config.rules, config.groups)
  const clientAddress = clientAddressReader(config.server.trustedProxies)
  const backends = await openBackends(config, parts, before)
  const tokenService = new TokenService({
    issuer: config.issuer,
    services: new Map(config.services.map(({ name, tokenLifetime }) => [name, tokenLifetime])),
    authenticator: new AuthenticatorChain(backends, parts.passwords),
    policy,
    signer: parts.signer,
    clock: parts.clock,
  })
  return { config, backends, tokenService, clientAddress }
}

/** Backends that stand in both configurations are kept, with the state that they have. */
async function openBackends(
  { authentication }: Config,
  parts: AppParts,
  before?: Running,
): Promise<readonly Backend[]> {
  const kept = new Map(
    before?.config.authentication.map((entry, index) => [
      JSON.stringify(entry),
      before.backends[index],
    ]),
  )
  const backends: Backend[] = []
  try {
    for (const entry of authentication) {
      backends.push(kept.get(JSON.stringify(entry)) ?? (await openBackend(entry, parts)))
    }
    return backends
  } catch (error) {
    closeBackends(backends, before?.backends)
    throw error
  }
}

/** Closes all but those that stay in use. */
function closeBackends(backends: readonly Backend[], inUse: readonly Backend[] = []): void {
  for (const backend of backends) if (!inUse.includes(backend)) backend.close?.()
}

async function readiness(
  { backends }: Running,
  configFault: string | undefined,
  { database, signer }: AppParts,
): Promise<Readonly<Record<string, PartStatus>>> {
  const signing = signer.status()
  return {
    config:
      configFault === undefined ? { state: 'ok' } : { state: 'degraded', detail: configFault },
    database: partStatus('down', await database.status()),
    signing: partStatus(signing.caDaysLeft < 0 ? 'down' : 'degraded', signing),
    ...Object.fromEntries(
      backends.map((backend) => [
        // A prefix, so that no backend can be named like another part and hide it.
        `backend ${backend.name}`,
        partStatus('degraded', backend.status?.() ?? { ok: true }),
      ]),
    ),
  }
}

function partStatus(
  otherwise: 'degraded' | 'down',
  status: { ok: true } | { ok: false; detail: string },
): PartStatus {
  return status.ok ? { state: 'ok' } : { state: otherwise, detail: status.detail }
}

/** What is opened once: half a reload would leave the operator guessing which half. */
function refuseRestartOnlyChanges(now: Config, next: Config): void {
  const values = ({ server, database, keys }: Config) => ({
    'server.listen': `${server.host}:${server.port}`,
    database: database.path,
    keys,
  })
  const before = values(now)
  const changed = Object.entries(values(next))
    .filter(([key, value]) => before[key as keyof typeof before] !== value)
    .map(([key]) => key)
  if (changed.length > 0) {
    throw new AppError(
      'misconfigured',
      `${changed.join(', ')} changed: that needs a restart, and nothing of the new file is in force before it`,
    )
  }
}

/**
 * The composition root of the server: from a configuration to what answers. Only the
 * composition roots know which implementation stands behind which seam.
 */

import { dirname, relative } from 'node:path'
import { createFirstAdmin, type FirstAdmin } from './authentication/accounts.ts'
import { PasswordVerifier } from './authentication/password/verifier.ts'
import { findSharedNames } from './authentication/shared-names.ts'
import { type FailedBinds, strictest } from './authentication/throttle/directory-accounts.ts'
import { Throttle } from './authentication/throttle/throttle.ts'
import { type Backend, closeBackends } from './backends.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { AppError, messageOf } from './errors.ts'
import { hostAndPort } from './host-and-port.ts'
import { createHttpServer } from './http/http-server.ts'
import type { Metric } from './http/metrics-routes.ts'
import type { Log } from './log.ts'
import { ConfigStatus } from './reload/config-status.ts'
import { type AppParts, openRunning, type Running, readiness } from './running.ts'
import { openTokenSigner } from './signing/token-signer.ts'
import { KyselyAccountStore } from './storage/account-store.ts'
import { openDatabase } from './storage/database.ts'
import { KyselyRuleStore } from './storage/rule-store.ts'
import { KyselyThrottleStore } from './storage/throttle-store.ts'
import type { CandidateCounts } from './token/candidate-trial.ts'
import { type RecentDecision, RecentDecisions } from './token/recent-decisions.ts'

export interface App {
  /** The account made at the very first start, with the only sight anybody gets of its password. */
  readonly firstAdmin: FirstAdmin | undefined
  /** @returns the port that is listened on */
  listen(): Promise<number>
  /**
   * Takes effect for the next request; requests in flight finish under the old configuration.
   *
   * @returns the first account, where this configuration is the first one that asks for any
   * @throws AppError where the new one cannot be used: the old one stays in force, whole
   */
  reload(config: Config): Promise<FirstAdmin | undefined>
  /** What was decided about a request of late; undefined where nothing was refused, or not known any more. */
  decision(requestId: string): RecentDecision | undefined
  /** Says in `/readyz` and `/metrics` that a newer configuration waits to be mended, until a reload succeeds. */
  refuse(reason: string): void
  /** At once; what is in flight is answered, and {@link close} waits for that. */
  stopListening(): void
  close(): Promise<void>
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
  const rules = new KyselyRuleStore(database, clock)
  const passwords = new PasswordVerifier()
  const store = new KyselyThrottleStore(database)
  const throttle = new Throttle({ failedBinds: failedBindsOf(config), store, clock, log })
  await throttle.load()
  const recentDecisions = new RecentDecisions()
  const candidateCounts = { decisions: 0, gives: 0, takes: 0 }
  const stores = { database, accounts, rules, recentDecisions, candidateCounts }
  const opened = { ...stores, signer, passwords, limits: throttle }
  const parts: AppParts = { ...opened, clock, log }

  let running = await openRunning(config, parts)
  const status = new ConfigStatus(clock)
  // Last: it is made once, and a failure after it would take its password along.
  const firstAdmin = await firstAdminOf(config, parts)
  void reportSharedNames(running.backends, log)

  const server = createHttpServer({
    tokenService: () => running.tokenService,
    denialService: () => running.denialService,
    recentDecisions,
    candidate: () => running.candidate,
    clientAddress: (peer, forwardedFor) => running.clientAddress(peer, forwardedFor),
    readiness: () => readiness(running, status, parts),
    metrics: [...status.metrics(), candidateMetric(candidateCounts)],
    log,
  })

  return {
    firstAdmin,
    listen: () => server.listen(config.server.host, config.server.port),
    async reload(next) {
      refuseRestartOnlyChanges(config, next)
      const before = running
      const opened = await openRunning(next, parts, before)
      const admin = await firstAdminOf(next, parts).catch((error) => {
        closeBackends(opened.backends, before.backends)
        throw error
      })
      reportCandidate(before, parts)
      // In one step: nothing is awaited from here on.
      running = opened
      throttle.limitFailedBinds(failedBindsOf(next))
      status.taken()
      void reportSharedNames(running.backends, log)
      closeBackends(before.backends, running.backends)
      return admin
    },
    decision: (requestId) => recentDecisions.byRequestId(requestId),
    refuse: (reason) => status.refused(reason),
    stopListening: () => void server.close(),
    async close() {
      await server.close()
      reportCandidate(running, parts)
      closeBackends(running.backends)
      await passwords.close()
      await throttle.close()
      signer.close()
      await database.close()
    },
  }
}

function failedBindsOf({ authentication }: Config): FailedBinds | undefined {
  return strictest(
    authentication.flatMap((entry) => (entry.kind === 'ldap' ? [entry.failedBinds] : [])),
  )
}

/** Made by the first configuration that asks for accounts, in a database that has never had one. */
async function firstAdminOf(
  { authentication }: Config,
  parts: AppParts,
): Promise<FirstAdmin | undefined> {
  const hasAccounts = authentication.some(({ kind }) => kind === 'accounts')
  return hasAccounts ? await createFirstAdmin(parts) : undefined
}

function candidateMetric(counts: CandidateCounts): Metric {
  return {
    name: 'dockwarden_candidate_differences_total',
    help: 'Decisions that rules_candidate would have made otherwise, by whether it gives or takes.',
    kind: 'counter',
    read: () => [
      { labels: { effect: 'gives' }, value: counts.gives },
      { labels: { effect: 'takes' }, value: counts.takes },
    ],
  }
}

function reportCandidate({ candidate }: Running, { candidateCounts, log }: AppParts): void {
  if (candidate === undefined) return
  log.info(
    { event: 'candidate', ...candidateCounts },
    'decisions that candidate rules were tried on',
  )
}

/** Beside the answering, which must not wait for a directory. */
async function reportSharedNames(backends: readonly Backend[], log: Log): Promise<void> {
  try {
    for (const { owner, other, names } of await findSharedNames(backends)) {
      const shown = names.slice(0, 20)
      log.warn(
        { event: 'shared_names', owner, other, names: shown, count: names.length },
        `${owner} decides about these names, and ${other}, which knows them too, is never asked for them`,
      )
    }
  } catch (error) {
    const reason = messageOf(error)
    log.warn({ event: 'shared_names', reason }, 'could not see which names two backends know')
  }
}

/** What is opened once: half a reload would leave the operator guessing which half. */
function refuseRestartOnlyChanges(now: Config, next: Config): void {
  const values = ({ server, database, keys }: Config) => ({
    'server.listen': hostAndPort(server.host, server.port),
    database: database.path,
    // Beside the database unless named: who moves that hears of the database alone.
    'server.control_socket': relative(dirname(database.path), server.controlSocket),
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

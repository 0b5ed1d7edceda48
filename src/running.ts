/** What answers by one configuration: a reload opens another, and puts it in the place of this one. */

import type { AccountStore } from './authentication/accounts.ts'
import { AuthenticatorChain } from './authentication/chain.ts'
import type { LoginLimits } from './authentication/login-limits.ts'
import type { PasswordVerifier } from './authentication/password/verifier.ts'
import { compilePolicy } from './authorization/policy.ts'
import { type Backend, openBackends } from './backends.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import type { Health } from './health.ts'
import { type ClientAddressReader, clientAddressReader } from './http/client-address.ts'
import type { PartStatus } from './http/health-routes.ts'
import type { Log } from './log.ts'
import type { ConfigStatus } from './reload/config-status.ts'
import type { OpenTokenSigner } from './signing/token-signer.ts'
import { TokenVerifier } from './signing/token-verifier.ts'
import type { Database } from './storage/database.ts'
import { type CandidateCounts, CandidateTrial } from './token/candidate-trial.ts'
import { DenialService } from './token/denial.ts'
import { LivePolicy, type StoredRules } from './token/live-policy.ts'
import type { RecentDecisions } from './token/recent-decisions.ts'
import { TokenService } from './token/token-service.ts'

/** Milliseconds: longer than a directory of the same organisation takes for a login, also over its network. */
const directoryRefusal = 500

/** What is opened once, and outlives every reload. */
export interface AppParts {
  readonly signer: OpenTokenSigner
  readonly database: Database
  readonly accounts: AccountStore
  readonly rules: StoredRules
  readonly passwords: PasswordVerifier
  readonly limits: LoginLimits
  readonly recentDecisions: RecentDecisions
  readonly candidateCounts: CandidateCounts
  readonly clock: Clock
  readonly log: Log
}

/** What a reload replaces, in one step. */
export interface Running {
  readonly authentication: Config['authentication']
  readonly backends: readonly Backend[]
  readonly policies: LivePolicy
  readonly tokenService: TokenService
  readonly denialService: DenialService
  readonly candidate: CandidateTrial | undefined
  readonly clientAddress: ClientAddressReader
}

/** @throws AppError misconfigured, and then nothing that was opened here stays open */
export async function openRunning(
  config: Config,
  parts: AppParts,
  before?: Running,
): Promise<Running> {
  // Before the backends: nothing that is opened may be left behind by a later failure.
  const configured = compilePolicy(config.rules, config.groups)
  const policies = new LivePolicy({ configured, stored: parts.rules })
  const candidate = candidateTrial(config, parts)
  const clientAddress = clientAddressReader(config.server.trustedProxies)
  const backends = await openBackends(config, parts, before)
  const directories = config.authentication.filter((entry) => entry.kind === 'ldap')
  const services = new Map(config.services.map(({ name, tokenLifetime }) => [name, tokenLifetime]))
  const decisionParts = { issuer: config.issuer, services, policies, clock: parts.clock }
  const tokenService = new TokenService({
    ...decisionParts,
    authentication: new AuthenticatorChain({
      backends,
      limits: parts.limits,
      passwords: parts.passwords,
      refusalMilliseconds: directories.length > 0 ? directoryRefusal : 0,
    }),
    signer: parts.signer,
  })
  const denialService = new DenialService({
    ...decisionParts,
    settings: config.denials,
    verifier: new TokenVerifier(parts.signer.caCertificate, parts.clock),
    recentDecisions: parts.recentDecisions,
  })
  const { authentication } = config
  const answering = { policies, tokenService, denialService, candidate, clientAddress }
  return { authentication, backends, ...answering }
}

/** With the same rules of the database as those in force. */
function candidateTrial(
  { rulesCandidate }: Config,
  { rules, candidateCounts }: AppParts,
): CandidateTrial | undefined {
  if (rulesCandidate === undefined) return undefined
  const configured = compilePolicy(rulesCandidate.rules, rulesCandidate.groups)
  return new CandidateTrial(new LivePolicy({ configured, stored: rules }), candidateCounts)
}

export async function readiness(
  { backends, policies }: Running,
  status: ConfigStatus,
  { database, signer }: AppParts,
): Promise<Readonly<Record<string, PartStatus>>> {
  const signing = signer.status()
  const ofDatabase = await database.status()
  return {
    config: status.part(),
    database: partStatus('down', ofDatabase),
    // Not asked where the answer would have to wait for the database.
    rules: partStatus('down', ofDatabase.ok ? await policies.status() : ofDatabase),
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

function partStatus(otherwise: 'degraded' | 'down', health: Health): PartStatus {
  return health.ok ? { state: 'ok' } : { state: otherwise, detail: health.detail }
}

/** Goes the way of a login with every server of a directory, step by step, and tells what it finds. */

import type { SecureContext } from 'node:tls'
import type { Clock } from '../../../clock.ts'
import type { Password } from '../../../protocol/credentials.ts'
import type { Subject } from '../../authenticator.ts'
import { type Connection, openConnection } from '../connection.ts'
import { DirectoryFailure, type DirectorySession } from '../directory-session.ts'
import { checkLdapFiles } from '../ldap-files.ts'
import { bindSearchAccount, type SearchAccount } from '../search-account.ts'
import type { LdapServer, LdapSettings } from '../settings.ts'
import { TlsContext } from '../tls-context.ts'
import { type CheckStep, CheckSteps, type Findings, type StepName } from './check-steps.ts'
import { takeConnectionSteps } from './connection-steps.ts'
import { findGroups, findKind, findPeople } from './directory-steps.ts'
import { findPerson, logIn } from './person-steps.ts'

export interface CheckOptions {
  /** Whom to look for, as somebody would type the name. */
  readonly name: string | undefined
  /** Also logs in, once. Needs a name. */
  readonly password: Password | undefined
  readonly clock: Clock
  /** @param server its URL; undefined for what all servers have in common */
  readonly onStep: (server: string | undefined, step: CheckStep) => void
}

export interface DirectoryCheck {
  /** What all servers have in common: the files. */
  readonly steps: readonly CheckStep[]
  readonly servers: readonly { readonly url: string; readonly steps: readonly CheckStep[] }[]
  /** Whom rules would see, as the first server that can tell says. */
  readonly subject: Subject | undefined
}

/** Connects, binds and searches as logins do; changes nothing but what a directory counts by itself. */
export async function checkDirectory(
  settings: LdapSettings,
  options: CheckOptions,
): Promise<DirectoryCheck> {
  const common = new CheckSteps({ onStep: (step) => options.onStep(undefined, step) })
  const context = await common.take('files', (findings) => checkFiles(settings, findings))
  const servers: { url: string; steps: readonly CheckStep[] }[] = []
  let subject: Subject | undefined
  let { password } = options
  for (const [index, server] of settings.servers.entries()) {
    const steps = new CheckSteps({
      onStep: (step) => options.onStep(server.url, step),
      server: index,
      end: common.end,
    })
    const check = new ServerCheck(server, settings, { ...options, password }, steps)
    const found = await check.run(context)
    subject ??= found
    // A wrong password counts in the directory: it is tried once.
    if (steps.isTaken('login')) password = undefined
    servers.push({ url: server.url, steps: steps.steps })
  }
  return { steps: common.steps, servers, subject }
}

/** @returns what TLS is checked with, once all files can be used */
async function checkFiles(
  settings: LdapSettings,
  findings: Findings,
): Promise<SecureContext | undefined> {
  const { tls, bind } = settings
  const { certFile, keyFile } = tls.clientCertificate ?? {}
  const secret = bind.kind === 'search' ? bind.account?.password : undefined
  const secretFile = secret !== undefined && 'file' in secret ? secret.file : undefined
  findings.facts['read'] = [tls.caFile, certFile, keyFile, secretFile].filter(
    (file) => file !== undefined,
  )
  const [failure, ...others] = await checkLdapFiles(settings)
  for (const { message, keys } of others) findings.fail(message, ...keys)
  if (failure !== undefined) throw failure
  return await new TlsContext(tls).get()
}

/** One server, on a connection of its own. */
class ServerCheck {
  readonly #server: LdapServer
  readonly #settings: LdapSettings
  readonly #options: CheckOptions
  readonly #steps: CheckSteps

  constructor(
    server: LdapServer,
    settings: LdapSettings,
    options: CheckOptions,
    steps: CheckSteps,
  ) {
    this.#server = server
    this.#settings = { ...settings, servers: [server] }
    this.#options = options
    this.#steps = steps
  }

  /** @returns whom rules would see, where a name was given and the directory tells */
  async run(context: SecureContext | undefined): Promise<Subject | undefined> {
    const { clock } = this.#options
    const connection = await takeConnectionSteps(
      this.#steps,
      this.#server,
      this.#settings,
      context,
      clock,
    )
    try {
      const { bind } = this.#settings
      const found =
        bind.kind === 'direct'
          ? await this.#skipSearches(context, bind.template)
          : await this.#search(connection, context, bind.account)
      return (await this.#logIn()) ?? found
    } finally {
      await connection?.close()
    }
  }

  async #search(
    connection: Connection | undefined,
    context: SecureContext | undefined,
    account: SearchAccount,
  ): Promise<Subject | undefined> {
    const { name, clock } = this.#options
    const settings = this.#settings
    const take = <Result>(
      step: StepName,
      work: (session: DirectorySession, findings: Findings) => Promise<Result>,
    ): Promise<Result | undefined> =>
      this.#steps.take(step, async (findings) => {
        if (connection === undefined) throw new TypeError('a step that needs a connection')
        connection.expireAt(performance.now() + settings.deadlines.login)
        return await work(connection, findings)
      })
    await take('bind', async (session, { facts }) => {
      facts['as'] = account?.dn ?? 'anonymous'
      await bindSearchAccount(session, account)
    })
    await this.#findKind(context, account)
    await take('people', (session, findings) => findPeople(session, settings, findings))
    await take('groups', (session, findings) => findGroups(session, settings, findings))
    if (name === undefined) return undefined
    return await take('person', (session, findings) =>
      findPerson(session, settings, name, findings, clock),
    )
  }

  /** On a connection of its own: a refusal ends it, and not to say what it is, is no fault of a server. */
  async #findKind(context: SecureContext | undefined, account: SearchAccount): Promise<void> {
    const settings = this.#settings
    await this.#steps.take('directory', async (findings) => {
      const expiry = performance.now() + settings.deadlines.login
      const connection = await openConnection(this.#server, settings, context, expiry)
      try {
        await bindSearchAccount(connection, account)
        await findKind(connection, settings, findings)
      } catch (error) {
        const isRefusal = error instanceof DirectoryFailure && error.kind === 'configuration'
        if (!isRefusal) throw error
        findings.facts['kind'] = 'not shown'
      } finally {
        await connection.close()
      }
    })
  }

  /** Who binds directly has no identity to search with before a password is there. */
  async #skipSearches(context: SecureContext | undefined, template: string): Promise<undefined> {
    const why = `people bind as ${template} themselves; --as NAME --login tries that`
    this.#steps.skip('bind', why)
    await this.#findKind(context, undefined)
    for (const step of ['people', 'groups'] as const) this.#steps.skip(step, why)
    if (this.#options.name !== undefined) this.#steps.skip('person', why)
    return undefined
  }

  async #logIn(): Promise<Subject | undefined> {
    const { name, password, clock } = this.#options
    if (name === undefined || password === undefined) return undefined
    return await this.#steps.take('login', (findings) =>
      logIn(this.#settings, name, password, findings, clock),
    )
  }
}

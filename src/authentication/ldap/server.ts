/** One server of a directory: its connections, and what they tell of its health. */

import type { SecureContext } from 'node:tls'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { type Attempt, Breaker } from './breaker.ts'
import { type Connection, openConnection } from './connection.ts'
import { DirectoryFailure, type DirectorySession } from './directory-session.ts'
import { IdleConnections } from './idle-connections.ts'
import { Lease } from './lease.ts'
import type { LdapServer, LdapSettings } from './settings.ts'

/** What is asked on a connection before anybody's password is. */
export type Work<Result> = (session: DirectorySession) => Promise<Result>

export interface Leased<Result> {
  readonly session: Lease
  readonly result: Result
}

export interface ServerParts {
  readonly settings: LdapSettings
  readonly clock: Clock
  readonly log: Log
  /** Whether no other server of the directory is in health. */
  readonly isNeeded: (server: Server) => boolean
  /** See {@link IdleConnections}. */
  readonly idleTime: number | undefined
}

/** Milliseconds within which it shows that a connection has ended while it rested. */
const lostWithin = 500

export class Server {
  readonly url: string
  readonly breaker: Breaker
  readonly #server: LdapServer
  readonly #parts: ServerParts
  readonly #idle: IdleConnections
  readonly #keepsIdle: boolean

  constructor(server: LdapServer, parts: ServerParts) {
    const { bind, breaker } = parts.settings
    this.url = server.url
    this.breaker = new Breaker(breaker)
    this.#server = server
    this.#parts = parts
    this.#idle = new IdleConnections(parts.idleTime)
    // Whoever takes a connection over binds first, or would be who had it before.
    this.#keepsIdle = bind.kind === 'search' && bind.account !== undefined
  }

  /**
   * @param until when the work has to be done, by performance.now()
   * @param expiry when the connection ends after that
   * @throws what the work throws, and DirectoryFailure; the connection has ended then
   */
  async ask<Result>(
    work: Work<Result>,
    context: SecureContext | undefined,
    until: number,
    expiry: number,
  ): Promise<Leased<Result>> {
    return (
      (await this.#askResting(work, until, expiry)) ??
      (await this.#askAnew(work, context, until, expiry))
    )
  }

  /** Any answer is a sign of health. Never throws. */
  async try(context: SecureContext | undefined): Promise<void> {
    const expiry = performance.now() + this.#parts.settings.deadlines.login
    try {
      const { connection, attempt } = await this.#connect(context, expiry)
      void connection.ended.then((failure) => this.#note(attempt, failure))
      await connection.search(rootEntry).finally(() => connection.close())
    } catch {
      // Noted already.
    }
  }

  closeIdle(): void {
    this.#idle.close()
  }

  /** @returns undefined where no connection rests, or where it is lost */
  async #askResting<Result>(
    work: Work<Result>,
    until: number,
    expiry: number,
  ): Promise<Leased<Result> | undefined> {
    const connection = this.#idle.take()
    if (connection === undefined) return undefined
    const start = performance.now()
    const attempt = this.breaker.begin()
    // A server that is frozen shows it no later than it would by a new connection; one that is slow has
    // as long for the rest of its work.
    connection.wakeUntil(start + this.#parts.settings.deadlines.connect, until)
    try {
      return await this.#lease(connection, attempt, work, expiry)
    } catch (error) {
      // A server may end what rests: that says nothing of its health.
      const now = performance.now()
      const isLost = isConnectionFailure(error) && now - start < lostWithin && now < until
      if (isLost) return undefined
      this.#note(attempt, await connection.ended)
      throw error
    }
  }

  async #askAnew<Result>(
    work: Work<Result>,
    context: SecureContext | undefined,
    until: number,
    expiry: number,
  ): Promise<Leased<Result>> {
    const { connection, attempt } = await this.#connect(context, until)
    try {
      return await this.#lease(connection, attempt, work, expiry)
    } catch (error) {
      this.#note(attempt, await connection.ended)
      throw error
    }
  }

  /** @throws what the work throws, when it has ended the connection; whoever called notes how */
  async #lease<Result>(
    connection: Connection,
    attempt: Attempt,
    work: Work<Result>,
    expiry: number,
  ): Promise<Leased<Result>> {
    const session = new Lease(connection, (given) =>
      this.#keepsIdle ? this.#idle.put(given) : given.close(),
    )
    try {
      const result = await work(session)
      connection.expireAt(expiry)
      void session.ended.then((failure) => this.#note(attempt, failure))
      return { session, result }
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** @throws DirectoryFailure, which is noted */
  async #connect(
    context: SecureContext | undefined,
    until: number,
  ): Promise<{ readonly connection: Connection; readonly attempt: Attempt }> {
    // Before anything is waited for: of those who come at once, one is the trial.
    const attempt = this.breaker.begin()
    try {
      const { settings } = this.#parts
      return { connection: await openConnection(this.#server, settings, context, until), attempt }
    } catch (error) {
      this.#note(attempt, error as DirectoryFailure)
      throw error
    }
  }

  #note(attempt: Attempt, failure: DirectoryFailure | undefined): void {
    const { settings, clock, log, isNeeded } = this.#parts
    const fields = { directory: settings.name, server: this.url }
    if (failure === undefined) {
      const outage = this.breaker.succeed(attempt)
      if (outage === undefined) return
      const since = outage.since.toISOString()
      log.info({ event: 'directory_server_back', ...fields, since }, `${this.url} answers again`)
      return
    }
    const time = { now: performance.now(), date: clock() }
    if (!this.breaker.fail(attempt, failure.message, isNeeded(this), time)) return
    log.warn(
      { event: 'directory_server_left_alone', ...fields },
      `${failure.message}; it is left alone, and tried every ${settings.breaker.open} ms`,
    )
  }
}

/** What a server says about itself (RFC 4512 §5.1), the one entry that all of them have. */
const rootEntry = {
  base: '',
  scope: 'base',
  filter: '(objectClass=*)',
  attributes: ['1.1'],
  limit: 1,
} as const

export function isConnectionFailure(error: unknown): error is DirectoryFailure {
  return error instanceof DirectoryFailure && error.kind === 'connection'
}

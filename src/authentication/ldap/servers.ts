/** All servers of one directory: which is asked, for how long, and how many connections there are at once. */

import type { SecureContext } from 'node:tls'
import type { Clock } from '../../clock.ts'
import type { Health } from '../../health.ts'
import type { Log } from '../../log.ts'
import { ConnectionSlots } from './connection-slots.ts'
import {
  DirectoryFailure,
  type DirectoryServers,
  type DirectorySession,
} from './directory-session.ts'
import { isConnectionFailure, type Leased, Server, type Work } from './server.ts'
import type { LdapSettings } from './settings.ts'
import { TlsContext } from './tls-context.ts'

/**
 * The first server that is in health is asked. One that fails is left alone, and after a time tried again:
 * beside the logins where another server has them, by one of the logins where none has.
 */
export class Servers implements DirectoryServers {
  readonly #settings: LdapSettings
  readonly #servers: readonly Server[]
  readonly #slots: ConnectionSlots
  readonly #tlsContext: TlsContext

  /** @param idleTime milliseconds for which a connection waits for the next login; a test may need another */
  constructor(
    settings: LdapSettings,
    {
      clock,
      log,
      idleTime,
    }: { readonly clock: Clock; readonly log: Log; readonly idleTime?: number | undefined },
  ) {
    this.#settings = settings
    const isNeeded = (server: Server): boolean =>
      this.#servers.every((other) => other === server || other.breaker.outage !== undefined)
    const parts = { settings, clock, log, isNeeded, idleTime }
    this.#servers = settings.servers.map((server) => new Server(server, parts))
    this.#slots = new ConnectionSlots(settings.load)
    this.#tlsContext = new TlsContext(settings.tls)
  }

  async open<Result>(
    work: Work<Result>,
  ): Promise<{ readonly session: DirectorySession; readonly result: Result }> {
    const expiry = performance.now() + this.#settings.deadlines.login
    // Before the queue: where no server answers, nobody waits to hear it.
    if (this.#next([]) === undefined) throw this.#noServer()
    const release = await this.#slots.take()
    try {
      const context = await this.#tlsContext.get()
      this.#startTrials(context)
      const { session, result } = await this.#openNext(work, context, expiry)
      void session.ended.then(release)
      return { session, result }
    } catch (error) {
      release()
      throw error
    }
  }

  status(): Health {
    const troubles = this.#troubles()
    return troubles === '' ? { ok: true } : { ok: false, detail: troubles }
  }

  close(): void {
    for (const server of this.#servers) server.closeIdle()
  }

  async #openNext<Result>(
    work: Work<Result>,
    context: SecureContext | undefined,
    expiry: number,
  ): Promise<Leased<Result>> {
    const asked: Server[] = []
    let failure: DirectoryFailure | undefined
    for (;;) {
      const server = this.#next(asked)
      if (server === undefined || performance.now() >= expiry) throw failure ?? this.#noServer()
      asked.push(server)
      // There are never more connections than slots, so none rests where nobody is asked.
      this.#closeIdleBut(server)
      const isLast = this.#next(asked) === undefined
      try {
        return await server.ask(work, context, isLast ? expiry : this.#share(expiry), expiry)
      } catch (error) {
        if (!isConnectionFailure(error)) throw error
        failure = error
      }
    }
  }

  /** When an attempt has to end so that there is time for another one. */
  #share(expiry: number): number {
    const now = performance.now()
    const left = expiry - now
    return now + Math.max(left / 2, left - this.#settings.deadlines.connect)
  }

  /** @param asked in vain, by this login: it then does not wait until the time of a trial */
  #next(asked: readonly Server[]): Server | undefined {
    const now = asked.length === 0 ? performance.now() : Number.POSITIVE_INFINITY
    const others = this.#servers.filter((server) => !asked.includes(server))
    return (
      others.find(({ breaker }) => breaker.outage === undefined) ??
      others.find(({ breaker }) => breaker.isDue(now))
    )
  }

  #startTrials(context: SecureContext | undefined): void {
    // Where no server is in health, the login itself is the trial.
    if (this.#servers.every(({ breaker }) => breaker.outage !== undefined)) return
    const now = performance.now()
    for (const server of this.#servers) {
      const release = server.breaker.isDue(now) ? this.#slots.takeFree() : undefined
      if (release === undefined) continue
      // What rests has no slot, and would be one connection too many beside this one.
      this.#closeIdleBut(server)
      void server.try(context).finally(release)
    }
  }

  #closeIdleBut(server: Server): void {
    for (const other of this.#servers) if (other !== server) other.closeIdle()
  }

  #noServer(): DirectoryFailure {
    return new DirectoryFailure(
      'connection',
      `no server of the directory ${this.#settings.name} answers: ${this.#troubles()}`,
    )
  }

  #troubles(): string {
    return this.#servers
      .flatMap(({ breaker: { trouble } }) =>
        trouble === undefined ? [] : [`since ${trouble.since.toISOString()} ${trouble.reason}`],
      )
      .join('; ')
  }
}

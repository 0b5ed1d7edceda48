/** From a server's name to a connection that is secured: the steps of the one way that logins take. */

import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { Clock } from '../../../clock.ts'
import { type Connection, openConnection } from '../connection.ts'
import { DirectoryFailure } from '../directory-session.ts'
import { isLoopback, type LdapServer, type LdapSettings } from '../settings.ts'
import { type CheckSteps, Findings, type StepName } from './check-steps.ts'

const day = 86_400_000
/** Days before its end from which on a certificate is warned of. */
const timeToRenew = 30

/**
 * The steps `name`, `tcp` and `tls`.
 *
 * @returns undefined where one of them failed; whoever called closes the connection
 */
export async function takeConnectionSteps(
  steps: CheckSteps,
  server: LdapServer,
  settings: LdapSettings,
  context: SecureContext | undefined,
  clock: Clock,
): Promise<Connection | undefined> {
  if (steps.end !== undefined) return skipOthers(steps, steps.end)
  const way = new Way(steps, server, settings, clock)
  const expiry = performance.now() + settings.deadlines.login
  try {
    const connection = await openConnection(server, settings, context, expiry, (socket) =>
      way.watch(socket),
    )
    way.secured()
    return connection
  } catch (error) {
    if (!(error instanceof DirectoryFailure)) throw error
    way.failed(error)
    return skipOthers(steps, steps.end ?? '')
  }
}

function skipOthers(steps: CheckSteps, why: string): undefined {
  for (const name of ['name', 'tcp', 'tls'] as const) {
    if (!steps.steps.some((step) => step.name === name)) steps.skip(name, why)
  }
}

/** Listens to the sockets of one connection, and makes steps of what comes to pass on them. */
class Way {
  readonly #steps: CheckSteps
  readonly #server: LdapServer
  readonly #settings: LdapSettings
  readonly #clock: Clock
  readonly #addresses: string[] = []
  #stage: StepName = 'name'
  #findings = new Findings()
  #start = performance.now()
  #tls: TLSSocket | undefined

  constructor(steps: CheckSteps, server: LdapServer, settings: LdapSettings, clock: Clock) {
    this.#steps = steps
    this.#server = server
    this.#settings = settings
    this.#clock = clock
    if (isIP(server.host) !== 0) this.#resolved(server.host)
  }

  watch(socket: Socket): void {
    if (socket instanceof TLSSocket) {
      this.#tls = socket
      // Before Node looks whether it is right: then it is told also where it is not.
      socket.prependOnceListener('secure', () => this.#readCertificate(socket))
      return
    }
    socket.on('lookup', (error: Error | null, address: string) => {
      if (!error) this.#resolved(address)
    })
    socket.once('connect', () => {
      const { remoteAddress, remotePort } = socket
      this.#findings.facts['address'] = `${remoteAddress} port ${remotePort}`
      this.#end('tls')
      this.#findings.facts['mode'] = this.#settings.tls.mode
    })
  }

  secured(): void {
    if (this.#tls !== undefined) {
      this.#findings.facts['protocol'] = this.#tls.getProtocol() ?? 'unknown'
    } else if (!isLoopback(this.#server)) {
      this.#findings.warn('passwords cross the network in the clear', 'tls.mode')
    }
    this.#end('bind')
  }

  failed(failure: DirectoryFailure): void {
    this.#end('bind', failure)
  }

  /** A name may have several addresses: they come one by one, before any of them is tried. */
  #resolved(address: string): void {
    this.#addresses.push(address)
    if (this.#addresses.length > 1) return
    queueMicrotask(() => {
      this.#findings.facts['addresses'] = this.#addresses
      this.#end('tcp')
    })
  }

  #end(next: StepName, failure?: DirectoryFailure): void {
    const now = performance.now()
    this.#steps.add(this.#stage, this.#findings, now - this.#start, failure)
    this.#stage = next
    this.#findings = new Findings()
    this.#start = now
  }

  #readCertificate(socket: TLSSocket): void {
    const { raw } = socket.getPeerCertificate()
    if (raw === undefined) return
    const { subject, issuer, subjectAltName, validTo } = new X509Certificate(raw)
    const end = new Date(validTo)
    const daysLeft = Math.floor((end.getTime() - this.#clock().getTime()) / day)
    Object.assign(this.#findings.facts, {
      subject: inOneLine(subject),
      issuer: inOneLine(issuer),
      names: subjectAltName ?? 'none',
      days_left: daysLeft,
    })
    if (daysLeft >= 0 && daysLeft < timeToRenew) {
      const message = `the certificate of ${this.#server.url} ends on ${end.toISOString().slice(0, 10)}; renew it there`
      this.#findings.warn(message, 'urls')
    }
  }
}

/** `CN=dc1\nO=Example` */
function inOneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ') || 'nobody'
}

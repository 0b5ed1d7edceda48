/** A TCP proxy between us and a directory: keeps every byte, and fails in the way that a test asks for. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { atEnd } from './at-end.ts'
import { extendedResponse, isStartTls, takeMessages } from './ldap-messages.ts'

type Side = 'client' | 'server'

export type ProxyFault =
  /** Closes the connection when this many bytes have come from one side; those are passed on. */
  | { readonly kind: 'cut'; readonly from: Side; readonly after: number }
  /** What the server says arrives later. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Nothing arrives any more, and everything stays open. */
  | { readonly kind: 'silence' }
  /** StartTLS is answered here. What follows it is passed on as it is, or swallowed. */
  | { readonly kind: 'StartTLS refused' | 'StartTLS granted, then plaintext' }
  | { readonly kind: 'StartTLS unanswered' | 'StartTLS granted, then silence' }

/** Resolves once it listens. @param target port of 127.0.0.1 */
export async function startLdapProxy(target: number): Promise<LdapProxy> {
  const proxy = new LdapProxy(target)
  await proxy.listen()
  return proxy
}

export class LdapProxy implements AsyncDisposable {
  /** May change at any time: it holds for every byte that comes after. */
  fault: ProxyFault | undefined
  /** How many connections have come so far. */
  accepted = 0
  readonly #target: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #recorded: Record<Side, Buffer[]> = { client: [], server: [] }

  constructor(target: number) {
    this.#target = target
    this.#server = createServer((client) => this.#accept(client))
    atEnd(() => this.#server.close())
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `ldap://127.0.0.1:${this.port}`
  }

  get ldapsUrl(): string {
    return `ldaps://127.0.0.1:${this.port}`
  }

  /** Every byte that one side has sent since the start, all connections in the order of arrival. */
  from(side: Side): Buffer {
    return Buffer.concat(this.#recorded[side])
  }

  /** Breaks the connections that are open, and takes new ones. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Refuses connections from now on. */
  async stop(): Promise<void> {
    this.drop()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #accept(client: Socket): void {
    this.accepted += 1
    const server = connect(this.#target, '127.0.0.1')
    const close = (): void => {
      for (const socket of [client, server]) socket.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', close)
      socket.once('close', () => this.#sockets.delete(socket))
    }
    const startTls = new StartTlsAnswer(client)
    this.#pass('client', client, server, close, (chunk) => startTls.take(chunk, this.fault))
    this.#pass('server', server, client, close, (chunk) => chunk)
  }

  /** One direction. @param take what of a chunk goes on to the other side */
  #pass(from: Side, source: Socket, target: Socket, close: () => void, take: Take): void {
    let passed = 0
    const pass = async (chunk: Buffer): Promise<void> => {
      const { fault } = this
      if (fault?.kind === 'silence') return
      if (fault?.kind === 'delay' && from === 'server') await sleep(fault.milliseconds)
      const rest = fault?.kind === 'cut' && fault.from === from ? fault.after - passed : undefined
      const taken = take(chunk.subarray(0, rest === undefined ? undefined : Math.max(0, rest)))
      passed += chunk.length
      if (rest !== undefined && chunk.length >= rest) target.write(taken, close)
      else if (taken.length > 0) target.write(taken)
    }
    let last = Promise.resolve()
    source.on('data', (chunk: Buffer) => {
      this.#recorded[from].push(chunk)
      last = last.then(() => pass(chunk))
    })
    source.once('close', () => void last.then(close))
  }
}

type Take = (chunk: Buffer) => Buffer

const startTlsFaults: Readonly<Record<string, { code?: number; isSilentAfter: boolean }>> = {
  'StartTLS refused': { code: 52, isSilentAfter: false },
  'StartTLS granted, then plaintext': { code: 0, isSilentAfter: false },
  'StartTLS unanswered': { isSilentAfter: true },
  'StartTLS granted, then silence': { code: 0, isSilentAfter: true },
}

/** Answers a connection's StartTLS in the server's place, where the fault says so. */
class StartTlsAnswer {
  readonly #client: Socket
  #pending: Buffer = Buffer.alloc(0)
  #isSilent = false

  constructor(client: Socket) {
    this.#client = client
  }

  /** @returns what goes on to the server */
  take(chunk: Buffer, fault: ProxyFault | undefined): Buffer {
    const answer = startTlsFaults[fault?.kind ?? '']
    if (this.#isSilent) return Buffer.alloc(0)
    if (answer === undefined) return chunk
    const { messages, rest } = takeMessages(Buffer.concat([this.#pending, chunk]))
    const passed = messages.filter((request) => {
      if (!isStartTls(request)) return true
      if (answer.code !== undefined) this.#client.write(extendedResponse(request.id, answer.code))
      this.#isSilent = answer.isSilentAfter
      return false
    })
    const isLdap = rest.length === 0 || rest[0] === 0x30
    this.#pending = isLdap ? rest : Buffer.alloc(0)
    return Buffer.concat([...passed.map(({ bytes }) => bytes), ...(isLdap ? [] : [rest])])
  }
}

/**
 * One connection to one server of a directory, over ldapts, whose own care for connections is not trusted:
 * it would reconnect without TLS, bind again as somebody else, and wait for ever.
 */

import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { Client, type Entry, type Filter, FilterParser } from 'ldapts'
import type { Password } from '../../protocol/credentials.ts'
import {
  type BindRefusal,
  type DirectoryEntries,
  type DirectoryEntry,
  DirectoryFailure,
  type DirectorySearch,
  type DirectorySession,
} from './directory-session.ts'
import {
  bindResponse,
  diagnosticText,
  type LdapResult,
  searchResultDone,
  searchResultEntry,
  searchResultReference,
} from './ldap-message.ts'
import { MessageSocket, type SocketFault } from './message-socket.ts'
import { openSocket } from './open-socket.ts'
import { PasswordPolicyControl } from './password-policy-control.ts'
import type { LdapServer, LdapSettings } from './settings.ts'

const success = 0
const timeLimitExceeded = 3
const sizeLimitExceeded = 4
/** constraintViolation, inappropriateAuthentication, invalidCredentials, unwillingToPerform: no to this person. */
const refusals = [19, 48, 49, 53]
/** timeLimitExceeded, busy, unavailable, other: this server cannot, another may. */
const serverTroubles = [timeLimitExceeded, 51, 52, 80]

const hints: Readonly<Record<number, string>> = {
  1: 'operationsError: many directories answer a search without a bind with it',
  8: 'strongerAuthRequired: it wants TLS',
  10: 'referral: never followed; name a server that holds these entries',
  13: 'confidentialityRequired: it wants TLS',
  32: 'noSuchObject: is the base right, and may the account see it?',
  34: 'invalidDNSyntax: the name or the base is no DN',
  50: 'insufficientAccessRights: the account may not do this',
}

/** What may have to change where a bind, or a search, ends in this code. */
const keysOfBind: Readonly<Record<number, readonly string[]>> = {
  8: ['tls.mode'],
  13: ['tls.mode'],
  32: ['bind.dn', 'bind.user_template'],
  34: ['bind.dn', 'bind.user_template'],
}
const keysOfSearch: Readonly<Record<number, readonly string[]>> = {
  1: ['bind.dn', 'bind'],
  8: ['tls.mode'],
  10: ['urls'],
  13: ['tls.mode'],
  32: ['base'],
  34: ['base'],
  50: ['bind.dn', 'bind'],
}

const remedyOfSize =
  'so much of one person is not read: let groups.filter, groups.base or user.filter leave out what is so large'
const keysOfSize = ['groups.filter', 'groups.base', 'user.filter', 'base']
const remedyOfTime =
  'raise login_deadline, or let groups.filter or groups.base leave out some of the groups'
const keysOfTime = ['login_deadline', 'groups.filter', 'groups.base', 'base']

/** So many an ordinary login asks. */
const questionsOfLogin = 8

type FailureOptions = ConstructorParameters<typeof DirectoryFailure>[2]

export type ConnectionSettings = Pick<LdapSettings, 'tls' | 'deadlines' | 'accountState'>

/**
 * Connects and secures the connection; nothing is asked yet.
 *
 * @param context required but for the mode `none`
 * @param expiry performance.now() at which it ends, whatever it is doing; `expireAt` moves that
 * @param watch see {@link openSocket}
 * @throws DirectoryFailure
 */
export async function openConnection(
  server: LdapServer,
  settings: ConnectionSettings,
  context: SecureContext | undefined,
  expiry: number,
  watch?: (socket: Socket) => void,
): Promise<Connection> {
  const { connect } = settings.deadlines
  const time = Math.max(1, Math.min(connect, Math.round(expiry - performance.now())))
  const socket = await openSocket(server, settings.tls, context, time, watch)
  const connection = new Connection(server, settings, socket)
  connection.expireAt(expiry)
  return connection
}

export class Connection implements DirectorySession {
  readonly server: string
  /**
   * Settles once the socket is closed, with what the server did wrong, if anything; never rejects. What is
   * too much of one person is no fault of the server: everybody would lose it by a name that anybody types.
   */
  readonly ended: Promise<DirectoryFailure | undefined>
  /** performance.now() */
  readonly openedAt = performance.now()
  readonly #settings: ConnectionSettings
  readonly #socket: MessageSocket
  readonly #client: Client
  #failure: DirectoryFailure | undefined
  #isServerToBlame = true
  /** performance.now(), as for the next. */
  #begunAt = this.openedAt
  #askedAt = this.openedAt
  #answers = 0
  /** Milliseconds. */
  #quickestAnswer = Number.POSITIVE_INFINITY
  #isAsking = false
  #isClosing = false
  #isResting = false
  #timer: NodeJS.Timeout | undefined
  /** When it ends, once the server has shown by an answer that it is there. */
  #expiryOnceAnswered: number | undefined

  constructor(server: LdapServer, settings: ConnectionSettings, socket: Socket) {
    this.server = server.url
    this.#settings = settings
    this.#socket = new MessageSocket(socket, (fault) => this.#failSocket(fault))
    this.#client = new Client({
      // By then the connection is there, and secure where it has to be: ldapts sees neither.
      url: 'ldap://directory.invalid',
      timeout: settings.deadlines.operation,
      connectTimeout: settings.deadlines.connect,
      createConnection: this.#handOver(),
    })
    this.ended = new Promise((resolve) => {
      this.#socket.once('close', () => {
        clearTimeout(this.#timer)
        resolve(this.#isServerToBlame ? this.#failure : undefined)
      })
    })
  }

  /** Nothing has gone wrong, and no answer is outstanding. */
  get isInOrder(): boolean {
    return !this.#isClosing && !this.#isAsking && this.#failure === undefined
  }

  /** Nobody asks it anything until {@link wakeUntil}: that it ends meanwhile is no failure. */
  restUntil(expiry: number): void {
    this.#isResting = true
    this.expireAt(expiry)
  }

  /**
   * @param firstAnswer performance.now() at which it ends where the server has answered nothing by then
   * @param expiry when it ends otherwise
   */
  wakeUntil(firstAnswer: number, expiry: number): void {
    this.#isResting = false
    this.#begunAt = performance.now()
    this.#answers = 0
    this.#quickestAnswer = Number.POSITIVE_INFINITY
    this.#expiryOnceAnswered = expiry
    this.expireAt(Math.min(firstAnswer, expiry))
  }

  /** @param expiry performance.now() at which the connection ends, whatever it is doing */
  expireAt(expiry: number): void {
    clearTimeout(this.#timer)
    if (this.#isClosing || this.#failure !== undefined) return
    const expire = (): void => {
      // Where nothing was asked, it is not the server that took so long.
      if (this.#isAsking) this.#failLate()
      else if (this.#isResting) this.#leave()
      else void this.close()
    }
    this.#timer = setTimeout(expire, Math.max(1, expiry - performance.now()))
  }

  async bind(dn: string, password: Password): Promise<BindRefusal | undefined> {
    // RFC 4513 §5.1.2: a bind without a password is anonymous and succeeds; servers in C see none before a NUL.
    if (/^(?:\0|$)/.test(password.reveal())) {
      return { code: 49, diagnostic: 'an empty password is never sent', policy: undefined }
    }
    // ldapts takes EXTERNAL, PLAIN and others for the name of a SASL mechanism.
    if (!/[=@\\]/.test(dn)) throw new TypeError('a bind name is a DN, user@domain or DOMAIN\\user')
    // Active Directory says it in the diagnostic text, and does not know the control.
    const control = new PasswordPolicyControl()
    const controls = this.#settings.accountState === 'openldap' ? [control] : []
    this.#socket.expect([bindResponse])
    const { result } = await this.#ask('the bind', () =>
      this.#client.bind(dn, password.reveal(), controls),
    )
    const refusal = { ...result, policy: control.error }
    // The password is good for nothing but a change of it.
    if (result.code === success) return control.error === 'must_change' ? refusal : undefined
    if (refusals.includes(result.code)) return refusal
    throw await this.#refuse('the bind', result, keysOfBind[result.code])
  }

  async search(search: DirectorySearch): Promise<DirectoryEntries> {
    const { base, scope, attributes, limit } = search
    const filter = readFilter(search.filter)
    // One more than wanted: with 1 nobody could tell "this one" from "this one of several".
    const sizeLimit = Math.max(2, limit + 1)
    this.#socket.expect([searchResultEntry, searchResultReference, searchResultDone], sizeLimit)
    const { result, value } = await this.#ask('the search', () =>
      this.#client.search(base, {
        scope,
        filter,
        attributes: [...attributes],
        explicitBufferAttributes: new EveryAttribute(),
        sizeLimit,
        timeLimit: Math.ceil(this.#settings.deadlines.operation / 1000),
      }),
    )
    if (result.code !== success && result.code !== sizeLimitExceeded) {
      throw await this.#refuse('the search', result, keysOfSearch[result.code])
    }
    const entries = value?.searchEntries ?? []
    // An attribute of the name `dn` would stand in the place of the entry's own.
    if (!entries.every(({ dn }) => typeof dn === 'string')) {
      throw this.#fail('sent an entry with an attribute that is called dn')
    }
    return {
      entries: entries.slice(0, limit).map(readEntry),
      isTruncated: entries.length > limit || result.code === sizeLimitExceeded,
    }
  }

  async close(): Promise<void> {
    if (this.isInOrder) {
      this.#isClosing = true
      await this.#client.unbind().catch(() => undefined)
    }
    this.#end()
    await this.ended
  }

  /** At once: its slot is somebody else's already. The unbind goes out before the end does. */
  #leave(): void {
    void this.#client.unbind().catch(() => undefined)
    this.#end()
  }

  #end(): void {
    this.#isClosing = true
    this.#socket.destroy()
  }

  /** The connection, once: whoever wants another one wants what nobody has secured. */
  #handOver(): () => Socket {
    let isTaken = false
    return () => {
      if (isTaken) throw new Error('a lost connection is not opened again')
      isTaken = true
      return this.#socket as unknown as Socket
    }
  }

  /** @throws DirectoryFailure where no answer came; any result code is an answer */
  async #ask<Value>(
    what: string,
    send: () => Promise<Value>,
  ): Promise<{ readonly result: LdapResult; readonly value: Value | undefined }> {
    if (this.#isAsking) throw new TypeError('a session answers one question at a time')
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isClosing) throw this.#failureOf('connection', `was too late for ${what}`)
    this.#isAsking = true
    this.#askedAt = performance.now()
    try {
      const value = await send()
      const { result } = this.#socket
      if (result === undefined) throw new TypeError(`${what} ended without a result`)
      return { result, value }
    } catch (error) {
      const { result } = this.#socket
      // ldapts throws for most result codes; which of them are failures is for us to say.
      if (result !== undefined && result.code !== success) return { result, value: undefined }
      // Whatever happens to the socket has been told to #fail before.
      throw this.#fail(`did not answer ${what} within ${this.#settings.deadlines.operation} ms`, {
        cause: error,
      })
    } finally {
      this.#isAsking = false
      this.#answers += 1
      this.#quickestAnswer = Math.min(this.#quickestAnswer, performance.now() - this.#askedAt)
      if (this.#expiryOnceAnswered !== undefined) this.expireAt(this.#expiryOnceAnswered)
      this.#expiryOnceAnswered = undefined
    }
  }

  /** What to throw for a result code that is not an answer; the connection is closed. */
  async #refuse(
    what: string,
    { code, diagnostic }: LdapResult,
    keys: readonly string[] = [],
  ): Promise<DirectoryFailure> {
    const hint = hints[code] === undefined ? '' : ` (${hints[code]})`
    const said = `answered ${what} with result code ${code}${hint}: ${diagnostic || 'no reason given'}`
    const isTrouble = serverTroubles.includes(code)
    const failure = isTrouble ? this.#fail(said) : this.#failureOf('configuration', said, { keys })
    await this.close()
    return failure
  }

  #failSocket({ what, keys = [], isTooLarge = false }: SocketFault): void {
    if (isTooLarge) this.#failWell('too_large', `${what}; ${remedyOfSize}`, keysOfSize)
    else this.#fail(what, { keys })
  }

  /**
   * A server that hangs leaves one question open for most of the time, and one that is slow is slow with the
   * simplest of them, such as the bind of the account that searches. Otherwise it was asked too much.
   */
  #failLate(): void {
    const now = performance.now()
    const time = now - this.#begunAt
    const isHanging = 2 * (now - this.#askedAt) >= time
    const isSlow = questionsOfLogin * this.#quickestAnswer >= time
    if (isHanging || isSlow) this.#fail('did not answer within the time of a login')
    else {
      const what = `answered ${this.#answers} questions within the time of a login, which asks more; ${remedyOfTime}`
      this.#failWell('connection', what, keysOfTime)
    }
  }

  /** As {@link #fail}, and the server's health is not judged by it. */
  #failWell(kind: DirectoryFailure['kind'], what: string, keys: readonly string[]): void {
    if (this.#failure === undefined) this.#isServerToBlame = false
    this.#fail(what, { kind, keys })
  }

  /** Ends the connection, for the first reason that is given. */
  #fail(
    what: string,
    { kind = 'connection', ...options }: FailureOptions & { kind?: DirectoryFailure['kind'] } = {},
  ): DirectoryFailure {
    const failure = this.#failure ?? this.#failureOf(kind, what, options)
    // Once we close it, or while nobody wants it, its end is no failure.
    if (!this.#isClosing && !this.#isResting) this.#failure = failure
    this.#socket.destroy()
    return failure
  }

  #failureOf(kind: DirectoryFailure['kind'], what: string, options?: FailureOptions) {
    return new DirectoryFailure(kind, `${this.server} ${what}`, options)
  }
}

/** @throws DirectoryFailure configuration */
function readFilter(filter: string | Filter): Filter {
  if (typeof filter !== 'string') return filter
  try {
    return FilterParser.parseString(filter)
  } catch (error) {
    const message = `${diagnosticText(filter)} is not a filter as RFC 4515 writes them`
    throw new DirectoryFailure('configuration', message, { cause: error })
  }
}

/** The list of the attributes whose values come as bytes: ldapts asks whether a name is in it. */
class EveryAttribute extends Array<string> {
  override includes(): boolean {
    return true
  }
}

/** ldapts gives one value as itself, several as a list, and names as the server spells them. */
function readEntry({ dn, ...attributes }: Entry): DirectoryEntry {
  const bytes = new Map<string, readonly Buffer[]>()
  for (const [name, values] of Object.entries(attributes)) {
    bytes.set(name.toLowerCase(), [values].flat() as Buffer[])
  }
  const bytesOf = (attribute: string) => bytes.get(attribute.toLowerCase()) ?? []
  return {
    dn,
    bytes: bytesOf,
    values: (attribute) => bytesOf(attribute).map((value) => value.toString('utf8')),
    isCut: (attribute) => {
      // `memberOf;range=0-1499` stands beside a `memberOf` without values.
      const beginning = `${attribute.toLowerCase()};range=`
      return [...bytes.keys()].some((name) => name.startsWith(beginning))
    },
  }
}

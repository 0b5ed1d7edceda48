/** What ldapts gets for a socket: a connection that is open, and lets only whole, well-formed answers through. */

import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { brokenConnection } from './connection-failure.ts'
import {
  extendedResponse,
  type LdapMessage,
  type LdapResult,
  MessageFault,
  MessageReader,
  searchResultEntry,
} from './ldap-message.ts'

/**
 * It tells ldapts two things only: `data`, one message at a time, and `close`. Why a connection ended is
 * told to `onFault`, because ldapts would keep nothing but the text of it.
 */
export class MessageSocket extends EventEmitter {
  // ldapts waits for no `connect` where it sees these.
  readonly connecting = false
  readonly readyState = 'open'
  /** How the last request ended; undefined while it has not. */
  result: LdapResult | undefined
  readonly #socket: Socket
  readonly #onFault: (what: string, keys?: readonly string[]) => void
  readonly #reader = new MessageReader()
  #expected: readonly number[] = []
  #entriesLeft = 0

  /**
   * @param onFault `what` completes "the server …", `keys` are those of a DirectoryFailure; may come after
   *   `destroy`, and more than once
   */
  constructor(socket: Socket, onFault: (what: string, keys?: readonly string[]) => void) {
    super()
    this.#socket = socket
    this.#onFault = onFault
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error: Error) => {
      const { what, keys } = brokenConnection(error)
      onFault(what, keys)
    })
    socket.once('close', () => {
      onFault('closed the connection')
      this.emit('close')
    })
  }

  /**
   * Before each request; the bounds of an answer's size begin anew.
   *
   * @param operations which answers may come
   * @param entries how many are passed on; a server that sends more has not kept the limit of the search
   */
  expect(operations: readonly number[], entries = 0): void {
    this.result = undefined
    this.#expected = operations
    this.#entriesLeft = entries
    this.#reader.startAnswer()
  }

  write(bytes: Buffer, whenSent: () => void): void {
    this.#socket.write(bytes, whenSent)
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#socket.destroyed) return
    try {
      for (const message of this.#reader.read(chunk)) this.#take(message)
    } catch (error) {
      if (!(error instanceof MessageFault)) throw error
      this.#onFault(`sent ${error.message}`)
      this.destroy()
    }
  }

  #take({ bytes, id, operation, result }: LdapMessage): void {
    // RFC 4511 §4.4.1, the notice of disconnection, is the one message that nobody asks for.
    if (id === 0 && operation === extendedResponse) {
      this.#onFault(`ended the connection: ${result?.diagnostic} (result code ${result?.code})`)
      this.destroy()
      return
    }
    if (this.result !== undefined || !this.#expected.includes(operation)) {
      throw new MessageFault('an answer that nobody asked for')
    }
    this.result = result
    if (operation === searchResultEntry) {
      if (this.#entriesLeft === 0) return
      this.#entriesLeft -= 1
    }
    this.emit('data', bytes)
  }
}

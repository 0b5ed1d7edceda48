/** What ldapts gets for a socket: a connection that is open, and lets only whole, well-formed answers through. */

import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { brokenConnection } from './connection-failure.ts'
import {
  AnswerTooLarge,
  extendedResponse,
  type LdapMessage,
  type LdapResult,
  MessageFault,
  MessageReader,
  searchResultEntry,
} from './ldap-message.ts'

/** Why a connection ended. */
export interface SocketFault {
  /** Completes "the server …". */
  readonly what: string
  /** Those of a DirectoryFailure. */
  readonly keys?: readonly string[]
  /** It has kept to what was asked, and what it holds is more than is read. */
  readonly isTooLarge?: boolean
}

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
  readonly #onFault: (fault: SocketFault) => void
  readonly #reader = new MessageReader()
  #expected: readonly number[] = []
  #entriesLeft = 0

  /** @param onFault may come after `destroy`, and more than once */
  constructor(socket: Socket, onFault: (fault: SocketFault) => void) {
    super()
    this.#socket = socket
    this.#onFault = onFault
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error: Error) => onFault(brokenConnection(error)))
    socket.once('close', () => {
      onFault({ what: 'closed the connection' })
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
      // Of a bind there is no entry, and who sends more of them than the search allows is not well.
      const isTooLarge = error instanceof AnswerTooLarge && this.#entriesLeft > 0
      this.#onFault({ what: `sent ${error.message}`, isTooLarge })
      this.destroy()
    }
  }

  #take({ bytes, id, operation, result }: LdapMessage): void {
    // RFC 4511 §4.4.1, the notice of disconnection, is the one message that nobody asks for.
    if (id === 0 && operation === extendedResponse) {
      const what = `ended the connection: ${result?.diagnostic} (result code ${result?.code})`
      this.#onFault({ what })
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

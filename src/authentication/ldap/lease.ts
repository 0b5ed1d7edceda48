/** A connection for the time of one login. */

import type { Password } from '../../protocol/credentials.ts'
import type { Connection } from './connection.ts'
import type {
  BindRefusal,
  DirectoryEntries,
  DirectoryFailure,
  DirectorySearch,
  DirectorySession,
} from './directory-session.ts'

export class Lease implements DirectorySession {
  readonly server: string
  /** Settles with what the server did wrong until then, if anything; never rejects. */
  readonly ended: Promise<DirectoryFailure | undefined>
  readonly #connection: Connection
  readonly #giveBack: (connection: Connection) => Promise<void>
  #end: (failure: DirectoryFailure | undefined) => void = () => {}
  #isOver = false

  /** @param giveBack gets the connection when the lease is closed; ends it or keeps it */
  constructor(connection: Connection, giveBack: (connection: Connection) => Promise<void>) {
    this.server = connection.server
    this.#connection = connection
    this.#giveBack = giveBack
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    void connection.ended.then((failure) => this.#end(failure))
  }

  async bind(dn: string, password: Password): Promise<BindRefusal | undefined> {
    return await this.#leased().bind(dn, password)
  }

  async search(search: DirectorySearch): Promise<DirectoryEntries> {
    return await this.#leased().search(search)
  }

  async close(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    await this.#giveBack(this.#connection)
    this.#end(undefined)
  }

  /** @throws TypeError once it is closed: the connection may be somebody else's by then */
  #leased(): Connection {
    if (this.#isOver) throw new TypeError('a session that was closed is asked no more')
    return this.#connection
  }
}

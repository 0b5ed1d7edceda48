/** Connections to one server that a login has left in order, for the next login of the same moment. */

import type { Connection } from './connection.ts'

/** Milliseconds: long enough for the next of many, too short for a firewall to forget them. */
const defaultIdleTime = 250
/** Milliseconds: for so long a certificate that was renewed or has expired since is not looked at again. */
const longestLife = 10_000

/**
 * A TLS handshake costs both sides more than all the questions of a login. What is kept is the secured
 * connection alone, and no identity: whoever takes it begins with a bind of their own.
 */
export class IdleConnections {
  readonly #idleTime: number
  #resting: readonly Connection[] = []

  /** @param idleTime milliseconds for which a connection rests */
  constructor(idleTime = defaultIdleTime) {
    this.#idleTime = idleTime
  }

  /** The one that has rested the shortest. */
  take(): Connection | undefined {
    const connection = this.#resting.findLast(({ isInOrder }) => isInOrder)
    this.#resting = this.#resting.filter((other) => other !== connection)
    return connection
  }

  /** Keeps the connection for a moment, or closes it. */
  async put(connection: Connection): Promise<void> {
    if (!connection.isInOrder || performance.now() - connection.openedAt > longestLife) {
      await connection.close()
      return
    }
    this.#resting = [...this.#resting, connection]
    connection.restUntil(performance.now() + this.#idleTime)
    void connection.ended.then(() => {
      this.#resting = this.#resting.filter((other) => other !== connection)
    })
  }

  close(): void {
    for (const connection of this.#resting) void connection.close()
  }
}

/**
 * The seam between the protocol and the login: one connection to one server, for one login. `connection.ts`
 * implements it over ldapts; who reads entries and groups sees nothing of sockets and messages.
 */

import type { Filter } from 'ldapts'
import type { Health } from '../../health.ts'
import type { Password } from '../../protocol/credentials.ts'

/** A directory's entry. Attributes go by any case of their name; one that is absent has no values. */
export interface DirectoryEntry {
  readonly dn: string
  /** Every value as text; bytes that are not UTF-8 are lost. */
  values(attribute: string): readonly string[]
  /** Every value as it came. */
  bytes(attribute: string): readonly Buffer[]
  /** There are more values than the server gives at once (MS-ADTS §3.1.1.3.1.3.3). */
  isCut(attribute: string): boolean
}

export interface DirectorySearch {
  readonly base: string
  readonly scope: 'base' | 'one' | 'sub'
  readonly filter: string | Filter
  readonly attributes: readonly string[]
  /** How many entries at most; one more is `isTruncated`. */
  readonly limit: number
}

export interface DirectoryEntries {
  readonly entries: readonly DirectoryEntry[]
  /** There are more than were asked for. */
  readonly isTruncated: boolean
}

/** A result code of RFC 4511 that is not success, with the server's text, free of control characters. */
export interface BindRefusal {
  readonly code: number
  readonly diagnostic: string
  /**
   * What the directory's password policy says beside it, where `accountState` is `openldap`. With `expired`
   * the password was right. `must_change` may come with code 0: good for nothing but a change of the password.
   */
  readonly policy?: PasswordPolicyError | undefined
}

export type PasswordPolicyError = 'expired' | 'locked' | 'must_change'

/** Every method throws {@link DirectoryFailure}; after a throw the session is of no more use. */
export interface DirectorySession {
  /** The server's URL as configured. */
  readonly server: string
  /**
   * A simple bind. An empty password never reaches the server (RFC 4513 §5.1.2).
   *
   * @param dn a DN, user@domain or DOMAIN\\user
   * @returns undefined where it succeeded; result codes 49, 19, 48 and 53 are an answer, others throw
   */
  bind(dn: string, password: Password): Promise<BindRefusal | undefined>
  /** No such base (32) throws as `configuration`. */
  search(search: DirectorySearch): Promise<DirectoryEntries>
  /** Ends the session, and nothing can be asked of it any more; never throws, may be called again. */
  close(): Promise<void>
}

/**
 * Why a directory could not answer. `message` is for the operator: server, step, what happened, what to do;
 * never a password.
 */
export class DirectoryFailure extends Error {
  /**
   * `connection`: this server does not answer, another one may. `configuration`: it answered, and no other
   * server of the same settings would answer better. `busy`: we ask too much already. `too_large`: it has
   * more of this one person than is read, and answers for others.
   */
  readonly kind: 'connection' | 'configuration' | 'busy' | 'too_large'
  /**
   * The keys of the `ldap` entry that may have to change, the likeliest first: `tls.ca_file`. Empty where no
   * key is better than another.
   */
  readonly keys: readonly string[]

  constructor(
    kind: DirectoryFailure['kind'],
    message: string,
    options?: ErrorOptions & { readonly keys?: readonly string[] },
  ) {
    super(message, options)
    this.name = 'DirectoryFailure'
    this.kind = kind
    this.keys = options?.keys ?? []
  }
}

/** All servers of one directory: failover, breakers, and how many connections there may be. */
export interface DirectoryServers {
  /**
   * Runs `work` on a fresh connection to the first server that answers, and on the next one from its
   * beginning where that fails with `connection`; so `work` must be safe to repeat, and never binds as a
   * person.
   *
   * @returns what it returned, and the session, still open: whoever called closes it
   * @throws DirectoryFailure
   */
  open<Result>(
    work: (session: DirectorySession) => Promise<Result>,
  ): Promise<{ readonly session: DirectorySession; readonly result: Result }>
  /** Not ok: some server did not answer the last time that it was asked. */
  status(): Health
  /** Ends what nobody uses at the moment. */
  close(): void
}

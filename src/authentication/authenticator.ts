/**
 * The seam of every source of credentials: who is it? A backend implements {@link Authenticator};
 * nothing outside its own folder and `app.ts` knows which one it is.
 */

import type { Credentials } from '../protocol/credentials.ts'

/** Who authenticated, as the backend's own record names them, never as they were typed. */
export interface Subject {
  /** Stable for the person's life in this backend: a deleted and re-created name is another subject. */
  readonly id: string
  /** The token's `sub`. */
  readonly name: string
  readonly kind: 'user' | 'robot'
  readonly groups: readonly string[]
  /** The backend that accepted the credentials. */
  readonly backend: string
}

export type Verdict =
  | { readonly kind: 'accepted'; readonly subject: Subject }
  /** This backend owns the name, and the answer is no. `reason` is for the operator's log. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly backend: string }
  /** This backend has never heard of the name. */
  | { readonly kind: 'unknown' }

export interface Authenticator {
  /** The backend's name: what logs and `Subject.backend` call it. */
  readonly name: string

  /**
   * A "no" is a verdict. A throw means that the backend could not answer (503): never "no", and
   * never "ask the next one".
   */
  authenticate(credentials: Credentials): Promise<Verdict>
}

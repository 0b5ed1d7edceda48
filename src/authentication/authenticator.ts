/**
 * The seam of every source of credentials: who is it? A backend implements {@link Authenticator};
 * nothing outside its own folder and `app.ts` knows which one it is.
 *
 * It is asked in two steps, so that what stands between them is done once, for every backend, and
 * cannot be forgotten by one: the limits of how often a password may be tried, which go by the person
 * and not by the name as it was typed.
 */

import type { Password } from '../protocol/credentials.ts'

/** A group of a subject. */
export interface Group {
  /** As rules name it. */
  readonly name: string
  /** Where it came from, for whoever asks why: `accounts`, or the DN and the way to it. */
  readonly origin: string
}

/** Who authenticated, as the backend's own record names them, never as they were typed. */
export interface Subject {
  /** Stable for the person's life in this backend: a deleted and re-created name is another subject. */
  readonly id: string
  /** The token's `sub`. */
  readonly name: string
  readonly kind: 'user' | 'robot'
  readonly groups: readonly Group[]
  /** By names that other groups bear too: they give the subject nothing, and still take from it. */
  readonly doubtfulGroups?: readonly Group[]
  /** The backend that accepted the credentials. */
  readonly backend: string
}

export interface Accepted {
  readonly kind: 'accepted'
  readonly subject: Subject
  /** Answered from memory: a directory has not heard of it, and has forgotten none of the failures before. */
  readonly isRemembered?: true
}

/** This backend owns the name, and the answer is no. */
export interface Rejected {
  readonly kind: 'rejected'
  /** For the operator's log. */
  readonly reason: string
  readonly backend: string
  /** Whether it was the password: a guess, which counts, unlike a disabled account. */
  readonly isWrongPassword: boolean
  /**
   * A sentence for the person. Only where the password has been seen to be right, so that it tells a
   * guesser nothing: "your password has expired".
   */
  readonly tell?: string
}

export type Verdict =
  | Accepted
  | Rejected
  /** No backend has ever heard of the name. */
  | { readonly kind: 'unknown' }

/** Somebody whom a backend knows by the name that was typed, before any password is looked at. */
export interface Candidate {
  /** The person within this backend, the same for every spelling of the name: what limits go by. */
  readonly account: string
  /** Another one whenever the password has changed, as far as the backend can see that. */
  readonly passwordStamp: string
  /** A "no" is a verdict. A throw means that the backend could not answer (503). */
  verify(password: Password): Promise<Accepted | Rejected>
  /** Gives back what finding took, such as a connection; may be called again. A later `verify` takes it anew. */
  release(): Promise<void>
}

export interface Authenticator {
  /** The backend's name: what logs and `Subject.backend` call it. */
  readonly name: string
  /** Somebody else checks the passwords: a refusal has cost this process no work. */
  readonly isElsewhere?: true

  /**
   * @param username as typed
   * @returns undefined where this backend has never heard of the name
   * @throws where it could not answer (503): never "no", and never "ask the next one"
   */
  find(username: string): Promise<Candidate | undefined>

  /** Every name that it knows, where it can tell. */
  names?(): Promise<readonly string[]>

  /** Which of these names it knows. */
  knows(names: readonly string[]): Promise<readonly string[]>
}

/** The seam of what limits how often passwords may be tried. The chain asks it; `throttle/` implements it. */

import type { Password } from '../protocol/credentials.ts'
import type { Verdict } from './authenticator.ts'

/** Who knocks, before it is known whose name it is. */
export interface LoginSource {
  /** The client's IP address. */
  readonly address: string
  /** As typed. */
  readonly username: string
}

export interface LoginAttempt extends LoginSource {
  /** The backend and the person within it; undefined where no backend knows the name. */
  readonly account: string | undefined
  readonly password: Password
  /** See {@link Candidate.passwordStamp}; empty where no backend knows the name. */
  readonly passwordStamp: string
}

export interface LoginLimits {
  /**
   * Asked before any backend is, so that a flood costs no directory anything.
   *
   * @throws AppError too_many_requests
   */
  admit(source: LoginSource): void

  /**
   * Checks the password, where the limits allow it now.
   *
   * @param onWait called before the check has to wait for its turn
   * @throws AppError too_many_requests, where it was not checked; and whatever the check throws
   */
  attempt(
    attempt: LoginAttempt,
    check: () => Promise<Verdict>,
    onWait: () => Promise<void>,
  ): Promise<Verdict>
}

/** Runs in a worker thread: every password hash that is computed is computed here. */

import { platform, setPriority } from 'node:os'
import bcrypt from 'bcryptjs'
import { type HashKind, readPasswordHash } from './password-hash.ts'
import { schemes } from './scheme.ts'

export interface Verification {
  readonly password: string
  /** undefined: nobody has this name, only the work of a refusal is wanted. */
  readonly storedHash: string | undefined
  /** The work of a refusal: one verification of each kind, at this effort. */
  readonly refusal: ReadonlyMap<HashKind, number>
}

// Logins must not take the CPU from the event loop, which answers everybody else. Measured with 32
// busy connections and a flood of cost-12 logins on 2 cores: twice the answers and a p99 of 6 ms
// instead of 25 ms, for a third fewer logins. On Linux a priority belongs to the thread; elsewhere
// this would slow down the whole process.
if (platform() === 'linux') {
  try {
    setPriority(5)
  } catch {
    // A sandbox may forbid the system call. It is a courtesy: without it logins are as right as with it.
  }
}

/** True where the password fits the hash. Where it does not, the rest of a refusal's work is done first. */
export function verify({ password, storedHash, refusal }: Verification): boolean {
  const own = storedHash === undefined ? undefined : readPasswordHash(storedHash)
  const isUsable = own !== undefined && own.kind !== 'unusable'
  if (isUsable && storedHash !== undefined && schemes[own.kind].matches(password, storedHash)) {
    return true
  }
  for (const [kind, whole] of refusal) {
    schemes[kind].spend(password, isUsable && own.kind === kind ? own.effort : 0, whole)
  }
  return false
}

export function hash({ password, cost }: { password: string; cost: number }): string {
  return bcrypt.hashSync(password, cost)
}

/** A login at one backend, without what stands around it. */

import type { Authenticator, Verdict } from '../../src/authentication/authenticator.ts'
import type { LoginLimits } from '../../src/authentication/login-limits.ts'
import { Password } from '../../src/protocol/credentials.ts'

export async function login(
  backend: Authenticator,
  username: string,
  password: string,
): Promise<Verdict> {
  const candidate = await backend.find(username)
  if (candidate === undefined) return { kind: 'unknown' }
  try {
    return await candidate.verify(new Password(password))
  } finally {
    await candidate.release()
  }
}

export const noLimits: LoginLimits = { admit() {}, attempt: (_attempt, check) => check() }

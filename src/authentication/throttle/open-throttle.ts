/** From the limits of the directories that there are to a throttle that keeps all of them. */

import { isDeepStrictEqual } from 'node:util'
import type { FailedBinds } from './directory-accounts.ts'
import { Throttle, type ThrottleOptions } from './throttle.ts'

/**
 * What it knows, it finds in the store.
 *
 * @param directories the limits of each; none: there is no directory
 * @param before the one in use, which is kept where nothing changes for it, and else closed
 */
export async function openThrottle(
  directories: readonly FailedBinds[],
  parts: Omit<ThrottleOptions, 'failedBinds'>,
  before?: Throttle,
): Promise<Throttle> {
  const failedBinds = directories.length === 0 ? undefined : strictest(directories)
  if (before !== undefined && isDeepStrictEqual(before.failedBinds, failedBinds)) return before
  await before?.close()
  const throttle = new Throttle({ ...parts, failedBinds })
  await throttle.load()
  return throttle
}

/** Of several directories nobody is to be locked in any. */
function strictest(all: readonly FailedBinds[]): FailedBinds {
  return {
    max: Math.min(...all.map(({ max }) => max)),
    window: Math.max(...all.map(({ window }) => window)),
  }
}

/** Which names two backends know: the first of them decides, and whoever set it up should hear of it. */

import type { Authenticator } from './authenticator.ts'

export interface SharedNames {
  /** The backend that decides about these names. */
  readonly owner: string
  /** The backend that is never asked for them. */
  readonly other: string
  readonly names: readonly string[]
}

/** A directory is asked for each of them, so not for more. */
const maximumAsked = 1_000

/**
 * Compares every two backends of which one at least can list its names; of two directories nobody
 * can say it.
 *
 * @param backends in the order in which they are asked
 * @throws where a backend could not answer
 */
export async function findSharedNames(
  backends: readonly Authenticator[],
): Promise<readonly SharedNames[]> {
  const found: SharedNames[] = []
  for (const [index, other] of backends.entries()) {
    for (const owner of backends.slice(0, index)) {
      const [listing, asked] = other.names === undefined ? [owner, other] : [other, owner]
      const listed = (await listing.names?.()) ?? []
      const names = await asked.knows(listed.slice(0, maximumAsked))
      if (names.length > 0) found.push({ owner: owner.name, other: other.name, names })
    }
  }
  return found
}

/** The seam of the two ways in which the tries at one account are limited. */

import type { Fall } from './fall.ts'
import type { Budget, Levels } from './levels.ts'

/** An account, by its digest, and the network from which it is tried. */
export interface Try {
  readonly account: string
  readonly network: string
  /** This account has logged in from this network before. */
  readonly isKnown: boolean
}

export interface AccountLimits {
  /** What a check has to fit into, all of it. */
  budgets(attempt: Try): readonly Budget[]
  /** It found no room, and was told to come later. */
  turnedAway(attempt: Try): void
  failed(attempt: Try): void
}

/** Makes the levels of one kind, which are kept under that name over a restart. */
export type OpenLevels = (kind: string, fall: Fall, top: number) => Levels

/**
 * fast-check, which draws the same values in every run: what fails was broken by the change at hand, and
 * not by the luck of the draw. `DOCKWARDEN_TEST_SEED=random` draws others, any number repeats a run.
 */

import { randomInt } from 'node:crypto'
import fc from 'fast-check'

const wanted = process.env['DOCKWARDEN_TEST_SEED'] ?? '20261121'

export const seed = wanted === 'random' ? randomInt(2 ** 31) : Number(wanted)
if (!Number.isInteger(seed))
  throw new TypeError('DOCKWARDEN_TEST_SEED must be a whole number, or the word random')
// fast-check prints its seed only where it fails.
fc.configureGlobal({ seed })

export { fc }

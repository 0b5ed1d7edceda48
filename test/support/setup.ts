/** Runs before every test file (vitest's `setupFiles`): whatever the file leaves behind is cleared. */

import { afterAll } from 'vitest'
import { runAtEnd } from './at-end.ts'

afterAll(runAtEnd)

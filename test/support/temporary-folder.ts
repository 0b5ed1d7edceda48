/** Folders that are removed when the test file ends. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'

/** An empty folder, absolute path, readable by its owner only. */
export function temporaryFolder(name = 'test'): string {
  // Lower case only, unlike mkdtemp: podman takes a path for an image name.
  const folder = join(tmpdir(), `dockwarden-${name}-${randomBytes(6).toString('hex')}`)
  mkdirSync(folder, { mode: 0o700 })
  atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

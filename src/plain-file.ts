/**
 * Reads files that somebody names, where they are files: opening a pipe waits for whoever writes into
 * it, and a device may never end.
 */

import { readFileSync, type Stats, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** @throws as readFile does, and with the code `ENOTFILE` for a pipe or a device */
export async function readPlainFile(path: string): Promise<Buffer> {
  assertPlain(await stat(path))
  return await readFile(path)
}

/** As {@link readPlainFile}. It holds up everything else. */
export function readPlainFileNow(path: string): Buffer {
  assertPlain(statSync(path))
  return readFileSync(path)
}

/** A folder passes: that it is one, whoever opens it is told. */
export function assertPlain(stats: Stats): void {
  if (stats.isFile() || stats.isDirectory()) return
  throw Object.assign(new Error('it is a pipe or a device'), { code: 'ENOTFILE' })
}

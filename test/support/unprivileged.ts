/** Servers that need no rights: under root they run as `nobody`, who owns their folder. */

import { chownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const isRoot = process.getuid?.() === 0
/** Debian's `nobody` and `nogroup`. */
const nobody = 65534

/** The program and its arguments, as `run` and `startProcess` take them. */
export function unprivileged(
  program: string,
  args: readonly string[],
): [string, readonly string[]] {
  if (!isRoot) return [program, args]
  const identity = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  return ['setpriv', [...identity, program, ...args]]
}

/** Makes a folder, with everything in it, that of a program run `unprivileged`. */
export function handOver(folder: string): void {
  if (!isRoot) return
  const inside = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const path of ['', ...inside]) chownSync(join(folder, path), nobody, nobody)
}

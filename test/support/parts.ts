/** The real programs that tests run against: where each one is, and what happens when it is missing. */

import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe } from 'vitest'

/** Name of a part → the program's file names. */
const PROGRAMS = {
  'registry 2': ['docker-registry'],
  'registry 3': ['registry'],
  nginx: ['nginx'],
  skopeo: ['skopeo'],
  podman: ['podman'],
  crane: ['crane'],
  docker: ['docker'],
  dockerd: ['dockerd'],
  curl: ['curl'],
  openssl: ['openssl'],
  htpasswd: ['htpasswd'],
  envsubst: ['envsubst'],
  'systemd-analyze': ['systemd-analyze'],
  script: ['script'],
  slapd: ['slapd'],
  ldapsearch: ['ldapsearch'],
  ldapmodify: ['ldapmodify'],
  samba: ['samba'],
  'samba-tool': ['samba-tool'],
  'ns-slapd': ['ns-slapd'],
  certutil: ['certutil'],
  pk12util: ['pk12util'],
} as const satisfies Record<string, readonly string[]>

export type Part = keyof typeof PROGRAMS

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')

/** What scripts/test.mjs builds itself goes here. */
const builtParts = join(cache, 'dockwarden', 'parts', 'bin')

// The distribution's folders come before PATH: `docker` in /usr/local/bin is often only a client.
const folders = [
  builtParts,
  '/usr/bin',
  '/usr/sbin',
  ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
]

/** The path of a part's program, or undefined where this machine has none. */
export function findPart(part: Part): string | undefined {
  for (const folder of folders)
    for (const name of PROGRAMS[part]) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // Not here: look in the next folder.
      }
    }
  return undefined
}

/** The path of a part's program. @throws where it is missing */
export function requirePart(part: Part): string {
  const path = findPart(part)
  if (path === undefined) throw new Error(`${part} is not installed; \`npm test\` installs it`)
  return path
}

/** A `describe` that needs real parts. Where one is missing, as `describeUnless`. */
export function describeWithParts(name: string, parts: readonly Part[], body: () => void): void {
  describeUnless(missingParts(parts), name, body)
}

/** A `describe` that needs real parts which only root can run. */
export function describeAsRoot(name: string, parts: readonly Part[], body: () => void): void {
  const isRoot = process.getuid?.() === 0
  describeUnless(isRoot ? missingParts(parts) : 'needs root', name, body)
}

/**
 * A `describe` whose tests cannot run where there is an obstacle: they are skipped and that is said
 * aloud; with CI=true an obstacle is a failure.
 */
export function describeUnless(obstacle: string | undefined, name: string, body: () => void): void {
  if (obstacle === undefined) return void describe(name, body)
  if (process.env['CI'] === 'true') throw new Error(`${name}: ${obstacle}`)
  console.warn(`SKIPPED ${name}: ${obstacle}`)
  describe.skip(`${name} (${obstacle})`, body)
}

function missingParts(parts: readonly Part[]): string | undefined {
  const missing = parts.filter((part) => findPart(part) === undefined)
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

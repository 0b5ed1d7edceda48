/** Where keys and rules of the file stand, kept for faults that show only once the configuration is used. */

import { formatKeyPath, type KeyPath } from './config-error.ts'

/** Key, as in `authentication[0].ldap.tls.ca_file` → `dockwarden.yml:12`. */
export type Origins = Readonly<Record<string, string>>

/** Of this section and of every key in it. @param originOf the file and line of a path */
export function originsBelow(
  path: KeyPath,
  value: unknown,
  originOf: (path: KeyPath) => string,
): Origins {
  const origins: Record<string, string> = { [formatKeyPath(path)]: originOf(path) }
  if (typeof value === 'object' && value !== null) {
    for (const [step, each] of Object.entries(value)) {
      const next = [...path, Array.isArray(value) ? Number(step) : step]
      Object.assign(origins, originsBelow(next, each, originOf))
    }
  }
  return origins
}

/**
 * The line to change: that of the first of these keys that the file has, or else that of the nearest
 * section where the first one is missing.
 *
 * @param section one that the file has, and that the keys are within
 * @param keys at least one
 */
export function findOrigin(
  origins: Origins,
  section: string,
  keys: readonly string[],
): { readonly key: string; readonly origin: string | undefined } {
  const all = keys.map((key) => `${section}.${key}`)
  for (const key of all) {
    // A list of one may be written without brackets.
    const written = [key, key.replace(/\[\d+\]$/, '')].find((each) => Object.hasOwn(origins, each))
    if (written !== undefined) return { key: written, origin: origins[written] }
  }
  const [key = section] = all
  let nearest = key
  while (nearest !== section && !Object.hasOwn(origins, nearest)) {
    nearest = nearest.replace(/(?:\.[^.]*|\[\d+\])$/, '')
  }
  return { key, origin: origins[nearest] }
}

/**
 * @param origin as `dockwarden.yml:31`
 * @returns undefined where it is no line of a file: `built-in`, or `rule 17` of the database
 */
export function lineOf(origin: string): number | undefined {
  const [, line] = /:(\d+)$/.exec(origin) ?? []
  return line === undefined ? undefined : Number(line)
}

/** A rule that an importer has made, and the lines of the configuration that say it. */

import type { Action } from '../protocol/access.ts'
import { listLines, quoted } from './yaml-text.ts'

export interface ImportedRule {
  readonly name: string
  readonly who: readonly string[]
  readonly may: readonly Action[]
  readonly mayNot: readonly Action[]
  readonly on: readonly string[]
  /** undefined: all of them. */
  readonly services?: readonly string[] | undefined
  readonly networks: readonly string[] | undefined
}

/** Without what no name of a rule may hold: it would keep the file from loading. */
export function nameable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]|\$\{/gu, ' ')
}

/** A name that is not among the names yet; now it is. */
export function uniqueName(wanted: string, names: Set<string>): string {
  let name = wanted
  for (let count = 2; names.has(name); count += 1) name = `${wanted} (${count})`
  names.add(name)
  return name
}

/** The rule as an element of `rules`. */
export function ruleLines({
  name,
  who,
  may,
  mayNot,
  on,
  services,
  networks,
}: ImportedRule): readonly string[] {
  const conditions = [
    ...(networks === undefined ? [] : [`network: ${listOf(networks)}`]),
    ...(services === undefined ? [] : [`service: ${listOf(services)}`]),
  ]
  return [
    `  - name: ${quoted(name)}`,
    `    who: ${listOf(who)}`,
    ...(may.length === 0 ? [] : [`    may: ${listOf(may)}`]),
    ...(mayNot.length === 0 ? [] : [`    may_not: ${listOf(mayNot)}`]),
    ...listLines('    on:', on),
    ...(conditions.length === 0 ? [] : [`    when: { ${conditions.join(', ')} }`]),
  ]
}

/** The whole section `groups`; none where there are no groups. */
export function groupLines(groups: ReadonlyMap<string, readonly string[]>): readonly string[] {
  if (groups.size === 0) return []
  const lines = [...groups].map(([name, members]) => `  ${quoted(name)}: ${listOf(members)}`)
  return ['groups:', ...lines]
}

function listOf(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(', ')}]`
}

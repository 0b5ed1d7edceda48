/** Comments `# lint: allow redundant, shadowed`, by which somebody says of a rule that it is meant so. */

import type { Rule } from '../authorization/rule.ts'
import { lineOf } from './origins.ts'

/** The origin of a rule → the warnings that comments at it allow. */
export type LintAllowances = Readonly<Record<string, readonly string[]>>

/** @param text of the file that the rules stand in; comments are no part of what is read from it */
export function lintAllowances(text: string, rules: readonly Rule[]): LintAllowances {
  const lines = text.split('\n')
  const origins = [...new Set(rules.map(({ origin }) => origin))]
  return Object.fromEntries(
    origins
      .map((origin) => [origin, allowedAt(lines, lineOf(origin))] as const)
      .filter(([, allowed]) => allowed.length > 0),
  )
}

/** On the rule's first line, and on the comments above it; a `-` may stand there by itself. */
function allowedAt(lines: readonly string[], line: number | undefined): readonly string[] {
  // A built-in rule stands on none.
  if (line === undefined) return []
  const isAbove = (text: string | undefined) => /^\s*(?:-\s*)?#|^\s*-\s*$/.test(text ?? '')
  let first = line - 1
  while (isAbove(lines[first - 1])) first -= 1
  return lines.slice(first, line).flatMap((text) => {
    const [, allowed = ''] = /#\s*lint: allow ([\w, ]+)/.exec(text) ?? []
    return allowed.split(/[, ]+/).filter((id) => id !== '')
  })
}

/** What a change of rules gives and takes, as a person, a program and a workflow of GitHub read it. */

import type { Comparison } from '../authorization/compare/compare.ts'
import type { Cause, Difference } from '../authorization/compare/effects.ts'
import { listed, ruleTitle } from '../authorization/rule-words.ts'
import { lineOf } from '../config/origins.ts'
import { printable, printableJson } from '../printable.ts'
import { type Finding, type FindingFormat, formatFindings } from './findings.ts'
import { ruleName } from './rule-name.ts'

export interface ComparedFiles {
  /** Absolute. */
  readonly before: string
  readonly after: string
  /** From which the file names of annotations are seen. */
  readonly folder: string
  /** Somebody has named the repositories; else they are made up from the patterns. */
  readonly isListed: boolean
}

type ReportWriter = (comparison: Comparison, files: ComparedFiles) => string

export const reportWriters: Readonly<Record<FindingFormat, ReportWriter>> = {
  text: (comparison, files) =>
    printable(
      [
        ...comparison.differences.map((each) => differenceLine(each, files)),
        summary(comparison, files),
      ].join('\n'),
    ),
  json: ({ differences, asked, isCut }) =>
    printableJson({
      differences: differences.map(({ rule, only, ...rest }) => ({
        ...rest,
        only: only ?? null,
        rule: ruleName(rule),
      })),
      asked,
      cut: isCut,
    }),
  github: (comparison, files) =>
    [
      formatFindings(
        comparison.differences.map((each) => finding(each, files)),
        'github',
        files.folder,
      ),
      printable(summary(comparison, files)),
    ]
      .filter((text) => text !== '')
      .join('\n'),
}

const causes: Readonly<Record<Cause, string>> = {
  now_given: 'now given by',
  no_longer_denied: 'no longer denied by',
  no_longer_given: 'no longer given by',
  now_denied: 'now denied by',
}

/** `+ push prod/** for group:dev; from 10.20.0.0/16; now given by rule "CI pushes" (dockwarden.yml:31)`. */
function differenceLine(difference: Difference, { isListed }: ComparedFiles): string {
  const { effect, actions, who, on, only, when, cause, rule } = difference
  const part =
    only && `in part: ${isListed ? `${only.count} of ${only.of}, ` : ''}such as ${only.example}`
  const deed = `${actions.join(', ')} ${on} for ${listed(who, 'and')}`
  const details = [deed, part, when, `${causes[cause]} ${ruleTitle(rule)}`].filter(Boolean)
  return `${effect === 'gives' ? '+' : '-'} ${details.join('; ')}`
}

function summary({ differences, asked, isCut }: Comparison, { isListed }: ComparedFiles): string {
  const gives = differences.filter(({ effect }) => effect === 'gives').length
  const count =
    differences.length === 0 ? 'no effect' : `${gives} given, ${differences.length - gives} taken`
  const { principals, repositories, situations } = asked
  const kind = isListed ? 'repositories' : 'names that the patterns stand for'
  const sum = `${count}: ${principals} principals, ${repositories} ${kind}, ${situations} circumstances`
  if (!isCut) return sum
  return `${sum}\nnot all could be asked about, so there may be more; ask for less at once with --repositories or --service`
}

/** What is given stands out: it is what a reviewer has to look at. */
function finding(difference: Difference, files: ComparedFiles): Finding {
  const { effect, cause, rule } = difference
  return {
    severity: effect === 'gives' ? 'warning' : 'notice',
    file: cause.startsWith('now') ? files.after : files.before,
    line: lineOf(rule.origin),
    key: '',
    id: effect,
    message: differenceLine(difference, files),
  }
}

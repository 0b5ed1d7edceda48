/** What lint says of one rule of the database, among all that stand beside it. */

import type { Administration } from '../administration.ts'
import { lint } from '../authorization/lint/lint.ts'
import type { Config } from '../config/config.ts'
import { knownNames } from './known-names.ts'

/** @param origin of the rule, as in `rule 17` */
export async function ruleWarnings(
  origin: string,
  { accounts, rules }: Administration,
  config: Config,
): Promise<readonly string[]> {
  const stored = await rules.list({ ended: false })
  const all = [...config.rules, ...stored.map(({ rule }) => rule)]
  const names = knownNames(config, await accounts.list())
  const known = all.filter((rule) => typeof rule !== 'string')
  const of = known.filter((rule) => rule.origin === origin)
  return lint({ rules: known, groups: config.groups, names, of }, new Date())
    .filter(({ severity }) => severity === 'warning')
    .map(({ message }) => `${origin}: ${message}`)
}

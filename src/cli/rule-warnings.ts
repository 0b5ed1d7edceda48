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
  return lint({ rules: known, groups: config.groups, names }, new Date())
    .filter(({ rule, severity }) => rule.origin === origin && severity === 'warning')
    .map(({ message }) => `${origin}: ${message}`)
}

/** Writes the new `dockwarden.yml`, with a comment for whatever is not as it was. */

import { groupLines, ruleLines } from '../imported-rule.ts'
import { comment, quoted } from '../yaml-text.ts'
import type { AclEntry, AuthConfig } from './auth-config.ts'
import type { Change } from './change.ts'
import type { DirectoryEntry } from './directory.ts'
import { issuerOf, lifetimeOf } from './settings.ts'
import type { TranslatedRule } from './translated-rule.ts'

/** What stands in the file. */
export interface ConfigParts {
  readonly source: string
  readonly auth: AuthConfig
  readonly rules: readonly TranslatedRule[]
  readonly groups: ReadonlyMap<string, readonly string[]>
  readonly changes: readonly Change[]
  readonly services: readonly string[]
  readonly directory: DirectoryEntry | undefined
  readonly htpasswd: string | undefined
}

/** The whole file. */
export function writeConfig(parts: ConfigParts): string {
  const { auth, services, changes } = parts
  const { seconds } = lifetimeOf(auth.settings)
  const issuer = issuerOf(auth.settings)
  const general = changes.filter(({ rule }) => rule === undefined)
  return `${[
    ...comment(
      `Made from ${parts.source}. Of docker_auth's rules the first that matched decided; here all that match do, and a "may_not" wins.`,
    ),
    ...general.flatMap(({ kind, message }) =>
      comment(`${kind === 'less' ? 'NOT CARRIED OVER' : 'Note'}: ${message}.`),
    ),
    'services:',
    ...services.map((name) => `  - { name: ${quoted(name)}, token_lifetime: ${seconds}s }`),
    ...(issuer === undefined ? [] : [`issuer: ${quoted(issuer)}`]),
    ...groupLines(parts.groups),
    'authentication:',
    ...authenticationLines(parts),
    ...rulesSection(parts),
  ].join('\n')}\n`
}

function authenticationLines({ htpasswd, directory }: ConfigParts): readonly string[] {
  const users =
    htpasswd === undefined ? ['  - accounts'] : [`  - htpasswd: { file: ${quoted(htpasswd)} }`]
  if (directory === undefined) return users
  return [...users, '  - ldap:', ...directory.lines.map((line) => `      ${line}`)]
}

function rulesSection({ auth, rules, changes }: ConfigParts): readonly string[] {
  const lines = (auth.acl ?? []).flatMap((entry) => {
    const own = rules.filter((rule) => rule.entry === entry.number)
    return [
      ...comment(`Rule ${entry.number} (line ${entry.line}): ${describe(entry)}`, '  '),
      ...changes
        .filter(({ rule }) => rule === entry.number)
        .flatMap(({ kind, message }) =>
          comment(`${kind === 'note' ? 'Note' : 'CHANGED'}: ${message}.`, '  '),
        ),
      ...(own.length === 0
        ? comment('Nothing of it is left to say.', '  ')
        : own.flatMap(ruleLines)),
    ]
  })
  return rules.length === 0 ? [...lines, 'rules: []'] : ['rules:', ...lines]
}

/** The rule as docker_auth has it, on one line. */
function describe({ match, actions }: AclEntry): string {
  const { labels, ...patterns } = match
  const shown = labels.size === 0 ? patterns : { ...patterns, labels: Object.fromEntries(labels) }
  return `match ${JSON.stringify(shown)}, actions ${JSON.stringify(actions ?? null)}`
}

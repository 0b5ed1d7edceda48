/** Writes the new `dockwarden.yml`, with a comment for whatever is not as it was. */

import { comment, listLines, quoted } from '../yaml-text.ts'
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
    ...ruleLines(parts),
  ].join('\n')}\n`
}

function groupLines(groups: ReadonlyMap<string, readonly string[]>): readonly string[] {
  if (groups.size === 0) return []
  const line = ([name, members]: readonly [string, readonly string[]]) =>
    `  ${quoted(name)}: [${members.map(quoted).join(', ')}]`
  return ['groups:', ...[...groups].map(line)]
}

function authenticationLines({ htpasswd, directory }: ConfigParts): readonly string[] {
  const users =
    htpasswd === undefined ? ['  - accounts'] : [`  - htpasswd: { file: ${quoted(htpasswd)} }`]
  if (directory === undefined) return users
  return [...users, '  - ldap:', ...directory.lines.map((line) => `      ${line}`)]
}

function ruleLines({ auth, rules, changes }: ConfigParts): readonly string[] {
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
        : own.flatMap(ruleText)),
    ]
  })
  return rules.length === 0 ? [...lines, 'rules: []'] : ['rules:', ...lines]
}

function ruleText({
  name,
  who,
  may,
  mayNot,
  on,
  services,
  networks,
}: TranslatedRule): readonly string[] {
  const conditions = [
    ...(networks === undefined ? [] : [`network: [${networks.map(quoted).join(', ')}]`]),
    ...(services === undefined ? [] : [`service: [${services.map(quoted).join(', ')}]`]),
  ]
  return [
    `  - name: ${quoted(name)}`,
    `    who: [${who.map(quoted).join(', ')}]`,
    ...(may.length === 0 ? [] : [`    may: [${may.map(quoted).join(', ')}]`]),
    ...(mayNot.length === 0 ? [] : [`    may_not: [${mayNot.map(quoted).join(', ')}]`]),
    ...listLines('    on:', on),
    ...(conditions.length === 0 ? [] : [`    when: { ${conditions.join(', ')} }`]),
  ]
}

/** The rule as docker_auth has it, on one line. */
function describe({ match, actions }: AclEntry): string {
  const { labels, ...patterns } = match
  const shown = labels.size === 0 ? patterns : { ...patterns, labels: Object.fromEntries(labels) }
  return `match ${JSON.stringify(shown)}, actions ${JSON.stringify(actions ?? null)}`
}

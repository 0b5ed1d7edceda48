/** Requests that a comparison is made with: from the patterns of both policies, and from what is near them. */

import type { Asker } from '../../authorization/authorize.ts'
import { catalog } from '../../authorization/policy.ts'
import { addressAt, networkSize, parseNetwork } from '../../network.ts'
import { isRepositoryName } from '../../protocol/access.ts'
import { parseScopes } from '../../protocol/scope.ts'
import { type AclEntry, expressionOf, type Labels } from './auth-config.ts'
import { contains } from './character-set.ts'
import type { Surroundings } from './entry-regions.ts'
import { type Expression, isFault, parseGoRegexp } from './go-regexp-syntax.ts'
import { patternSetOf, placeholders } from './repository-patterns.ts'
import type { TranslatedRule } from './translated-rule.ts'

/** Whoever asks, as both know them. */
export interface Person {
  /** '' for whoever did not sign in. */
  readonly account: string
  readonly labels: Labels
  readonly asker: Asker | null
}

const [maximumPeople, maximumNames, maximumAddresses] = [60, 600, 40]

/** Some of everybody whom the rules could tell apart. */
export function peopleOf(
  entries: readonly AclEntry[],
  surroundings: Surroundings,
): readonly Person[] {
  const { world, labels, anonymousLabels } = surroundings
  const named = entries.map(({ match }) => match.account ?? '')
  // Whom a rule names come first: where there are too many, they are asked for.
  const known = [...world.known.keys()]
    .sort((a, b) => Number(named.includes(b)) - Number(named.includes(a)))
    .slice(0, maximumPeople)
    .map((name) => person(name, labels.get(name) ?? new Map()))
  const anonymous = world.hasAnonymous
    ? [{ account: '', labels: anonymousLabels, asker: null }]
    : []
  return [...anonymous, ...known, ...(world.isOpen ? peopleOfDirectory(entries, surroundings) : [])]
}

function person(account: string, labels: Labels, groups: readonly string[] = []): Person {
  return {
    account,
    labels,
    asker: { name: account, kind: 'user', groups: groups.map((name) => ({ name })) },
  }
}

/** Somebody whom no rule names, those whom patterns for accounts fit, and one for each group. */
function peopleOfDirectory(
  entries: readonly AclEntry[],
  { world, directoryLabel }: Surroundings,
): readonly Person[] {
  const patterns = entries
    .map(({ match }) => match.account ?? '')
    .filter((name) => !isPlainName(name))
  const similar = patterns
    .flatMap((pattern) => examplesOf(patternSetOf(pattern).outer, []))
    .filter((name) => isPlainName(name) && !world.known.has(name))
  const others = [...new Set(['somebody-else', ...similar])].map((name) => person(name, new Map()))
  if (directoryLabel === undefined) return others.slice(0, 20)
  const groups = new Set([
    ...[...world.known.values()].flatMap((each) => [...each]),
    ...entries.flatMap(({ match }) =>
      patternSetOf(match.labels.get(directoryLabel) ?? '').inner.map((group) =>
        group.replace(/[*?]/g, 'x'),
      ),
    ),
  ])
  const members = [...groups].map((group, index) =>
    person(`member-${index}`, new Map([[directoryLabel, [group]]]), [group]),
  )
  return [...others.slice(0, 20), ...members.slice(0, 20)]
}

function isPlainName(name: string): boolean {
  return /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name)
}

/** Names that the patterns fit, and names near them. */
export function namesOf(
  entries: readonly AclEntry[],
  rules: readonly TranslatedRule[],
  people: readonly Person[],
): readonly string[] {
  const values = people
    .flatMap(({ account, labels }) => [account, ...[...labels.values()].flat()])
    .filter((value) => /^[a-z0-9._-]+$/.test(value))
  const [user = '', group = ''] = placeholders.keys()
  const written = entries.map(({ match }) =>
    (match.name ?? '*').replaceAll(`\${account}`, user).replace(/\$\{[^{}]*\}/g, group),
  )
  const patterns = [
    ...written.flatMap((text) => [...patternSetOf(text).outer, ...samplesOf(text)]),
    ...rules.flatMap(({ on }) => on.filter((pattern) => pattern !== catalog)),
  ]
  const all = examplesOf([...new Set(patterns)], [...new Set(values)].slice(0, 12))
  const examples = evenly(all, maximumNames / 2)
  // What two patterns fit together.
  const both = examples.slice(0, 40).flatMap((name, index) => {
    const other = examples[(index * 7 + 3) % examples.length] ?? ''
    return [`${name}/${other}`, `${name}${other}`, `${other}${name}`]
  })
  const near = examples.flatMap((name) => [
    ...[`${name}/x`, `x/${name}`, `${name}x`, `x${name}`, name.slice(0, -1), name.slice(1)],
    ...[name.split('/').slice(0, -1).join('/'), name.split('/').slice(1).join('/'), `x/${name}/y`],
  ])
  const isName = (name: string) =>
    isRepositoryName(name) && parseScopes([`repository:${name}:pull`]).scopes.length === 1
  const usual = ['x', 'app', 'a/b', 'a/b/c', 'catalog', 'localhost:5000/x']
  const names = new Set([...usual, ...examples, ...both, ...near].filter(isName))
  return [catalog, ...[...names].slice(0, maximumNames)]
}

/** Some of them, from everywhere. */
function evenly<Item>(items: readonly Item[], most: number): readonly Item[] {
  const step = Math.max(1, items.length / most)
  return Array.from(
    { length: Math.min(most, items.length) },
    (_, index) => items[Math.floor(index * step)] as Item,
  )
}

const maximumSamples = 12

/** Texts that a regular expression fits, which its patterns may say too widely to show. */
function samplesOf(pattern: string): readonly string[] {
  const text = expressionOf(pattern)
  const expression = text === undefined ? undefined : parseGoRegexp(text)
  if (expression === undefined || isFault(expression)) return []
  const [user = '', group = ''] = placeholders.keys()
  return fitting(expression).map((sample) =>
    sample.replaceAll(user, `\${user}`).replaceAll(group, `\${group}`),
  )
}

function fitting(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'character': {
      const usual = [...'xa1-/'].find((character) =>
        contains(expression.set, character.charCodeAt(0)),
      )
      return [usual ?? String.fromCodePoint(expression.set[0]?.[0] ?? 0)]
    }
    case 'place':
      return ['']
    case 'group':
      return fitting(expression.part)
    case 'choice':
      return expression.options.flatMap(fitting).slice(0, maximumSamples)
    case 'sequence':
      return expression.parts.reduce<readonly string[]>(
        (heads, part) =>
          heads
            .flatMap((head) => fitting(part).map((tail) => head + tail))
            .slice(0, maximumSamples),
        [''],
      )
    case 'repeat': {
      const { least, most } = expression
      const counts = new Set(
        [least, Math.min(most, least + 1), Math.min(most, least + 2)].map((count) =>
          Math.min(count, 20),
        ),
      )
      return fitting(expression.part)
        .flatMap((part) => [...counts].map((count) => part.repeat(count)))
        .slice(0, maximumSamples)
    }
  }
}

/** One or more names for each pattern. */
function examplesOf(patterns: readonly string[], values: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) =>
    [...(pattern.includes(`\${`) ? values : ['']), 'x'].flatMap((value) => {
      const filled = pattern.replace(/\$\{[a-z]+\}/g, value)
      const chosen = filled.replace(
        /\{([^}]*)\}/g,
        (_, choices: string) => choices.split(',')[0] ?? '',
      )
      const last = filled.replace(
        /\{([^}]*)\}/g,
        (_, choices: string) => choices.split(',').at(-1) ?? '',
      )
      return [chosen, last].flatMap((text) => [
        text.replaceAll('**', 'x/y').replaceAll('*', 'x').replaceAll('?', 'x'),
        text.replaceAll('**', 'x').replaceAll('*', '').replaceAll('?', '1'),
      ])
    }),
  )
}

/** Those at the edges of the networks, and two that are in none. */
export function addressesOf(entries: readonly AclEntry[]): readonly string[] {
  const edges = entries.flatMap(({ match: { ip } }) => {
    const network = ip === undefined ? undefined : parseNetwork(ip)
    if (network === undefined) return []
    const size = networkSize(network)
    return [0n, size - 1n, -1n, size].map((offset) => addressAt(network, offset))
  })
  return [...new Set(['198.51.100.7', '2001:db8:ffff::7', ...edges])].slice(0, maximumAddresses)
}

/** Where one rule of docker_auth speaks, in our words: exactly, or between two bounds. */

import { type Network, parseNetwork } from '../../network.ts'
import { type AclEntry, type AclMatch, expressionOf, type Labels } from './auth-config.ts'
import { type AclEvaluator, quoteMeta, replace } from './evaluate.ts'
import type { Region } from './region.ts'
import {
  holdsEveryPerson,
  type PatternSet,
  patternSetOf,
  placeholders,
} from './repository-patterns.ts'
import { hasOthers, isNobody, nobody, type Who, type World } from './who.ts'

/** Two bounds. */
export interface EntryRegions {
  /** Nothing where the rule does not speak. */
  readonly inner: readonly Region[]
  /** Everything where it does. */
  readonly outer: readonly Region[]
  /** Why the two are not equal, in words that follow "because". */
  readonly reasons: readonly string[]
  /** It is about people by a pattern, and names those of today. */
  readonly namesThoseOfToday: boolean
}

/** Whom and what rules can be about. */
export interface Surroundings {
  readonly world: World
  readonly labels: ReadonlyMap<string, Labels>
  readonly anonymousLabels: Labels
  /** The services that there are. */
  readonly services: readonly string[]
  /** The label whose values are names of groups, as `${group}` needs them. */
  readonly groupLabel: string | undefined
  /** The label that a directory gives to its people. */
  readonly directoryLabel: string | undefined
  readonly evaluator: AclEvaluator
}

interface Bounds {
  readonly inner: Who
  readonly outer: Who
  readonly reason: string | undefined
}

const user = [...placeholders.keys()][0] as string
const group = [...placeholders.keys()][1] as string
const noLabels: Labels = new Map()
const maximumRegions = 2_000

/** Where the rule speaks. It may hold rules of docker_auth that no rule of ours can hold, and then says why. */
export function entryRegions(entry: AclEntry, surroundings: Surroundings): EntryRegions {
  const { account } = entry.match
  const services = servicesOf(entry, surroundings)
  const networks = networksOf(entry)
  const strange = strangeness(entry, surroundings)
  const who = strange === undefined ? whoOf(entry, surroundings) : everybody(surroundings)
  const kinds = kindsOf(entry, surroundings)
  if (services?.length === 0 || isNobody(who.outer) || kinds.length === 0) {
    return { inner: [], outer: [], reasons: [], namesThoseOfToday: false }
  }
  const unknown = (reason: string): EntryRegions => ({
    inner: [],
    outer: kinds.map((kind) => ({
      kind,
      who: who.outer,
      names: everythingOf(kind),
      services,
      networks,
    })),
    reasons: [reason],
    namesThoseOfToday: false,
  })
  if (strange !== undefined) return unknown(strange)
  const reasons = new Set(who.reason === undefined ? [] : [who.reason])
  const inner: Region[] = []
  const outer: Region[] = []
  for (const part of partsOf(entry, who, surroundings)) {
    if (part.service !== undefined && services?.includes(part.service) === false) continue
    if (part.reason !== undefined) reasons.add(part.reason)
    const where = { services: part.service === undefined ? services : [part.service], networks }
    for (const kind of kinds) {
      const set =
        kind === 'catalog' ? catalogSet(part.text, surroundings) : repositorySet(part.text)
      if (set.reason !== undefined) reasons.add(set.reason)
      inner.push(...regionsOf({ kind, who: part.inner, names: set.inner, ...where }))
      outer.push(...regionsOf({ kind, who: part.outer, names: set.outer, ...where }))
    }
    if (outer.length > maximumRegions) return unknown('what is put into it makes too many patterns')
  }
  const isPattern = account !== undefined && isOpenPattern(account)
  const namesThoseOfToday = !surroundings.world.isOpen && isPattern && who.inner.others !== 'all'
  return { inner, outer, reasons: [...reasons], namesThoseOfToday }
}

/** One, or none where nobody or nothing is left in it. */
function regionsOf(region: Region): readonly Region[] {
  return region.names.length === 0 || isNobody(region.who) ? [] : [region]
}

function everybody({ world }: Surroundings): Bounds {
  const outer: Who = {
    anonymous: world.hasAnonymous,
    known: new Set(world.known.keys()),
    others: 'all',
  }
  return { inner: nobody, outer, reason: undefined }
}

function isOpenPattern(pattern: string): boolean {
  return patternSetOf(pattern).outer.some((each) => /[*?]/.test(each))
}

function everythingOf(kind: Region['kind']): readonly string[] {
  return kind === 'catalog' ? ['catalog'] : ['**']
}

/** What cannot be followed at all: patterns that look into each other. */
function strangeness({ match }: AclEntry, { evaluator }: Surroundings): string | undefined {
  const cannotRun = [match.type, match.service].some(
    (pattern) => typeof evaluator.matchesText(pattern, '', new Map()) === 'symbol',
  )
  if (cannotRun) return 'it has a regular expression that is not run here'
  const { account = '', type = '', name = '', service = '' } = match
  if ([account, type, service].some((pattern) => pattern.includes(`\${`))) {
    return 'it puts one part of the request into the pattern for another'
  }
  if (/\$\{(?:[nN]ame|[tT]ype|[sS]ervice):\d+\}|\$\{name\}/.test(name)) {
    return 'it puts one part of the request into the pattern for another'
  }
  // What is put in would be read as something else than text there.
  if (/\[[^\]]*\$\{|\\\$\{|\\Q|\(\?[a-zA-Z]*i/.test(name) && name.includes(`\${`)) {
    return 'it puts a name where it is not read as text'
  }
  return undefined
}

function kindsOf({ match }: AclEntry, { evaluator }: Surroundings): readonly Region['kind'][] {
  const kinds = [
    ['repository', 'repository'],
    ['registry', 'catalog'],
  ] as const
  return kinds.flatMap(([type, kind]) =>
    // A pattern that looks elsewhere is taken for one that fits; it is told as strange.
    match.type?.includes(`\${`) === true ||
    evaluator.matchesText(match.type, type, new Map()) !== false
      ? [kind]
      : [],
  )
}

function servicesOf({ match }: AclEntry, { services, evaluator }: Surroundings) {
  if (match.service === undefined || match.service.includes(`\${`)) return undefined
  const found = services.filter(
    (name) => evaluator.matchesText(match.service, name, new Map()) !== false,
  )
  // "*" means all of them, those of tomorrow too.
  return found.length === services.length && ['*', '/.*/', '/.+/', '/^/'].includes(match.service)
    ? undefined
    : found
}

function networksOf({ match }: AclEntry): readonly Network[] | undefined {
  const network = match.ip === undefined ? undefined : parseNetwork(match.ip)
  return network === undefined ? undefined : [network]
}

function whoOf({ match }: AclEntry, surroundings: Surroundings): Bounds {
  const { world, labels, anonymousLabels, evaluator } = surroundings
  const asked = { type: '', name: '', service: '', address: '' }
  const only = {
    ...(match.account !== undefined && { account: match.account }),
    labels: match.labels,
  }
  const isMeant = (account: string, of: Labels) =>
    evaluator.matches(only, { ...asked, account, labels: of })
  const nameless = world.hasAnonymous ? isMeant('', anonymousLabels) : false
  const sure = new Set<string>()
  const possible = new Set<string>()
  for (const name of world.known.keys()) {
    const meant = isMeant(name, labels.get(name) ?? noLabels)
    if (meant !== false) possible.add(name)
    if (meant === true) sure.add(name)
  }
  const others = othersOf(match.account, match.labels, surroundings)
  // "Everybody else" can only be said of everybody.
  const isSaid = others.inner !== 'all' || sure.size === world.known.size
  const inner = {
    anonymous: nameless === true,
    known: sure,
    others: isSaid ? others.inner : nobody.others,
  }
  const outer = { ...inner, anonymous: nameless !== false, known: possible }
  // Nothing but "authenticated" is about people whom nobody has named, and it is about the others too.
  const everybody = { ...outer, known: new Set(world.known.keys()), others: 'all' as const }
  if (possible.size > sure.size || outer.anonymous !== inner.anonymous) {
    return { inner, outer: everybody, reason: 'it has a regular expression that is not run here' }
  }
  if (!world.isOpen || (isSaid && others.reason === undefined)) {
    return { inner, outer, reason: undefined }
  }
  return {
    inner,
    outer: everybody,
    reason: others.reason ?? 'it leaves out some people by their names',
  }
}

/** People of a directory: nothing is known of them but that they have names. */
function othersOf(
  account: string | undefined,
  labels: Labels | ReadonlyMap<string, string>,
  { directoryLabel }: Surroundings,
): { readonly inner: Who['others']; readonly reason: string | undefined } {
  const none = { inner: nobody.others, reason: undefined }
  const set = account === undefined ? undefined : patternSetOf(account)
  const isEverybody = set === undefined || holdsEveryPerson(set)
  // Names without wildcards are among the known.
  if (set !== undefined && !set.outer.some((each) => /[*?]/.test(each))) return none
  if (labels.size === 0) {
    return isEverybody
      ? { inner: 'all', reason: undefined }
      : { ...none, reason: 'Dockwarden has no patterns for names of people' }
  }
  const [[label, pattern], ...further] = [...labels] as [
    [string, string],
    ...(readonly [string, string][]),
  ]
  // Nobody in the directory has another label.
  if ([label, ...further.map(([each]) => each)].some((each) => each !== directoryLabel)) return none
  const groups = patternSetOf(String(pattern))
  if (!isEverybody || String(pattern).includes(`\${`)) {
    return { ...none, reason: 'Dockwarden has no patterns for names of people' }
  }
  if (holdsEveryPerson(groups)) return { inner: new Set(['*']), reason: undefined }
  if (groups.reason === undefined && !groups.inner.some((each) => /[*?{]/.test(each))) {
    return { inner: new Set(groups.inner), reason: undefined }
  }
  return { ...none, reason: 'Dockwarden has no patterns for names of groups' }
}

interface Part {
  readonly inner: Who
  readonly outer: Who
  /** The pattern for names, with placeholders for what is left to Dockwarden's variables. */
  readonly text: string | undefined
  readonly service?: string
  /** Why the bounds are not equal; undefined where they are. */
  readonly reason?: string
}

/** One part for each text that the pattern for names becomes. */
function* partsOf({ match }: AclEntry, who: Bounds, surroundings: Surroundings): Generator<Part> {
  const { services } = surroundings
  const { name } = match
  if (name === undefined) return yield { inner: who.inner, outer: who.outer, text: undefined }
  const isPerService = name.includes(`\${service}`)
  for (const service of isPerService ? services : [undefined]) {
    const filled = replace(name, new Map([[`\${service}`, quoteMeta(service ?? '')]]))
    const each = service === undefined ? {} : { service }
    for (const part of partsByPerson(match, filled, who, surroundings)) yield { ...part, ...each }
  }
}

function* partsByPerson(
  match: AclMatch,
  name: string,
  who: Bounds,
  surroundings: Surroundings,
): Generator<Part> {
  const { world, groupLabel, directoryLabel } = surroundings
  const labelsNamed = [...name.matchAll(/\$\{labels:([^{}]*)\}/g)].map(
    ([, label]) => label as string,
  )
  const isByCapture = /\$\{[aA]ccount:\d+\}/.test(name)
  const isByPerson = isByCapture || labelsNamed.length > 0
  if (!isByPerson && !name.includes(`\${account}`)) {
    return yield { inner: who.inner, outer: who.outer, text: name }
  }
  // Nobody's name is empty, and the labels of nobody are their own.
  if (who.outer.anonymous) yield* enumerated(match, name, [''], who, surroundings)
  const people = (bounds: Who): Who => ({ ...bounds, anonymous: false })
  const ofAll = { inner: people(who.inner), outer: people(who.outer) }
  const text = replace(name, new Map([[`\${account}`, user]]))
  if (!isByPerson) return yield { ...ofAll, text }
  const isForAll = who.inner.others === 'all' && who.outer.others === 'all'
  if (!isByCapture && labelsNamed.length === 1 && labelsNamed[0] === groupLabel && isForAll) {
    // As it is written, too: what stands beside the label may fit.
    yield { ...ofAll, text }
    const known = [...world.known].flatMap(([person, groups]) => (groups.size > 0 ? [person] : []))
    const inGroups: Who = { anonymous: false, known: new Set(known), others: new Set(['*']) }
    const withGroup = replace(text, new Map([[`\${labels:${groupLabel}}`, group]]))
    return yield { inner: inGroups, outer: inGroups, text: withGroup }
  }
  yield* enumerated(match, name, who.outer.known, who, surroundings)
  if (!world.isOpen || !hasOthers(who.outer)) return
  if (isByCapture || labelsNamed.some((label) => label === directoryLabel)) {
    const reason = 'it is not known what people of the directory would put into it'
    yield { inner: nobody, outer: ofAll.outer, text: '/^/', reason }
  } else {
    // They have no such labels.
    yield { ...ofAll, text }
  }
}

/** One part for each text that the pattern becomes with the names and labels of these people. */
function* enumerated(
  match: AclMatch,
  name: string,
  accounts: Iterable<string>,
  who: Bounds,
  { labels, anonymousLabels, evaluator }: Surroundings,
): Generator<Part> {
  const byText = new Map<string, Set<string>>()
  for (const account of accounts) {
    const of = account === '' ? anonymousLabels : (labels.get(account) ?? noLabels)
    const request = { account, labels: of, type: '', name: '', service: '', address: '' }
    const values = [...evaluator.valuesOf(match, request)].filter(([key]) =>
      /^\$\{account\}|:/.test(key),
    )
    const filled = replace(name, new Map(values))
    for (const text of textsFor(filled, of) ?? [tooMany]) {
      byText.set(text, (byText.get(text) ?? new Set()).add(account))
    }
  }
  for (const [text, people] of byText) {
    const of = (bounds: Who): Who => ({
      anonymous: bounds.anonymous && people.has(''),
      known: new Set([...people].filter((account) => bounds.known.has(account))),
      others: nobody.others,
    })
    if (text !== tooMany) yield { inner: of(who.inner), outer: of(who.outer), text }
    else
      yield {
        inner: nobody,
        outer: of(who.outer),
        text: '/^/',
        reason: 'its labels have too many combinations',
      }
  }
}

/** In place of texts that are too many to write out; no pattern is this. */
const tooMany = '\u{e030}'

/** As it is, and with each combination of the labels that it names. */
function textsFor(text: string, labels: Labels): readonly string[] | undefined {
  const named = [...labels].filter(
    ([label, values]) => values.length > 0 && text.includes(`\${labels:${label}}`),
  )
  if (named.length === 0) return [text]
  let combinations: readonly ReadonlyMap<string, string>[] = [new Map()]
  for (const [label, values] of named) {
    combinations = combinations.flatMap((before) =>
      values.map((value) => new Map([...before, [`\${labels:${label}}`, value]])),
    )
    if (combinations.length > maximumRegions) return undefined
  }
  return [text, ...combinations.map((values) => replace(text, values))]
}

function repositorySet(text: string | undefined): PatternSet {
  if (text === undefined) return { inner: ['**'], outer: ['**'], reason: undefined }
  return patternSetOf(replace(text, new Map([[`\${type}`, 'repository']])))
}

function catalogSet(text: string | undefined, { evaluator }: Surroundings): PatternSet {
  const filled = text && replace(text, new Map([[`\${type}`, 'registry']]))
  const matched = evaluator.matchesText(filled, 'catalog', new Map())
  const names = matched === false ? [] : ['catalog']
  return { inner: matched === true ? names : [], outer: names, reason: undefined }
}

/** The names that a pattern without wildcards stands for. */
export function literalsOf(pattern: string): readonly string[] {
  if (expressionOf(pattern) === undefined)
    return pattern === '' || /[*?[\\$]/.test(pattern) ? [] : [pattern]
  const { inner, reason } = patternSetOf(pattern)
  return reason === undefined ? inner.filter((each) => !/[*?{/]/.test(each)) : []
}

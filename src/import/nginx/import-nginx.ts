/**
 * From a site of nginx in front of a registry to a configuration of Dockwarden: who got past nginx with
 * which method becomes who may pull, push and delete. What is not understood gives nothing. Pure.
 */

import { type Action, repositoryActions } from '../../protocol/access.ts'
import { holds, remainder } from '../glob-sets.ts'
import { groupLines, type ImportedRule, nameable, ruleLines, uniqueName } from '../imported-rule.ts'
import { comment, quoted } from '../yaml-text.ts'
import { type Admission, isForAll } from './admission.ts'
import { parseNginx } from './nginx-config.ts'
import { findSite, type Place, type Site } from './site.ts'

/** What the file does not say. */
export interface NginxImportOptions {
  /** What the file is called in messages. */
  readonly file: string
  /** The name of the server that has the registry, where there are several. */
  readonly server: string | undefined
  /** The services that tokens are for. Default: the server's name. */
  readonly services: readonly string[]
  /** The people of an htpasswd file; undefined where it cannot be read. Asked only where there are several files. */
  readonly peopleOf: (file: string) => readonly string[] | undefined
}

/** What comes of it. */
export interface NginxImport {
  /** The text of the new configuration. */
  readonly config: string
  /** The htpasswd files that it names. */
  readonly files: readonly string[]
  readonly rules: readonly ImportedRule[]
  /** What could not be carried over: Dockwarden gives less there. */
  readonly left: readonly string[]
  readonly notes: readonly string[]
}

type Allowed = Extract<Admission, { kind: 'some' }>

/** @throws ConfigError where it is no configuration of nginx, or none that has one registry */
export function importNginx(text: string, options: NginxImportOptions): NginxImport {
  const site = findSite(parseNginx(text, options.file), options.file, options.server)
  const left: string[] = []
  const files = filesOf(site.places)
  const groups =
    files.length > 1 ? groupsOf(files, options.peopleOf, left) : new Map<string, Group>()
  const words = new Words(files, groups)
  const all = site.places.flatMap((place) => rulesOf(place, site.places, words, left))
  // Two locations around the same one keep the same people out of it.
  const rules = [...new Map(all.map((rule) => [JSON.stringify(rule), rule])).values()]
  const services = options.services.length > 0 ? options.services : [site.name ?? 'registry']
  const notes = notesOf(site, files, options)
  const config = write({ site, rules, services, files, groups, left, notes, file: options.file })
  return { config, files, rules, left, notes }
}

interface Group {
  readonly name: string
  readonly people: readonly string[]
}

function filesOf(places: readonly Place[]): readonly string[] {
  const admissions = places.flatMap(({ pull, push, delete: remove }) => [pull, push, remove])
  const files = admissions.flatMap((admission) =>
    admission.kind === 'some' && admission.file !== undefined ? [admission.file] : [],
  )
  return [...new Set(files)]
}

/** Where there are several files, being in one of them is being in its group. */
function groupsOf(
  files: readonly string[],
  peopleOf: NginxImportOptions['peopleOf'],
  left: string[],
): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>()
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const [index, file] of files.entries()) {
    const people = peopleOf(file)
    if (people === undefined) {
      left.push(
        `${file} cannot be read here, so nobody is known who is in it; name the people in "groups"`,
      )
    }
    // Of the same name in another file it may be another person, with another password.
    for (const name of people ?? []) (seen.has(name) ? twice : seen).add(name)
    groups.set(file, { name: `file-${index + 1}`, people: people ?? [] })
  }
  if (twice.size === 0) return groups
  left.push(
    `${[...twice].join(', ')} in more than one of the files: the password of the first counts here, and they get what that file gives`,
  )
  const owned = new Set<string>()
  for (const [file, group] of groups) {
    const people = group.people.filter((name) => !owned.has(name))
    for (const name of people) owned.add(name)
    groups.set(file, { ...group, people })
  }
  return groups
}

/** What rules call those whom nginx let through. */
class Words {
  readonly #files: readonly string[]
  readonly #groups: ReadonlyMap<string, Group>

  constructor(files: readonly string[], groups: ReadonlyMap<string, Group>) {
    this.#files = files
    this.#groups = groups
  }

  /** Each with from where; one that suffices alone stands beside the other. */
  of({
    file,
    networks,
    isEither,
  }: Allowed): readonly (readonly [who: string, networks: readonly string[] | undefined])[] {
    const people = file === undefined ? 'anyone' : this.#people(file)
    if (!isEither) return [[people, networks]]
    return [
      ['anyone', networks],
      [people, undefined],
    ]
  }

  /** Whom a deny must be for, so that of those in the outer admission just those in the inner one stay. */
  keptOut(outer: Admission, inner: Admission): string | undefined {
    const hasNetworks = [outer, inner].some(
      (admission) => admission.kind === 'some' && admission.networks !== undefined,
    )
    if (hasNetworks) return undefined
    if (inner.kind !== 'some') return 'anyone'
    return isForAll(outer) && this.#files.length === 1 ? 'anonymous' : undefined
  }

  #people(file: string): string {
    return this.#files.length === 1 ? 'authenticated' : `group:${this.#groups.get(file)?.name}`
  }
}

function rulesOf(
  place: Place,
  places: readonly Place[],
  words: Words,
  left: string[],
): readonly ImportedRule[] {
  const name = `${place.written} (line ${place.line})`
  if (place.names.length === 0 && !place.hasCatalog) {
    left.push(`${name}: no repository has such a path`)
    return []
  }
  const within = placesWithin(place, places)
  const denies = within.map((inner) => deniesWithin(place, inner, places, words))
  const apart = within
    .filter((_, index) => denies[index] === undefined)
    .flatMap((inner) => inner.names)
  const on = apart.length === 0 ? place.names : remainder(place.names, apart)
  if (on === undefined) {
    left.push(`${name}: the locations within it cannot be taken out of it`)
    return []
  }
  for (const action of repositoryActions) {
    const admission = place[action]
    if (admission.kind === 'unknown')
      left.push(`${name}: ${action} is left out; ${admission.reason}`)
  }
  const listing = place.hasCatalog && place.pull.kind === 'some' ? words.of(place.pull) : []
  const catalog = listing.map(([who, networks]): ImportedRule => {
    const what = { may: ['*'] as const, mayNot: [], on: ['registry:catalog'] }
    return { name: `${name}, the list of all repositories`, who: [who], ...what, networks }
  })
  const allows = on.length > 0 ? allowsOf(place, name, on, words) : []
  return [...allows, ...denies.flatMap((each) => each ?? []), ...catalog]
}

/** One rule for all actions that are for the same people. */
function allowsOf(
  place: Place,
  name: string,
  on: readonly string[],
  words: Words,
): readonly ImportedRule[] {
  const byAdmission = new Map<string, { admission: Allowed; actions: Action[] }>()
  for (const action of repositoryActions) {
    const admission = place[action]
    if (admission.kind !== 'some') continue
    const key = JSON.stringify(admission)
    const same = byAdmission.get(key) ?? { admission, actions: [] }
    byAdmission.set(key, same)
    same.actions.push(action)
  }
  return [...byAdmission.values()].flatMap(({ admission, actions }) => {
    const may: readonly Action[] = actions.length === repositoryActions.length ? ['*'] : actions
    return words
      .of(admission)
      .map(([who, networks]): ImportedRule => ({ name, who: [who], may, mayNot: [], on, networks }))
  })
}

/** The locations within it, but for those in which all may what they may around it. */
function placesWithin(place: Place, places: readonly Place[]): readonly Place[] {
  return places.filter(
    (other) =>
      isWithin(other, place) &&
      repositoryActions.some((action) => !isAtLeast(other[action], place[action])),
  )
}

function isWithin(inner: Place, outer: Place): boolean {
  return inner !== outer && inner.names.length > 0 && holds(outer.names, inner.names)
}

function isAtLeast(admission: Admission, than: Admission): boolean {
  if (than.kind !== 'some') return true
  return (
    admission.kind === 'some' &&
    (JSON.stringify(admission) === JSON.stringify(than) || isForAll(admission))
  )
}

/**
 * What keeps those out of the inner location who are let into the outer one; undefined where a deny
 * would also hit somebody else, or a location within the inner one.
 */
function deniesWithin(
  outer: Place,
  inner: Place,
  places: readonly Place[],
  words: Words,
): readonly ImportedRule[] | undefined {
  const deeper = places.filter((place) => isWithin(place, inner))
  const byWho = new Map<string, Action[]>()
  for (const action of repositoryActions) {
    if (isAtLeast(inner[action], outer[action])) continue
    const who = words.keptOut(outer[action], inner[action])
    if (who === undefined || deeper.some((place) => !isAtLeast(inner[action], place[action])))
      return undefined
    byWho.set(who, [...(byWho.get(who) ?? []), action])
  }
  const name = `${inner.written} (line ${inner.line}), who is kept out`
  return [...byWho].map(([who, mayNot]) => ({
    ...{ name, who: [who], may: [], mayNot, on: inner.names, networks: undefined },
  }))
}

function notesOf(
  { name }: Site,
  files: readonly string[],
  { services }: NginxImportOptions,
): readonly string[] {
  return [
    'what nginx.conf says around this file is not seen',
    'nginx must now pass requests on without auth_basic, and the registry needs auth.token; see the README, "From nginx and htpasswd"',
    ...files.map((file) =>
      file.startsWith('/')
        ? `Dockwarden reads ${file} where it is`
        : `${file} is relative to nginx's own folder there, and to the folder of dockwarden.yml here: write out its path`,
    ),
    ...(services.length === 0
      ? [`the service is called ${name ?? 'registry'} here; name yours with --service`]
      : []),
  ]
}

function write(parts: {
  readonly site: Site
  readonly rules: readonly ImportedRule[]
  readonly services: readonly string[]
  readonly files: readonly string[]
  readonly groups: ReadonlyMap<string, Group>
  readonly left: readonly string[]
  readonly notes: readonly string[]
  readonly file: string
}): string {
  const { site, rules, services, files, groups, left, notes, file } = parts
  const names = new Set<string>()
  const withUniqueName = (rule: ImportedRule): ImportedRule => {
    return { ...rule, name: uniqueName(nameable(rule.name).slice(0, 200), names) }
  }
  const used = [...groups.values()].filter(({ people }) => people.length > 0)
  return `${[
    ...comment(
      `Made from ${file}, the server of line ${site.line}: who got past nginx, by method.`,
    ),
    ...left.flatMap((message) => comment(`NOT CARRIED OVER: ${message}.`)),
    ...notes.flatMap((message) => comment(`Note: ${message}.`)),
    'services:',
    ...services.map((name) => `  - { name: ${quoted(name)} }`),
    ...groupLines(new Map(used.map(({ name, people }) => [name, people]))),
    'authentication:',
    ...(files.length === 0
      ? ['  - accounts']
      : files.map(
          (each, index) => `  - htpasswd: { file: ${quoted(each)}, name: htpasswd-${index + 1} }`,
        )),
    ...(rules.length === 0
      ? ['rules: []']
      : ['rules:', ...rules.map(withUniqueName).flatMap(ruleLines)]),
  ].join('\n')}\n`
}

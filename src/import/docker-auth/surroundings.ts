/** Whom and what docker_auth's rules can be about: the users of its file, their labels, the services. */

import { isClaim } from '../../config/claim.ts'
import type { AclEntry, AuthConfig, Labels } from './auth-config.ts'
import { literalsOf, type Surroundings } from './entry-regions.ts'
import { AclEvaluator } from './evaluate.ts'
import { membersByGroup } from './who.ts'

/** What the users and rules of the file do not say. */
export interface SurroundingsOptions {
  /** The services that tokens are for, which docker_auth's file does not name. */
  readonly services: readonly string[]
  /** Whether the directory of the file is carried over, and the label that is a group there. */
  readonly directory: { readonly label: string | undefined } | undefined
}

/** Whether rules and a line of an htpasswd file can have this name. */
export function isCarriedName(name: string): boolean {
  // A comment, or a hash without a name, to whoever reads that line.
  if (/^(?:[#$]|\{SHA\})/.test(name)) return false
  return /^[^\s:*?/\p{Cc}][^:*?/\p{Cc}]{0,254}$/u.test(name) && !/\s$|\$\{/.test(name)
}

/** Whether a group of ours can have this name, which becomes a key of the file. */
function isCarriedGroup(name: string): boolean {
  return isCarriedName(name) && name !== '<<' && name !== '__proto__'
}

/** Whether it can be a service or the issuer here, and stand in our file as it is. */
export function isCarriedClaim(text: string): boolean {
  return isClaim(text) && !/^ | $|\$/.test(text)
}

/** What the file and the options make of them. */
export function surroundingsOf(
  { users = new Map(), acl = [] }: AuthConfig,
  { services, directory }: SurroundingsOptions,
): Surroundings {
  const evaluator = new AclEvaluator(acl)
  const labels = new Map<string, Labels>()
  for (const [name, user] of users) {
    // Also of whom there is no password: in the directory may be somebody of that name.
    if (isCarriedName(name)) labels.set(name, user.labels)
  }
  // Whom only a rule names may be in the directory, or come later.
  for (const { match } of acl) {
    for (const name of literalsOf(match.account ?? '')) {
      if (isCarriedName(name) && !users.has(name)) labels.set(name, new Map())
    }
  }
  const live = directory === undefined ? liveLabels(acl) : new Set([directory.label ?? ''])
  const known = groupsByUser(labels, live)
  const anonymous = users.get('')
  return {
    world: {
      known,
      members: membersByGroup(known),
      hasAnonymous: anonymous !== undefined && anonymous.password === undefined,
      isOpen: directory !== undefined,
    },
    labels,
    anonymousLabels: anonymous?.labels ?? new Map(),
    services: servicesOf(services, acl),
    groupLabel: groupLabelOf(labels, liveLabels(acl), directory?.label, directory !== undefined),
    directoryLabel: directory?.label,
    evaluator,
  }
}

/** Those that were given, and those that rules name; where there is none, the usual one. */
function servicesOf(given: readonly string[], acl: readonly AclEntry[]): readonly string[] {
  const named = acl.flatMap(({ match }) => literalsOf(match.service ?? ''))
  const all = [...given, ...named].filter(isCarriedClaim)
  return all.length === 0 ? ['registry'] : [...new Set(all)]
}

/** The labels that rules speak of. */
function liveLabels(acl: readonly AclEntry[]): ReadonlySet<string> {
  return new Set(
    acl.flatMap(({ match: { labels, account = '', type = '', name = '', service = '' } }) => [
      ...labels.keys(),
      ...[...`${account} ${type} ${name} ${service}`.matchAll(/\$\{labels:([^{}]*)\}/g)].map(
        ([, label]) => label as string,
      ),
    ]),
  )
}

/** `${group}` is any group of a person, so it stands for a label only where that is the only one. */
function groupLabelOf(
  labels: ReadonlyMap<string, Labels>,
  live: ReadonlySet<string>,
  directoryLabel: string | undefined,
  isOpen: boolean,
): string | undefined {
  const [label, ...others] = live
  if (label === undefined || others.length > 0 || (isOpen && label !== directoryLabel))
    return undefined
  const values = [...labels.values()].flatMap((each) => each.get(label) ?? [])
  // docker_auth puts a value in unquoted: of others it may make patterns.
  const isPlain = (value: string) => /^[A-Za-z0-9_-]+$/.test(value) && isCarriedGroup(value)
  return values.every(isPlain) ? label : undefined
}

function groupsByUser(
  labels: ReadonlyMap<string, Labels>,
  live: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, string>()
  const nameOf = (label: string, value: string): string => {
    const key = JSON.stringify([label, value])
    const known = names.get(key)
    if (known !== undefined) return known
    const taken = new Set(names.values())
    const wanted = live.size === 1 ? value : `${label}-${value}`
    let name = isCarriedGroup(wanted) ? wanted : `label-${names.size + 1}`
    while (taken.has(name)) name += '-2'
    names.set(key, name)
    return name
  }
  return new Map(
    [...labels].map(([name, of]) => [
      name,
      new Set(
        [...of].flatMap(([label, values]) =>
          live.has(label) ? values.map((value) => nameOf(label, value)) : [],
        ),
      ),
    ]),
  )
}

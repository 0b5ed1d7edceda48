/**
 * Whom a question about rights is about: who they are to the rules, as far as that can be known without
 * their password, and where each group comes from.
 */

import { basename } from 'node:path'
import type { AccountRecord } from '../admin/account-register.ts'
import type { Group } from '../authentication/authenticator.ts'
import {
  htpasswdNames,
  parseHtpasswd,
  readHtpasswd,
} from '../authentication/htpasswd/htpasswd-file.ts'
import { DirectoryFailure } from '../authentication/ldap/directory-session.ts'
import type { AskedName } from '../authorization/asked-name.ts'
import type { Asker } from '../authorization/authorize.ts'
import type { Policy } from '../authorization/policy.ts'
import type { BackendConfig, Config } from '../config/config.ts'
import { closest } from '../config/nearest.ts'
import { AppError } from '../errors.ts'

export interface AskedPerson {
  /** With all groups but those of the file, which rules know by themselves. */
  readonly asker: Asker | null
  /** All of them. */
  readonly groups: readonly Group[]
  readonly doubtfulGroups: readonly Group[]
  /** The backend that knows the name; undefined where none does, or none can tell. */
  readonly backend: string | undefined
  /** Why nobody can sign in by this name, whatever the rules say. */
  readonly obstacle: string | undefined
  /** What the answer does not know. */
  readonly notes: readonly string[]
}

export interface AskedPersonParts {
  readonly config: Config
  readonly policy: Policy
  /** Those of the database. */
  readonly accounts: readonly AccountRecord[]
  /** Groups to add, to see what they would change. */
  readonly groups: readonly string[]
}

export async function findAskedPerson(
  asked: AskedName,
  parts: AskedPersonParts,
): Promise<AskedPerson> {
  const { config, policy } = parts
  const nobody = { groups: [], doubtfulGroups: [], backend: undefined, obstacle: undefined }
  if (asked.kind === 'anonymous') return { ...nobody, asker: null, notes: [] }
  const added = parts.groups.map((name) => ({ name, origin: '--group' }))
  if (asked.kind === 'robot') {
    const notes = ['no backend signs robots in yet: this is by the rules alone']
    return { ...nobody, asker: { ...asked, groups: added }, groups: added, notes }
  }
  const { name = asked.name, groups, doubtfulGroups = [], ...found } = await find(asked.name, parts)
  const own = [...groups, ...added]
  const origin = groupsOrigin(config)
  return {
    ...found,
    asker: { name, kind: 'user', groups: own, doubtfulGroups },
    groups: [...own, ...policy.groupsOf(name).map((group) => ({ name: group, origin }))],
    doubtfulGroups,
  }
}

/** Where the groups of the file come from. */
export function groupsOrigin({ file }: Config): string {
  return `groups of ${basename(file ?? 'the configuration')}`
}

type Found = Pick<AskedPerson, 'backend' | 'obstacle' | 'notes' | 'groups'> & {
  /** As the backend calls them. */
  readonly name?: string
  readonly doubtfulGroups?: readonly Group[]
}

/** The first backend that knows the name decides, as it does at a login. */
async function find(name: string, parts: AskedPersonParts): Promise<Found> {
  const notes: string[] = []
  for (const entry of parts.config.authentication) {
    const found = await findIn(entry, name, parts)
    if (typeof found === 'string') notes.push(found)
    else if (found !== undefined) return { ...found, backend: entry.name, notes }
  }
  const nobody = { groups: [], backend: undefined, notes }
  // Who cannot be asked may know the name.
  if (notes.length > 0) return { ...nobody, obstacle: undefined }
  const like = closest(name, knownNames(parts))
  const meant = like === undefined ? '' : ` (one knows ${like})`
  return { ...nobody, obstacle: `no backend knows the name ${name}${meant}` }
}

/** @returns undefined where the backend does not know the name; a sentence where that cannot be said */
async function findIn(
  entry: BackendConfig,
  name: string,
  { accounts }: AskedPersonParts,
): Promise<Omit<Found, 'notes' | 'backend'> | string | undefined> {
  switch (entry.kind) {
    case 'htpasswd':
      return findInFile(entry, name)
    case 'accounts': {
      const account = accounts.find((each) => each.name === name)
      if (account === undefined) return undefined
      const obstacle = account.isDisabled
        ? `the account is disabled; \`dockwarden user enable ${name}\` lets it in again`
        : undefined
      return {
        groups: account.groups.map((group) => ({ name: group, origin: entry.name })),
        obstacle,
      }
    }
    case 'ldap':
      return await findInDirectory(entry, name)
  }
}

function findInFile(
  { name: backend, file }: Extract<BackendConfig, { kind: 'htpasswd' }>,
  name: string,
): ReturnType<typeof findIn> extends Promise<infer Result> ? Result : never {
  try {
    const found = parseHtpasswd(readHtpasswd(file), file).entries.get(name)
    if (found === undefined) return undefined
    const obstacle =
      found.hash === undefined
        ? `the hash on line ${found.line} of ${file} cannot be used`
        : undefined
    return { groups: [], obstacle }
  } catch (error) {
    if (error instanceof AppError) return `${backend} cannot tell who ${name} is: ${error.message}`
    throw error
  }
}

async function findInDirectory(
  entry: Extract<BackendConfig, { kind: 'ldap' }>,
  name: string,
): Promise<Omit<Found, 'notes' | 'backend'> | string | undefined> {
  const { bind } = entry
  const give = `if ${name} is there, give each group by --group`
  if (bind.kind === 'direct') {
    return `${entry.name} shows nobody without their password, because people bind to it as themselves; ${give}`
  }
  // Only now: who has no directory does not wait for it.
  const { lookUpPerson } = await import('../authentication/ldap/look-up-person.ts')
  try {
    const found = await lookUpPerson({ ...entry, bind }, name, () => new Date())
    if (found === undefined) return undefined
    const { subject, obstacle } = found
    return { groups: [], ...subject, obstacle }
  } catch (error) {
    if (error instanceof DirectoryFailure)
      return `${entry.name} cannot tell who ${name} is: ${error.message}; ${give}`
    throw error
  }
}

function knownNames({ config, accounts }: AskedPersonParts): readonly string[] {
  const ofFiles = config.authentication.flatMap((entry) =>
    entry.kind === 'htpasswd' ? (htpasswdNames(entry.file) ?? []) : [],
  )
  const hasAccounts = config.authentication.some(({ kind }) => kind === 'accounts')
  return [...ofFiles, ...(hasAccounts ? accounts.map(({ name }) => name) : [])]
}

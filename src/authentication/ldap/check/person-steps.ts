/** What a directory says of one person: without the password, and with it. */

import type { Clock } from '../../../clock.ts'
import { silentLog } from '../../../log.ts'
import type { Password } from '../../../protocol/credentials.ts'
import type { Subject } from '../../authenticator.ts'
import { DirectoryFailure, type DirectorySession } from '../directory-session.ts'
import { PersonReader } from '../known-person.ts'
import { openLdap } from '../ldap-authenticator.ts'
import { findEntry, type Person, readPerson, readTypedName } from '../person.ts'
import { Servers } from '../servers.ts'
import type { LdapSettings } from '../settings.ts'
import type { Findings } from './check-steps.ts'

/** The keys that say who is found by a name. */
const namingKeys = ['user.login_attributes', 'user.filter', 'user.base', 'base']

/**
 * @returns whom rules would see
 * @throws DirectoryFailure: nobody can log in by this name
 */
export async function findPerson(
  session: DirectorySession,
  settings: LdapSettings,
  typed: string,
  findings: Findings,
  clock: Clock,
): Promise<Subject> {
  const name = readTypedName(typed, settings)
  if (name === undefined) {
    const message = `"${typed}" is nobody's name: it has spaces, or a domain that user.domain does not name`
    throw new DirectoryFailure('configuration', message, { keys: ['user.domain', 'user'] })
  }
  const found = await findEntry(session, settings, name)
  if (found.kind === 'nobody') throw await nobody(session, settings, name)
  if (found.kind === 'several') {
    const message = `the name ${name} is that of several entries, so none of them can log in: ${found.dns.join('; ')}. Let login_attributes name what is unique, or narrow the filter`
    throw new DirectoryFailure('configuration', message, { keys: namingKeys })
  }
  const person = readPerson(found.entry, settings.user)
  if ('fault' in person) {
    throw new DirectoryFailure('configuration', person.fault, { keys: [person.key, 'preset'] })
  }
  const reader = new PersonReader({ settings, clock, log: silentLog })
  const known = await reader.read(session, name, found, performance.now())
  if (!('person' in known)) {
    const message = `${person.name} cannot log in: ${known.obstacle.reason}. Let name_attribute name what is unique, or narrow the filter`
    throw new DirectoryFailure('configuration', message, {
      keys: ['user.name_attribute', ...namingKeys],
    })
  }
  const { groups, notices, obstacle, obstacleKeys } = known
  Object.assign(findings.facts, {
    dn: person.dn,
    name: person.name,
    id: person.id,
    state: obstacle?.reason ?? 'nothing that is seen keeps the person out',
    groups: groups.length,
  })
  for (const notice of notices) findings.warn(`some groups do not count: ${notice}`, 'groups')
  if (await isLocked(session, settings, person)) {
    findings.warn(`${person.dn} is locked, or was a while ago: ask the directory's administrator`)
  }
  if (obstacle !== undefined) {
    findings.fail(`${person.name} cannot log in: ${obstacle.reason}`, ...obstacleKeys)
  }
  return reader.accepted(known).subject
}

async function nobody(
  session: DirectorySession,
  settings: LdapSettings,
  name: string,
): Promise<DirectoryFailure> {
  const { user } = settings
  const everybody = { ...settings, user: { ...user, filter: '(objectClass=*)' } }
  const others = await findEntry(session, everybody, name)
  if (others.kind === 'nobody') {
    const message = `${session.server} shows nobody of the name ${name} below ${user.bases.join(', ')}, in ${user.loginAttributes.join(', ')}`
    return new DirectoryFailure('configuration', message, { keys: namingKeys })
  }
  const dn = others.kind === 'one' ? others.entry.dn : others.dns.join('; ')
  const message = `${dn} bears the name ${name}, and the filter of people leaves it out: ${user.filter}`
  return new DirectoryFailure('configuration', message, { keys: ['user.filter', 'preset'] })
}

/** UF_LOCKOUT of msDS-User-Account-Control-Computed (MS-ADTS §3.1.1.4.5.17). */
const lockedOut = 0x10

/** A lock that may end by itself keeps nobody out for good, so logins do not look at it. */
async function isLocked(
  session: DirectorySession,
  { accountState }: LdapSettings,
  { dn }: Person,
): Promise<boolean> {
  if (accountState === 'none') return false
  const attribute = {
    active_directory: 'msDS-User-Account-Control-Computed',
    openldap: 'pwdAccountLockedTime',
  }[accountState]
  const { entries } = await session.search({
    base: dn,
    scope: 'base',
    filter: '(objectClass=*)',
    attributes: [attribute],
    limit: 2,
  })
  const [value] = entries[0]?.values(attribute) ?? []
  if (accountState === 'openldap') return value !== undefined
  return (Number(value ?? 0) & lockedOut) !== 0
}

/**
 * One login, as the server does it. A wrong password counts in the directory.
 *
 * @returns who it is; undefined where the answer is no
 * @throws AppError unavailable, with the DirectoryFailure as its cause
 */
export async function logIn(
  settings: LdapSettings,
  typed: string,
  password: Password,
  findings: Findings,
  clock: Clock,
): Promise<Subject | undefined> {
  const servers = new Servers(settings, { clock, log: silentLog })
  const backend = openLdap({ settings, servers, clock, log: silentLog })
  try {
    const candidate = await backend.find(typed)
    if (candidate === undefined) {
      findings.fail(`nobody can log in as "${typed}"`, ...namingKeys)
      return undefined
    }
    const verdict = await candidate.verify(password).finally(() => candidate.release())
    if (verdict.kind === 'rejected') {
      const keys = settings.bind.kind === 'direct' ? ['bind.user_template'] : []
      findings.fail(`refused: ${verdict.reason}`, ...keys)
      return undefined
    }
    const { name, groups } = verdict.subject
    Object.assign(findings.facts, { accepted: name, groups: groups.length })
    return verdict.subject
  } finally {
    backend.close()
  }
}

/** What a directory shows to the identity that searches: what kind it is, its people, its groups. */

import { isActiveDirectory, requireChainRule } from '../active-directory.ts'
import {
  DirectoryFailure,
  type DirectorySearch,
  type DirectorySession,
} from '../directory-session.ts'
import { normalName, parseDistinguishedName } from '../distinguished-name.ts'
import { allOf, parseFilter, present } from '../filter.ts'
import type { LdapSettings } from '../settings.ts'
import type { Findings } from './check-steps.ts'

/** More are not counted: the answer is the same, and the directory's work bounded. */
const countLimit = 100

/** @throws DirectoryFailure */
export async function findKind(
  session: DirectorySession,
  settings: LdapSettings,
  findings: Findings,
): Promise<void> {
  const { entries } = await session.search({
    base: '',
    scope: 'base',
    filter: '(objectClass=*)',
    attributes: ['supportedCapabilities', 'namingContexts', 'vendorName', 'objectClass'],
    limit: 2,
  })
  const [root] = entries
  if (root === undefined) {
    findings.facts['kind'] = 'not shown'
    return
  }
  const isAd = isActiveDirectory(root)
  const isOpenLdap = root.values('objectclass').includes('OpenLDAProotDSE')
  findings.facts['kind'] = isAd
    ? 'Active Directory'
    : isOpenLdap
      ? 'OpenLDAP'
      : (root.values('vendorname')[0] ?? 'unknown')
  findings.facts['naming_contexts'] = root.values('namingcontexts')
  const { accountState } = settings
  const keys = ['account_state', 'preset']
  if (isAd && accountState === 'openldap') {
    const message = `${session.server} is an Active Directory, whose disabled and expired accounts are not seen by the signs of openldap; write preset: active_directory`
    findings.warn(message, ...keys)
  } else if (!isAd && accountState === 'active_directory') {
    const message = `${session.server} is no Active Directory, and disabled and expired accounts are looked for by the signs of one; write preset: openldap, or freeipa`
    findings.warn(message, ...keys)
  }
}

/** @throws DirectoryFailure: a base is not there, or nobody is found below any */
export async function findPeople(
  session: DirectorySession,
  { user }: LdapSettings,
  findings: Findings,
): Promise<void> {
  const empty: DirectoryFailure[] = []
  const counts: Count[] = []
  for (const [index, base] of user.bases.entries()) {
    const keys = [`user.base[${index}]`, `base[${index}]`]
    await requireBase(session, base, keys)
    const { scope, filter } = user
    const found = await count(session, { base, scope, filter: parseFilter(filter) })
    counts.push(found)
    if (!found.isNone) continue
    const others = await count(session, { base, scope, filter: '(objectClass=*)' }, base)
    const message = others.isNone
      ? `${session.server} shows no entries below ${base}; is it the right base, and may the account see them?`
      : `${session.server} has entries below ${base}, and none that fits the filter of people, ${filter}`
    empty.push(
      new DirectoryFailure('configuration', message, {
        keys: others.isNone ? keys : ['user.filter', ...keys],
      }),
    )
  }
  findings.facts['people'] = sum(counts)
  const [failure] = empty
  if (failure !== undefined && empty.length === counts.length) throw failure
  for (const { message, keys } of empty) findings.warn(message, ...keys)
}

/** @throws DirectoryFailure: a base is not there, or groups are asked for in a way that it does not know */
export async function findGroups(
  session: DirectorySession,
  settings: LdapSettings,
  findings: Findings,
): Promise<void> {
  const { mode, bases, filter } = settings.groups
  findings.facts['mode'] = mode
  if (mode === 'none') return
  if (mode === 'ad_nested') await requireChainRule(session)
  const counts: Count[] = []
  for (const [index, base] of bases.entries()) {
    const keys = [`groups.base[${index}]`, `base[${index}]`]
    await requireBase(session, base, keys)
    const found = await count(session, { base, scope: 'sub', filter: parseFilter(filter) })
    counts.push(found)
    if (found.isNone) {
      const message = `${session.server} shows no group below ${base} that fits ${filter}`
      findings.warn(message, 'groups.filter', ...keys)
    }
  }
  findings.facts['groups'] = sum(counts)
  const areGroups = counts.some(({ isNone }) => !isNone)
  if (mode === 'member_of' && areGroups) await findMemberOf(session, settings, findings)
}

/** Where a directory does not keep `memberOf`, everybody would be in no group, and nothing would say why. */
async function findMemberOf(
  session: DirectorySession,
  { user }: LdapSettings,
  findings: Findings,
): Promise<void> {
  const { scope } = user
  const filter = allOf(parseFilter(user.filter), present('memberOf'))
  for (const base of user.bases) {
    if (!(await count(session, { base, scope, filter })).isNone) return
  }
  const message = `${session.server} has groups, and shows memberOf of nobody, so nobody would be in any group; write groups.mode: search, or let the account see memberOf`
  findings.fail(message, 'groups.mode', 'preset')
}

/** @throws DirectoryFailure */
async function requireBase(
  session: DirectorySession,
  base: string,
  keys: readonly string[],
): Promise<void> {
  const everything = { scope: 'base', filter: '(objectClass=*)', attributes: ['1.1'] } as const
  try {
    await session.search({ base, ...everything, limit: 2 })
  } catch (error) {
    if (!(error instanceof DirectoryFailure) || !error.keys.includes('base')) throw error
    const { kind, message } = error
    throw new DirectoryFailure(kind, `${message} (${base})`, { cause: error, keys })
  }
}

interface Count {
  readonly number: number
  readonly isNone: boolean
  /** There are more. */
  readonly isTruncated: boolean
}

/** @param besides an entry that does not count */
async function count(
  session: DirectorySession,
  search: Pick<DirectorySearch, 'base' | 'scope' | 'filter'>,
  besides?: string,
): Promise<Count> {
  const { entries, isTruncated } = await session.search({
    ...search,
    attributes: ['1.1'],
    limit: countLimit,
  })
  const number = entries.filter(({ dn }) => besides === undefined || !areSame(dn, besides)).length
  return { number, isNone: number === 0 && !isTruncated, isTruncated }
}

/** A directory spells a base as it was made: `DC=corp` for our `dc=corp`. */
function areSame(dn: string, other: string): boolean {
  const [one, two] = [parseDistinguishedName(dn), parseDistinguishedName(other)]
  return one !== undefined && two !== undefined && normalName(one) === normalName(two)
}

function sum(counts: readonly Count[]): number | string {
  const total = counts.reduce((all, { number }) => all + number, 0)
  return counts.some(({ isTruncated }) => isTruncated) ? `at least ${Math.max(1, total)}` : total
}

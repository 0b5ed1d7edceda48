/**
 * Locked, disabled, expired: what a directory's answer and a person's entry say of the account, and what
 * of that may be told. Only what proves that the password was right is told to whoever typed it.
 */

import type { BindRefusal, DirectoryEntry } from './directory-session.ts'
import type { LdapSettings } from './settings.ts'

type StateSigns = LdapSettings['accountState']

/** Why somebody may not log in. */
export interface Obstacle {
  /** For the operator. */
  readonly reason: string
  readonly isWrongPassword: boolean
  /** For the person; see `Rejected.tell`. */
  readonly tell?: string
}

const disabled = seenRight('the account is disabled', 'Your account is disabled.')
const accountExpired = seenRight('the account has expired', 'Your account has expired.')
const passwordExpired = seenRight(
  'the password has expired',
  'Your password has expired; change it, then log in again.',
)
const mustChange = seenRight(
  'the password must be changed first',
  'Your password must be changed before you can log in with it.',
)

/** Said for a wrong password as well: telling it would tell which names there are. */
const locked: Obstacle = { reason: 'the account is locked', isWrongPassword: true }

function seenRight(reason: string, tell: string): Obstacle {
  return { reason, isWrongPassword: false, tell }
}

/** Active Directory's sub-codes that it gives to nobody but who typed the right password. */
const provingCodes: Readonly<Record<string, Obstacle>> = {
  '532': passwordExpired,
  '533': disabled,
  '701': accountExpired,
  '773': mustChange,
}

/** What a refused bind of a person means. */
export function readRefusal(refusal: BindRefusal, signs: StateSigns): Obstacle {
  const { code, diagnostic, policy } = refusal
  // The policy looks at the password's age only once the password was right.
  if (policy === 'expired') return passwordExpired
  if (policy === 'must_change' && code === 0) return mustChange
  if (signs === 'active_directory' && code === 49) {
    const data = /\bdata ([0-9a-f]{3,4})\b/i.exec(diagnostic)?.[1]?.toLowerCase() ?? ''
    if (data === '775') return locked
    const proven = provingCodes[data]
    if (proven !== undefined) return proven
  }
  if (policy === 'locked') return locked
  // Some directories refuse a locked account in the same words as a wrong password.
  const reason = code === 49 ? 'wrong password' : 'refused by a rule of the directory'
  return { reason: `${reason} (${describe(refusal)})`, isWrongPassword: true }
}

export function describe({ code, diagnostic }: BindRefusal): string {
  return diagnostic === '' ? `code ${code}` : `code ${code}: ${diagnostic}`
}

const stateAttributes: Readonly<Record<StateSigns, readonly string[]>> = {
  active_directory: ['userAccountControl', 'accountExpires', 'pwdLastSet'],
  openldap: [
    'pwdReset',
    'pwdAccountLockedTime',
    // 389 Directory Server and FreeIPA.
    'nsAccountLock',
    'passwordExpirationTime',
    'krbPasswordExpiration',
    'krbPrincipalExpiration',
  ],
  none: [],
}

/** What a search must ask for, so that {@link readEntryState} and {@link readPasswordStamp} can tell. */
export function attributesOfState(signs: StateSigns): readonly string[] {
  return [...stateAttributes[signs], ...stampAttributes]
}

/**
 * What keeps somebody out though the directory accepts the password: not every directory refuses such
 * a bind, and what it accepted a moment ago is remembered.
 */
export function readEntryState(
  entry: DirectoryEntry,
  signs: StateSigns,
  now: Date,
): Obstacle | undefined {
  if (signs === 'active_directory') return readActiveDirectoryState(entry, now)
  if (signs === 'openldap') return readOpenLdapState(entry, now)
  return undefined
}

const accountDisable = 0x2
const dontExpirePassword = 0x10000

function readActiveDirectoryState(entry: DirectoryEntry, now: Date): Obstacle | undefined {
  const control = Number(entry.values('useraccountcontrol')[0] ?? 0)
  if ((control & accountDisable) !== 0) return disabled
  const expires = readFileTime(entry.values('accountexpires')[0])
  if (expires !== undefined && expires <= now.getTime()) return accountExpired
  const neverExpires = (control & dontExpirePassword) !== 0
  if (!neverExpires && entry.values('pwdlastset')[0] === '0') return mustChange
  return undefined
}

/** 100 ns since 1601; 0 and the highest 64 bit number stand for never. @returns milliseconds since 1970 */
function readFileTime(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,19}$/.test(text)) return undefined
  const value = BigInt(text)
  if (value === 0n || value === 0x7fffffffffffffffn) return undefined
  return Number(value / 10_000n) - 11_644_473_600_000
}

/** ppolicy writes this where an administrator has locked the account for good. */
const lockedForGood = '000001010000Z'

function readOpenLdapState(entry: DirectoryEntry, now: Date): Obstacle | undefined {
  const isTrue = (attribute: string) => entry.values(attribute)[0]?.toUpperCase() === 'TRUE'
  const isOver = (attribute: string) => {
    const time = readGeneralizedTime(entry.values(attribute)[0])
    return time !== undefined && time <= now.getTime()
  }
  if (isTrue('nsaccountlock')) return disabled
  if (entry.values('pwdaccountlockedtime').includes(lockedForGood)) return disabled
  if (isOver('krbprincipalexpiration')) return accountExpired
  if (isTrue('pwdreset')) return mustChange
  // 389 Directory Server sets it to the epoch where an administrator has given a new password.
  if (readGeneralizedTime(entry.values('passwordexpirationtime')[0]) === 0) return mustChange
  if (isOver('passwordexpirationtime') || isOver('krbpasswordexpiration')) return passwordExpired
  return undefined
}

/** RFC 4517 §3.3.13, in UTC as directories write it. @returns milliseconds since 1970 */
function readGeneralizedTime(text: string | undefined): number | undefined {
  const [, year, month, day, hour, minute = '00', second = '00'] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:[.,]\d+)?Z$/.exec(text ?? '') ?? []
  if (year === undefined) return undefined
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}

const stampAttributes = [
  'pwdLastSet',
  'pwdChangedTime',
  'krbLastPwdChange',
  'passwordExpirationTime',
  // A right password is refused while the account is locked, and has to be asked again after that.
  'pwdAccountLockedTime',
  'lockoutTime',
] as const

/**
 * Another one whenever the password has changed, or the account was locked or unlocked; empty where the
 * directory shows neither.
 */
export function readPasswordStamp(entry: DirectoryEntry): string {
  return stampAttributes
    .flatMap((attribute) => entry.values(attribute).map((time) => `${attribute} ${time}`))
    .join(', ')
}

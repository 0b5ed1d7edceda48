/** Whom the test domain knows: accounts in every state that Active Directory has, and nested groups. */

import { passwordOf } from './directory-entries.ts'
import { formatLdif } from './ldif.ts'

export const realm = 'AD.TEST'
export const domainSuffix = 'DC=ad,DC=test'

const person = (name: string): string => `CN=${name},OU=people,${domainSuffix}`
const group = (name: string, unit = 'groups'): string => `CN=${name},OU=${unit},${domainSuffix}`

/** May search, as every account of a domain may; what a Dockwarden is configured with. */
export const domainServiceAccount = {
  dn: `CN=dockwarden,OU=services,${domainSuffix}`,
  password: passwordOf('dockwarden'),
}

/** sAMAccountName → DN. All log in with `passwordOf(name)`; the last five are refused in their own ways. */
export const domainPeople = {
  alice: person('alice'),
  bob: person('bob'),
  josé: person('josé'),
  sam: `CN=Smith\\, Sam \\"the \\\\\\" \\+1,OU=people,${domainSuffix}`,
  /** For lock-outs: five wrong passwords lock anybody out. */
  forgetful: person('forgetful'),
  disabled: person('disabled'),
  /** The account's own end has come. */
  expired: person('expired'),
  /** Has to choose a password first. */
  changing: person('changing'),
  /** The password is too old. */
  outdated: person('outdated'),
} as const

/** developers ⊂ engineering ⊂ company ⊂ developers: a loop. `admins` is the cn of bob's group and of alice's. */
export const domainGroups = {
  developers: group('developers'),
  engineering: group('engineering'),
  company: group('company'),
  admins: group('admins'),
  'admins of contractors': group('admins', 'contractors'),
} as const

/** Wrong passwords until an account is locked. */
export const lockoutThreshold = 5

/** LDIF of a new domain's policy, units, people and groups. */
export function domainLdif(): string {
  const people = Object.entries(domainPeople)
  return [
    `dn: ${domainSuffix}\nchangetype: modify\n`,
    `replace: lockoutThreshold\nlockoutThreshold: ${lockoutThreshold}\n-\n`,
    // Passwords need not be complex.
    'replace: pwdProperties\npwdProperties: 0\n\n',
    ...['people', 'services', 'groups', 'contractors'].map((ou) =>
      formatLdif(`OU=${ou},${domainSuffix}`, { objectClass: 'organizationalUnit', ou }),
    ),
    userLdif('dockwarden', domainServiceAccount.dn),
    ...people.map(([name, dn]) => userLdif(name, dn)),
    ...groupsLdif(),
  ].join('')
}

/** What a domain controller takes a password as: UTF-16 between quotation marks. */
export function unicodePassword(password: string): Buffer {
  return Buffer.from(`"${password}"`, 'utf16le')
}

function userLdif(name: string, dn: string): string {
  const state: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    disabled: { userAccountControl: '514' },
    expired: { accountExpires: '132000000000000000' },
    changing: { pwdLastSet: '0' },
  }
  return formatLdif(dn, {
    objectClass: 'user',
    sAMAccountName: name,
    userPrincipalName: `${name}@ad.test`,
    mail: `${name}@ad.test`,
    unicodePwd: unicodePassword(passwordOf(name)),
    userAccountControl: '512',
    ...state[name],
  })
}

function groupsLdif(): readonly string[] {
  const { alice, bob, josé, sam } = domainPeople
  const { developers, engineering, company, admins } = domainGroups
  const names = (sAMAccountName: string, dn: string, ...member: string[]): string =>
    formatLdif(dn, { objectClass: 'group', sAMAccountName, member })
  return [
    names('developers', developers, alice, josé, sam),
    names('engineering', engineering, developers),
    names('company', company, engineering),
    // The loop can only be closed when all of it is there.
    `dn: ${developers}\nchangetype: modify\nadd: member\nmember: ${company}\n\n`,
    names('admins', admins, bob),
    names('admins of contractors', domainGroups['admins of contractors'], alice),
  ]
}

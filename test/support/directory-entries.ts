/** Whom the test directories know: people, a service account, and groups of every usual kind. */

import { formatLdif } from './ldif.ts'

export const suffix = 'dc=example,dc=org'

/** May search everything; what a Dockwarden is configured with. */
export const serviceAccount = {
  dn: `cn=dockwarden,ou=services,${suffix}`,
  password: 'the password of dockwarden',
}

/** Login name → DN. Sam's needs every kind of escaping, and OpenLDAP gives it back as `cn=Smith\\2C Sam…`. */
export const people = {
  alice: `uid=alice,ou=people,${suffix}`,
  bob: `uid=bob,ou=people,${suffix}`,
  carol: `uid=carol,ou=people,${suffix}`,
  dave: `uid=dave,ou=people,${suffix}`,
  josé: `uid=josé,ou=people,${suffix}`,
  sam: `cn=Smith\\, Sam \\"the \\\\\\" \\+1,ou=people,${suffix}`,
} as const

export type Person = keyof typeof people

/** The value of `mail` that carol has beside her own, and dave has too. */
export const sharedMail = 'shared@example.org'

/** What the person logs in with. */
export function passwordOf(person: string): string {
  return `the password of ${person}`
}

const group = (name: string, unit = 'groups'): string => `cn=${name},ou=${unit},${suffix}`

/**
 * developers ⊂ engineering ⊂ company ⊂ developers: a loop. `admins` is the name of two groups, bob's and
 * alice's. `memberOf` shows groupOfNames alone: neither `operations` nor `builders`.
 */
export const groups = {
  developers: group('developers'),
  engineering: group('engineering'),
  company: group('company'),
  admins: group('admins'),
  'admins of contractors': group('admins', 'contractors'),
  operations: group('operations'),
  builders: group('builders'),
} as const

/** LDIF of the suffix and the empty units. */
export function unitsLdif(): string {
  const units = ['people', 'services', 'groups', 'contractors', 'policies', 'errors']
  return [
    formatLdif(suffix, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' }),
    ...units.map((ou) =>
      formatLdif(`ou=${ou},${suffix}`, { objectClass: 'organizationalUnit', ou }),
    ),
  ].join('')
}

/** LDIF of the people and the service account. */
export function peopleLdif(): string {
  return [
    formatLdif(serviceAccount.dn, {
      objectClass: ['organizationalRole', 'simpleSecurityObject'],
      cn: 'dockwarden',
      userPassword: serviceAccount.password,
    }),
    ...Object.entries(people).map(([uid, dn]) => personLdif(uid, dn)),
  ].join('')
}

/** LDIF of the groups, to be added when the directory runs: what keeps `memberOf` sees additions only. */
export function groupsLdif(): string {
  const names = (dn: string, ...member: string[]): string =>
    formatLdif(dn, { objectClass: 'groupOfNames', cn: nameOf(dn), member })
  return [
    names(groups.developers, people.alice, people.josé, people.sam),
    names(groups.engineering, groups.developers, people.carol),
    names(groups.company, groups.engineering),
    // The loop can only be closed when all of it is there.
    `dn: ${groups.developers}\nchangetype: modify\nadd: member\nmember: ${groups.company}\n\n`,
    names(groups.admins, people.bob),
    names(groups['admins of contractors'], people.alice),
    formatLdif(groups.operations, {
      objectClass: 'groupOfUniqueNames',
      cn: nameOf(groups.operations),
      uniqueMember: [people.bob, people.carol],
    }),
    formatLdif(groups.builders, {
      objectClass: 'posixGroup',
      cn: nameOf(groups.builders),
      gidNumber: '2000',
      memberUid: ['alice', 'bob'],
    }),
  ].join('')
}

/** The first RDN's value, of a DN whose RDN needs no escaping. */
function nameOf(dn: string): string {
  return dn.slice(dn.indexOf('=') + 1, dn.indexOf(','))
}

/** LDIF of one more person, who logs in with `passwordOf(uid)`. */
export function personLdif(uid: string, dn: string): string {
  const own = uid === 'josé' ? [] : [`${uid}@example.org`]
  const shared = uid === 'carol' || uid === 'dave' ? [sharedMail] : []
  return formatLdif(dn, {
    objectClass: 'inetOrgPerson',
    uid,
    cn: uid === 'sam' ? 'Smith, Sam "the \\" +1' : uid,
    sn: uid,
    mail: [...own, ...shared],
    userPassword: passwordOf(uid),
  })
}

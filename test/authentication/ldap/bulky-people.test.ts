/**
 * Groups are read before the password, so by typing a name anybody has that person's groups read: however
 * much they are, it must not be taken for a server that is ill, or all others lose their logins.
 */

import { beforeAll, expect, test } from 'vitest'
import { passwordOf, people, suffix } from '../../support/directory-entries.ts'
import { startLdapProxy } from '../../support/ldap-proxy.ts'
import { formatLdif } from '../../support/ldif.ts'
import { describeWithParts } from '../../support/parts.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { login } from '../login.ts'
import { type Changes, openBackend, openldapSettings } from './backend.ts'

const units = ['huge', 'wide', 'deep'] as const
const unit = (ou: (typeof units)[number]) => `ou=${ou},${suffix}`
const group = (dn: string, names: string | readonly string[], member: string) =>
  formatLdif(dn, { objectClass: 'groupOfNames', cn: names, member })

/** alice is in one group whose names are 1.2 MB. */
const huge = group(
  `cn=huge,${unit('huge')}`,
  ['huge', ...Array.from({ length: 40 }, (_, index) => `${index}${'x'.repeat(30_000)}`)],
  people.alice,
)
/** bob is in 300 groups, and each of them in another one. */
const wide = Array.from({ length: 300 }, (_, index) => [
  group(`cn=inner${index},${unit('wide')}`, `inner${index}`, people.bob),
  group(`cn=outer${index},${unit('wide')}`, `outer${index}`, `cn=inner${index},${unit('wide')}`),
])
/** carol is in a group within a group within … */
const deep = Array.from({ length: 60 }, (_, index) =>
  group(
    `cn=level${index},${unit('deep')}`,
    `level${index}`,
    index === 0 ? people.carol : `cn=level${index - 1},${unit('deep')}`,
  ),
)

describeWithParts('a person with bulky groups', ['slapd', 'ldapmodify'], () => {
  let slapd: Slapd

  beforeAll(async () => {
    slapd = await startSlapd()
    const folders = units.map((ou) =>
      formatLdif(unit(ou), { objectClass: 'organizationalUnit', ou }),
    )
    await slapd.add([...folders, huge, ...wide.flat(), ...deep].join(''))
  })

  /** One failure of the server's would be enough to leave it alone. */
  const open = (ou: (typeof units)[number], changes: Changes = {}, url = slapd.url) =>
    openBackend(
      openldapSettings([url], {
        breaker: { failures: 1, open: 60_000 },
        ...changes,
        groups: { bases: [unit(ou)], depth: 100, ...changes.groups },
      }),
    ).backend

  test('of which one is larger than any answer is refused alone, and the operator hears what to change', async () => {
    const backend = open('huge')
    for (let turn = 0; turn < 3; turn += 1) {
      await expect(login(backend, 'alice', 'any')).rejects.toMatchObject({
        code: 'unavailable',
        cause: {
          kind: 'too_large',
          keys: expect.arrayContaining(['groups.filter']),
          message: expect.stringMatching(
            /^ldap:\/\/\S+ sent .*bytes.*; so much of one person is not read: let groups\.filter/,
          ),
        },
      })
      expect(backend.status()).toEqual({ ok: true })
    }
    expect(await login(backend, 'bob', passwordOf('bob'))).toMatchObject({ kind: 'accepted' })
  })

  test('that are hundreds, each within another, is asked for in a bounded number of questions, and none is missing', async () => {
    const before = (await slapd.log()).length
    const verdict = await login(open('wide'), 'bob', passwordOf('bob'))
    expect((await slapd.log()).length - before).toBeLessThan(200)
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict))
    const { groups } = verdict.subject
    expect(groups).toHaveLength(600)
    const outer = groups.filter(({ name }) => name.startsWith('outer'))
    // The first are told exactly, the rest as far as it is known.
    const told = outer.filter(({ origin }) => /through cn=inner\d+,[^;]*$/.test(origin))
    expect(told.length).toBeGreaterThan(20)
    const rest = outer.filter(({ origin }) =>
      / through one of cn=inner.* and \d+ more$/.test(origin),
    )
    expect(rest.length).toBeGreaterThan(100)
  })

  test('that take longer than a login may is refused alone; a server that is slow to answer is ill', async () => {
    await using proxy = await startLdapProxy(slapd.port)
    proxy.fault = { kind: 'delay', milliseconds: 60 }
    const deadlines = { connect: 3000, operation: 3000, login: 3000 }
    const backend = open('deep', { deadlines }, proxy.url)
    await expect(login(backend, 'carol', 'any')).rejects.toMatchObject({
      code: 'unavailable',
      cause: {
        message: expect.stringMatching(/answered \d+ questions .*; raise login_deadline/),
        keys: expect.arrayContaining(['login_deadline']),
      },
    })
    expect(backend.status()).toEqual({ ok: true })
    expect(await login(backend, 'dave', passwordOf('dave'))).toMatchObject({ kind: 'accepted' })
    proxy.fault = { kind: 'delay', milliseconds: 900 }
    await expect(login(backend, 'dave', passwordOf('dave'))).rejects.toMatchObject({
      cause: { message: expect.stringContaining('did not answer within the time of a login') },
    })
    expect(backend.status()).toMatchObject({ ok: false })
  })
})

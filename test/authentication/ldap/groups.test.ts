/** The groups of people at a real OpenLDAP server. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Group } from '../../../src/authentication/authenticator.ts'
import type { LdapGroups } from '../../../src/authentication/ldap/settings.ts'
import { groups, passwordOf, people, suffix } from '../../support/directory-entries.ts'
import { answering, startHostileDirectory } from '../../support/hostile-directory.ts'
import { bindResponse, requests, searchDone, searchEntry } from '../../support/ldap-messages.ts'
import { formatLdif } from '../../support/ldif.ts'
import { describeWithParts } from '../../support/parts.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { login } from '../login.ts'
import { type LogLine, openBackend, openldapSettings } from './backend.ts'

const inGroups = { bases: [`ou=groups,${suffix}`] }

describeWithParts('groups of a directory', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd

  beforeAll(async () => {
    slapd = await startSlapd()
  })
  afterAll(async () => await slapd.stop())

  const read = async (
    person: string,
    changes: Partial<LdapGroups> = {},
  ): Promise<{
    groups: readonly Group[]
    names: readonly string[]
    doubtful: readonly string[]
    lines: readonly LogLine[]
  }> => {
    const { backend, lines } = openBackend(openldapSettings([slapd.url], { groups: changes }))
    const verdict = await login(backend, person, passwordOf(person))
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict))
    const { groups: found, doubtfulGroups = [] } = verdict.subject
    const namesOf = (all: readonly Group[]) => all.map(({ name }) => name).sort()
    return { groups: found, names: namesOf(found), doubtful: namesOf(doubtfulGroups), lines }
  }

  describe('B6: in every mode they are those of the directory', () => {
    const cases: readonly (readonly [string, string, Partial<LdapGroups>, readonly string[]])[] = [
      [
        'member and memberUid, nested, in a loop',
        'alice',
        inGroups,
        ['builders', 'company', 'developers', 'engineering'],
      ],
      ['uniqueMember and memberUid', 'bob', inGroups, ['admins', 'builders', 'operations']],
      ['a DN with every escape', 'sam', inGroups, ['company', 'developers', 'engineering']],
      ['nobody in no group', 'dave', inGroups, []],
      ['not nested', 'alice', { ...inGroups, nested: false }, ['builders', 'developers']],
      [
        'memberOf, nested',
        'alice',
        { ...inGroups, mode: 'member_of' },
        ['company', 'developers', 'engineering'],
      ],
      [
        'memberOf, not nested',
        'carol',
        { ...inGroups, mode: 'member_of', nested: false },
        ['engineering'],
      ],
      [
        'memberOf, a DN with every escape',
        'sam',
        { ...inGroups, mode: 'member_of', nested: false },
        ['developers'],
      ],
      [
        'one member attribute',
        'bob',
        { ...inGroups, memberAttributes: ['uniqueMember'] },
        ['operations'],
      ],
      ['only memberUid', 'alice', { ...inGroups, memberAttributes: ['memberUid'] }, ['builders']],
      ['a filter', 'bob', { ...inGroups, filter: '(objectClass=posixGroup)' }, ['builders']],
      ['none', 'alice', { mode: 'none' }, []],
    ]
    for (const [what, person, changes, expected] of cases) {
      test(what, async () => expect((await read(person, changes)).names).toEqual(expected))
    }
  })

  test('each says where it came from', async () => {
    const found = (await read('alice', inGroups)).groups
    expect(Object.fromEntries(found.map(({ name, origin }) => [name, origin]))).toEqual({
      developers: `member of ${groups.developers}`,
      builders: `member of ${groups.builders}`,
      engineering: `${groups.engineering} through ${groups.developers}`,
      company: `${groups.company} through ${groups.engineering}`,
    })
    const [direct] = (await read('carol', { ...inGroups, mode: 'member_of', nested: false })).groups
    expect(direct?.origin).toBe(`memberOf ${groups.engineering}`)
  })

  test('ad_nested is refused where the directory is no Active Directory', async () => {
    await expect(read('alice', { mode: 'ad_nested' })).rejects.toMatchObject({
      code: 'unavailable',
      cause: { message: expect.stringMatching(/no Active Directory/) },
    })
  })

  describe('B6: who is in more groups than are read is refused, with the limit to raise: one of them may be denied something', () => {
    const refusal = async (changes: Partial<LdapGroups>, password = passwordOf('alice')) => {
      const { backend } = openBackend(openldapSettings([slapd.url], { groups: changes }))
      return await login(backend, 'alice', password)
    }

    test('depth', async () => {
      expect(await refusal({ ...inGroups, depth: 1 })).toMatchObject({
        kind: 'rejected',
        isWrongPassword: false,
        reason: expect.stringMatching(
          `followed 1 deep, and there are deeper ones: ${groups.company}; raise groups.depth`,
        ),
        tell: expect.stringContaining('Not all of your groups could be read'),
      })
      const two = await read('alice', { ...inGroups, depth: 2 })
      expect(two.names).toEqual(['builders', 'company', 'developers', 'engineering'])
      expect(two.lines).toEqual([])
    })

    for (const mode of ['search', 'member_of'] as const) {
      test(`max, ${mode}`, async () => {
        expect(await refusal({ ...inGroups, mode, max: 2 })).toMatchObject({
          kind: 'rejected',
          reason: expect.stringContaining('more than 2 groups; raise groups.max'),
        })
      })
    }

    test('memberOf, of which Active Directory gives 1,500 values at once', async () => {
      const entry = {
        uid: ['alice'],
        entryUUID: ['1'],
        memberOf: [],
        'memberOf;range=0-1499': [groups.developers],
      }
      await using directory = await startHostileDirectory(
        answering(({ id, tag }) => {
          if (tag === requests.bind) return [bindResponse(id, 0)]
          return tag === requests.search
            ? [searchEntry(id, people.alice, entry), searchDone(id)]
            : []
        }),
      )
      const changes = { groups: { ...inGroups, mode: 'member_of', nested: false } } as const
      const { backend } = openBackend(openldapSettings([directory.url], changes))
      expect(await login(backend, 'alice', 'any')).toMatchObject({
        kind: 'rejected',
        isWrongPassword: false,
        reason: expect.stringMatching(/directory gives at once; let groups\.mode be search/),
      })
    })

    test('a guesser is not told', async () => {
      const guess = await refusal({ ...inGroups, depth: 1 }, 'wrong')
      expect(guess).toMatchObject({ kind: 'rejected', isWrongPassword: true })
      expect(guess).not.toHaveProperty('tell')
    })
  })

  describe('B7: who may make a group somewhere does not get the rights of another by its name', () => {
    for (const mode of ['search', 'member_of'] as const) {
      test(`by name, ${mode}: a name counts only for who is in every group that bears it`, async () => {
        for (const person of ['alice', 'bob']) {
          const { names, doubtful, lines } = await read(person, { mode })
          expect(names, person).not.toContain('admins')
          // What is denied to the admins, whoever makes another group of the name cannot free them of.
          expect(doubtful, person).toEqual(['admins'])
          expect(lines[0]?.message).toMatch(/several groups named admins, and the person is not in/)
        }
        const dn = groups['admins of contractors']
        await slapd.modify(`dn: ${dn}\nchangetype: modify\nadd: member\nmember: ${people.bob}\n\n`)
        expect((await read('bob', { mode })).names).toContain('admins')
        expect((await read('alice', { mode })).names).not.toContain('admins')
        await slapd.modify(
          `dn: ${dn}\nchangetype: modify\ndelete: member\nmember: ${people.bob}\n\n`,
        )
      })

      test(`by the map, ${mode}: the DN decides, in any spelling`, async () => {
        const dn = `CN = Admins, OU=groups,${suffix.toUpperCase()}`
        const map = [{ dn, group: 'registry-admins' }]
        expect((await read('bob', { mode, map })).groups).toEqual([
          { name: 'registry-admins', origin: expect.stringContaining(groups.admins) },
        ])
        expect((await read('alice', { mode, map })).names).toEqual([])
      })

      test(`by the whole DN, ${mode}`, async () => {
        const changes = { mode, nameAttribute: 'dn', nested: false }
        expect((await read('bob', changes)).names).toContain(groups.admins)
        expect((await read('alice', changes)).names).toContain(groups['admins of contractors'])
        expect((await read('alice', changes)).names).not.toContain(groups.admins)
      })
    }
  })

  test('only groups within the bases count, also where memberOf names others', async () => {
    const { names } = await read('alice', {
      mode: 'member_of',
      bases: [`ou=contractors,${suffix}`],
    })
    expect(names).toEqual(['admins'])
  })

  test('a name that means something in rules does not count, and others count in lower case', async () => {
    const names = ['*', 'user:root', 'DevOps', 'Größe', 'a, b "c"', ' led', 'control\u0001']
    const dn = (name: string) =>
      `cn=${[...Buffer.from(name)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')},ou=odd,${suffix}`
    const ldif = names.map((cn) =>
      formatLdif(dn(cn), { objectClass: 'groupOfNames', cn, member: people.dave }),
    )
    const unit = formatLdif(`ou=odd,${suffix}`, { objectClass: 'organizationalUnit', ou: 'odd' })
    await slapd.add(`${unit}${ldif.join('')}`)
    for (const mode of ['search', 'member_of'] as const) {
      const found = await read('dave', { mode, bases: [`ou=odd,${suffix}`] })
      expect(found.names).toEqual(['a, b "c"', 'devops', 'größe'])
      expect(found.lines).toHaveLength(1)
      expect(found.lines[0]?.message.match(/no cn that a rule/g)).toHaveLength(4)
    }
  })

  test('what does not count is one line of bounded length, and told again when it has changed', async () => {
    const unit = `ou=shared,${suffix}`
    const folders = [unit, `ou=of bob,${unit}`, `ou=of dave,${unit}`].map((dn) =>
      formatLdif(dn, { objectClass: 'organizationalUnit', ou: dn.slice(3, dn.indexOf(',')) }),
    )
    const team = (index: number, person: 'bob' | 'dave') =>
      formatLdif(`cn=team${index},ou=of ${person},${unit}`, {
        objectClass: 'groupOfNames',
        cn: `team${index}`,
        member: people[person],
      })
    const teams = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => [
        team(from + index, 'bob'),
        team(from + index, 'dave'),
      ])
    await slapd.add([...folders, ...teams(0, 150).flat()].join(''))
    const { backend, lines } = openBackend(
      openldapSettings([slapd.url], { groups: { bases: [unit] } }),
    )
    for (const name of ['dave', 'DAVE', 'Dave']) await login(backend, name, 'any guess')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.message).toMatch(/several groups named team.*; and 140 more$/)
    expect(lines[0]?.message.length).toBeLessThan(8_000)
    await login(backend, 'bob', 'any guess')
    expect(lines).toHaveLength(2)
    await slapd.add(teams(150, 151).flat().join(''))
    await login(backend, 'dave', 'any guess')
    expect(lines).toHaveLength(3)
    expect(lines[2]?.message).toMatch(/; and 141 more$/)
  })

  test('A5: a group that was lost is gone at the next login', async () => {
    const change = async (verb: string) =>
      await slapd.modify(
        `dn: ${groups.operations}\nchangetype: modify\n${verb}: uniqueMember\nuniqueMember: ${people.bob}\n\n`,
      )
    const { backend } = openBackend(openldapSettings([slapd.url], { groups: inGroups }))
    const names = async () => {
      const verdict = await login(backend, 'bob', passwordOf('bob'))
      return verdict.kind === 'accepted' ? verdict.subject.groups.map(({ name }) => name) : []
    }
    expect(await names()).toContain('operations')
    await change('delete')
    expect(await names()).not.toContain('operations')
    await change('add')
  })

  test('who is in none of the required groups is refused, and told only with the right password', async () => {
    const changes = { groups: { ...inGroups, required: ['operations', 'company'] } }
    const { backend } = openBackend(openldapSettings([slapd.url], changes))
    expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
    expect(await login(backend, 'dave', passwordOf('dave'))).toMatchObject({
      kind: 'rejected',
      isWrongPassword: false,
      tell: expect.stringContaining('none of the groups'),
    })
    const wrong = await login(backend, 'dave', 'wrong')
    expect(wrong).toMatchObject({ kind: 'rejected', isWrongPassword: true })
    expect(wrong).not.toHaveProperty('tell')
  })

  test('a required group that is written in other letters than rules call it is told', async () => {
    const changes = { groups: { ...inGroups, required: ['Operations', 'Company'] } }
    const { backend } = openBackend(openldapSettings([slapd.url], changes))
    expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({
      kind: 'rejected',
      reason:
        'in none of the required groups: Operations, Company; write company, as rules call it',
    })
  })

  test('B6: 2,000 groups', async () => {
    const unit = `ou=many,${suffix}`
    const ldif = Array.from({ length: 2000 }, (_, index) =>
      formatLdif(`cn=group-${index},${unit}`, {
        objectClass: 'groupOfNames',
        cn: `group-${index}`,
        member: people.carol,
      }),
    )
    const many = formatLdif(unit, { objectClass: 'organizationalUnit', ou: 'many' })
    await slapd.add(`${many}${ldif.join('')}`)
    const all = { bases: [unit], max: 5000 }
    for (const nested of [false, true]) {
      const { names, lines } = await read('carol', { ...all, mode: 'member_of', nested })
      expect(names).toHaveLength(2000)
      expect(lines).toEqual([])
    }
    // slapd gives 500 entries at once, unless it is told otherwise.
    const refusals = [
      [{ ...all, nested: false }, "more of the person's groups than the directory gives at once"],
      [{ ...all, mode: 'member_of', max: 1000 }, 'more than 1000 groups'],
    ] as const
    for (const [changes, reason] of refusals) {
      await expect(read('carol', changes)).rejects.toThrow(reason)
    }
  })
})

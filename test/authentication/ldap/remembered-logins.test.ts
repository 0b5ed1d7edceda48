/** The cache of logins, at a real OpenLDAP server: fewer questions, and never a right for longer. */

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { groups, passwordOf, people, suffix } from '../../support/directory-entries.ts'
import { describeWithParts } from '../../support/parts.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { login } from '../login.ts'
import { type Changes, openBackend, openldapSettings } from './backend.ts'

/** Longer than any test takes, also on a busy machine. */
const long = 600_000
const short = 300

describeWithParts('remembered logins', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd
  let seen = 0

  beforeAll(async () => {
    slapd = await startSlapd({ readers: 'users' })
  })
  afterAll(async () => await slapd.stop())
  beforeEach(async () => {
    seen = (await slapd.log()).length
  })

  const direct = { kind: 'direct', template: `uid={user},ou=people,${suffix}` } as const
  const kinds: readonly (readonly [string, Changes])[] = [
    ['search and bind', {}],
    ['direct bind', { bind: direct }],
  ]
  const open = (changes: Changes = {}) =>
    openBackend(
      openldapSettings([slapd.url], {
        cacheTime: long,
        groups: { bases: [`ou=groups,${suffix}`] },
        ...changes,
      }),
    ).backend
  /** Without the ends of connections. */
  const questions = async () =>
    (await slapd.log()).filter(({ kind }) => kind === 'BIND' || kind === 'SRCH').length
  const binds = async (dn: string) =>
    (await slapd.log()).slice(seen).filter((each) => each.kind === 'BIND' && each.dn === dn).length

  for (const [kind, changes] of kinds) {
    test(`${kind}: a login is remembered`, async () => {
      const backend = open(changes)
      await login(backend, 'alice', passwordOf('alice'))
      const before = await questions()
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({
        kind: 'accepted',
        subject: { name: 'alice' },
      })
      expect(await questions()).toBe(before)
    })

    test(`${kind}: not for longer than the time`, async () => {
      const backend = open({ ...changes, cacheTime: short })
      await login(backend, 'alice', passwordOf('alice'))
      await sleep(short + 50)
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
      expect(await binds(people.alice)).toBe(2)
    })

    test(`${kind}: 50 logins at once are one bind`, async () => {
      const backend = open(changes)
      const verdicts = await Promise.all(
        Array.from({ length: 50 }, () => login(backend, 'bob', passwordOf('bob'))),
      )
      for (const verdict of verdicts) expect(verdict).toMatchObject({ kind: 'accepted' })
      expect(await binds(people.bob)).toBe(1)
      await expect.poll(() => slapd.connections()).toBe(0)
    })

    test(`${kind}: a wrong password is never remembered, and does not make us forget the right one`, async () => {
      const backend = open(changes)
      await login(backend, 'alice', passwordOf('alice'))
      for (let guess = 0; guess < 2; guess += 1)
        expect(await login(backend, 'alice', 'wrong')).toMatchObject({ kind: 'rejected' })
      expect(await binds(people.alice)).toBe(3)
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
      expect(await binds(people.alice)).toBe(3)
    })

    test(`${kind}: the time 0 remembers nothing`, async () => {
      const backend = open({ ...changes, cacheTime: 0 })
      for (let time = 0; time < 2; time += 1) await login(backend, 'alice', passwordOf('alice'))
      expect(await binds(people.alice)).toBe(2)
    })
  }

  test('an empty password is refused whatever is remembered', async () => {
    const backend = open()
    await login(backend, 'alice', passwordOf('alice'))
    expect(await login(backend, 'alice', '')).toMatchObject({ kind: 'rejected' })
  })

  test('a name is remembered to the letter, and only of who has logged in', async () => {
    const backend = open()
    await login(backend, 'alice', passwordOf('alice'))
    const searches = async () =>
      (await slapd.log()).filter(({ filter }) => filter?.includes('(uid=')).length
    const before = await searches()
    for (const name of ['ALICE', 'mallory', 'mallory']) await login(backend, name, 'wrong')
    await login(backend, 'ALICE', 'wrong')
    expect(await searches()).toBe(before + 4)
  })

  /** When the last login began that was still a yes. */
  const lastYes = async (isYes: () => Promise<boolean>): Promise<number> => {
    let last = 0
    for (;;) {
      const start = performance.now()
      if (!(await isYes())) return last
      last = start
      await sleep(5)
    }
  }

  test('A5: a group that was lost is gone within the time, also for who logs in all the time', async () => {
    const backend = open({ cacheTime: short })
    const has = async () => {
      const verdict = await login(backend, 'bob', passwordOf('bob'))
      return (
        verdict.kind === 'accepted' &&
        verdict.subject.groups.some(({ name }) => name === 'operations')
      )
    }
    expect(await has()).toBe(true)
    const member = `dn: ${groups.operations}\nchangetype: modify\nVERB: uniqueMember\nuniqueMember: ${people.bob}\n\n`
    await slapd.modify(member.replace('VERB', 'delete'))
    const lost = performance.now()
    expect((await lastYes(has)) - lost).toBeLessThan(short + 10)
    await slapd.modify(member.replace('VERB', 'add'))
  })

  test('A5: an old password ends within the time, a new one is right at once', async () => {
    const backend = open({ cacheTime: short })
    const old = async () => (await login(backend, 'carol', passwordOf('carol'))).kind === 'accepted'
    expect(await old()).toBe(true)
    await slapd.setPassword(people.carol, 'new')
    const changed = performance.now()
    expect((await lastYes(old)) - changed).toBeLessThan(short + 10)
    expect(await login(backend, 'carol', 'new')).toMatchObject({ kind: 'accepted' })
  })

  test('a new password is right at once, and then the old one is not', async () => {
    const backend = open()
    await login(backend, 'sam', passwordOf('sam'))
    await slapd.setPassword(people.sam, 'new')
    expect(await login(backend, 'sam', 'new')).toMatchObject({ kind: 'accepted' })
    expect(await login(backend, 'sam', passwordOf('sam'))).toMatchObject({ kind: 'rejected' })
    expect(await login(backend, 'sam', 'new')).toMatchObject({ kind: 'accepted' })
  })

  test('no yes to a login that begins after a no, while the password changes', async () => {
    const backend = open({ cacheTime: 30 })
    let firstNo = Number.POSITIVE_INFINITY
    let latestYes = 0
    const logins = Array.from({ length: 150 }, async (_, index) => {
      await sleep(2 * index)
      if (index === 50) await slapd.setPassword(people.dave, 'new')
      const start = performance.now()
      const { kind } = await login(backend, 'dave', passwordOf('dave'))
      if (kind === 'accepted') latestYes = Math.max(latestYes, start)
      else firstNo = Math.min(firstNo, performance.now())
    })
    await Promise.all(logins)
    expect(latestYes).toBeGreaterThan(0)
    expect(firstNo).toBeLessThan(Number.POSITIVE_INFINITY)
    expect(latestYes).toBeLessThan(firstNo)
  })
})

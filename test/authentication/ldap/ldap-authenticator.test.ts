/** Logins at a real OpenLDAP server. */

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Password } from '../../../src/protocol/credentials.ts'
import {
  passwordOf,
  people,
  serviceAccount,
  sharedMail,
  suffix,
} from '../../support/directory-entries.ts'
import { formatLdif } from '../../support/ldif.ts'
import { describeWithParts } from '../../support/parts.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import type { LoggedRequest } from '../../support/slapd-log.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { login } from '../login.ts'
import { type Changes, openBackend, openldapSettings } from './backend.ts'

describeWithParts('a directory', ['slapd', 'ldapmodify', 'ldapsearch'], () => {
  let slapd: Slapd
  let seen = 0

  beforeAll(async () => {
    slapd = await startSlapd()
  })
  afterAll(async () => await slapd.stop())
  beforeEach(async () => {
    seen = (await slapd.log()).length
  })

  const open = (changes: Changes = {}) => openBackend(openldapSettings([slapd.url], changes))
  const logged = async (kind?: string): Promise<readonly LoggedRequest[]> => {
    const requests = (await slapd.log()).slice(seen)
    return kind === undefined ? requests : requests.filter((each) => each.kind === kind)
  }

  describe('by search and bind', () => {
    test('accepts a person with the name and the id of the entry', async () => {
      const { backend } = open()
      const uuid = (await slapd.read(people.alice, 'entryUUID'))?.get('entryuuid')?.[0]
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({
        kind: 'accepted',
        subject: { id: `corp:${uuid}`, name: 'alice', kind: 'user', backend: 'corp' },
      })
      await expect.poll(() => slapd.connections()).toBe(0)
    })

    test('refuses a wrong password after one bind as the person', async () => {
      const { backend } = open()
      expect(await login(backend, 'alice', 'wrong')).toMatchObject({
        kind: 'rejected',
        isWrongPassword: true,
      })
      const binds = (await logged('BIND')).filter(({ dn }) => dn === people.alice)
      expect(binds).toHaveLength(1)
    })

    test('knows nobody by another name', async () => {
      const { backend } = open()
      expect(await login(backend, 'mallory', 'any')).toEqual({ kind: 'unknown' })
      await expect.poll(() => slapd.connections()).toBe(0)
    })

    test('A4: an empty password is refused without a bind', async () => {
      const { backend } = open()
      for (const password of ['', '\0', '\0x']) {
        expect(await login(backend, 'alice', password)).toMatchObject({
          kind: 'rejected',
          isWrongPassword: true,
        })
      }
      expect((await logged('BIND')).filter(({ dn }) => dn !== serviceAccount.dn)).toEqual([])
    })

    test('accepts a DN that needs every kind of escaping', async () => {
      const { backend } = open()
      expect(await login(backend, 'sam', passwordOf('sam'))).toMatchObject({ kind: 'accepted' })
    })

    test('B3, A17: every spelling of a name is one person with one account, or nobody', async () => {
      const { backend } = open({ user: { loginAttributes: ['uid', 'mail'] } })
      const alice = await backend.find('alice')
      for (const name of ['ALICE', 'Alice', 'alice@example.org', 'ALICE@EXAMPLE.ORG']) {
        const candidate = await backend.find(name)
        expect(candidate?.account, name).toBe(alice?.account)
        expect(await candidate?.verify(new Password(passwordOf('alice')))).toMatchObject({
          kind: 'accepted',
          subject: { name: 'alice' },
        })
        await candidate?.release()
      }
      await alice?.release()
      const odd = ['alice ', ' alice', 'al ice', 'alice\t', 'alice\n', 'alice\u200b', 'alice\u00a0']
      for (const name of [...odd, '\u00adalice', 'AD\\alice', '', 'a'.repeat(257)])
        expect(await backend.find(name), name).toBeUndefined()
    })

    test('a domain before the name is taken off where it is ours', async () => {
      const ours = open({ user: { domain: 'CORP' } }).backend
      expect(await login(ours, 'corp\\alice', passwordOf('alice'))).toMatchObject({
        kind: 'accepted',
        subject: { name: 'alice' },
      })
      for (const name of ['lab\\alice', 'corp\\corp\\alice', 'corp\\', '\\alice'])
        expect(await ours.find(name), name).toBeUndefined()
    })

    test('B4: a name of two entries is refused, with an alarm that names both', async () => {
      const { backend, lines } = open({ user: { loginAttributes: ['mail'] } })
      for (const person of ['carol', 'dave']) {
        expect(await login(backend, sharedMail, passwordOf(person))).toMatchObject({
          kind: 'rejected',
          isWrongPassword: true,
        })
      }
      // Who types the name again fills no log.
      expect(lines).toEqual([expect.objectContaining({ level: 'error' })])
      expect(lines[0]?.message).toContain(people.carol)
      expect(lines[0]?.message).toContain(people.dave)
      expect((await logged('BIND')).filter(({ dn }) => dn !== serviceAccount.dn)).toEqual([])
      await expect.poll(() => slapd.connections()).toBe(0)
    })

    test('B4: so is a name that two entries are called by, also where each is found by another one', async () => {
      const dn = `uid=dave,ou=contractors,${suffix}`
      await slapd.add(
        formatLdif(dn, {
          objectClass: 'inetOrgPerson',
          uid: 'dave',
          cn: 'dave',
          sn: 'dave',
          mail: 'd2@example.org',
          userPassword: passwordOf('dave'),
        }),
      )
      const mails = ['dave@example.org', 'd2@example.org']
      const ways: readonly [readonly string[], readonly string[]][] = [
        [
          ['uid', 'mail'],
          ['dave', ...mails],
        ],
        [['mail'], mails],
      ]
      for (const [loginAttributes, names] of ways) {
        const { backend, lines } = open({ user: { loginAttributes } })
        for (const name of names) {
          expect(await login(backend, name, passwordOf('dave')), name).toMatchObject({
            kind: 'rejected',
            isWrongPassword: true,
          })
          expect(lines.at(-1)?.message).toContain(people.dave)
          expect(lines.at(-1)?.message).toContain(dn)
        }
        expect(await login(backend, 'bob@example.org', passwordOf('bob'))).toMatchObject({
          kind: 'accepted',
          subject: { name: 'bob' },
        })
      }
      await slapd.delete(dn)
    })

    test('B4: a search that the server cuts off is one of several, too', async () => {
      const { backend } = open({ user: { bases: [`cn=code-4,ou=errors,${suffix}`] } })
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({
        kind: 'rejected',
        reason: expect.stringContaining('several'),
      })
    })

    test('one entry below two bases is one entry', async () => {
      const bases = [suffix, `ou=people,${suffix}`]
      const { backend } = open({ user: { bases } })
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
    })

    test('who does not fit user.filter cannot log in', async () => {
      const { backend } = open({ user: { filter: '(&(objectClass=person)(!(uid=bob)))' } })
      expect(await login(backend, 'bob', passwordOf('bob'))).toEqual({ kind: 'unknown' })
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
    })

    test('B5: whatever is typed is looked for to the letter', async () => {
      const { backend } = open()
      const hostile = [
        '*',
        'a*',
        '*)(uid=*',
        'alice)(|(uid=*)',
        '\\2a',
        'alice\\',
        '(',
        'josé',
        'a,dc=x',
      ]
      for (const name of hostile.filter((each) => each !== 'josé')) {
        expect(await login(backend, name, 'any'), name).toEqual({ kind: 'unknown' })
      }
      const searches = (await logged('SRCH')).map(({ filter, entries }) => ({ filter, entries }))
      const literal = (name: string) =>
        name.replace(/[*()\\]/g, (each) => `\\${each.charCodeAt(0).toString(16).toUpperCase()}`)
      expect(searches).toEqual(
        hostile
          .filter((each) => each !== 'josé')
          .map((name) => ({ filter: `(&(objectClass=person)(uid=${literal(name)}))`, entries: 0 })),
      )
      expect(await backend.find('alice\0')).toBeUndefined()
    })

    test('a name that a token cannot bear is refused and told to the operator, not mended', async () => {
      const { backend, lines } = open()
      expect(await login(backend, 'josé', passwordOf('josé'))).toMatchObject({ kind: 'rejected' })
      expect(lines[0]?.message).toContain('uid of uid=jos')
    })

    test('an entry without the id is refused and told to the operator', async () => {
      const { backend, lines } = open({ user: { idAttribute: 'employeeNumber' } })
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'rejected' })
      expect(lines[0]?.message).toContain('no single employeeNumber')
    })
  })

  describe('the connection of a search', () => {
    const alice = new Password(passwordOf('alice'))

    test('is that of the bind, and closed after it', async () => {
      const { backend } = open()
      const candidate = await backend.find('alice')
      await expect.poll(() => slapd.connections()).toBe(1)
      expect(await candidate?.verify(alice)).toMatchObject({ kind: 'accepted' })
      await expect.poll(() => slapd.connections()).toBe(0)
      await candidate?.release()
      expect(new Set((await logged('BIND')).map(({ connection }) => connection)).size).toBe(1)
    })

    test('is given back on release, and taken anew by a later bind', async () => {
      const { backend } = open()
      const candidate = await backend.find('alice')
      await candidate?.release()
      await candidate?.release()
      await expect.poll(() => slapd.connections()).toBe(0)
      expect(await candidate?.verify(alice)).toMatchObject({ kind: 'accepted' })
      await expect.poll(() => slapd.connections()).toBe(0)
    })

    test('is shared by those who come at the same time, and closed by the last', async () => {
      const { backend } = open()
      const candidates = await Promise.all(
        ['alice', 'alice', 'alice'].map((name) => backend.find(name)),
      )
      await expect.poll(() => slapd.connections()).toBe(1)
      await candidates[0]?.release()
      await candidates[1]?.release()
      await expect.poll(() => slapd.connections()).toBe(1)
      await candidates[2]?.release()
      await expect.poll(() => slapd.connections()).toBe(0)
      expect(
        (await logged('SRCH')).filter(({ filter }) => filter?.includes('(uid=alice)')),
      ).toHaveLength(1)
    })

    test('B1: is the only one that a password is sent on, whatever happens to it', async () => {
      const { backend } = open({
        servers: openldapSettings([slapd.url, slapd.url]).servers,
      })
      for (const name of ['drop', 'predrop', 'code-51']) {
        await expect(login(backend, name, 'secret')).rejects.toMatchObject({ code: 'unavailable' })
      }
      expect(await login(backend, 'code-49', 'secret')).toMatchObject({ kind: 'rejected' })
      const binds = (await logged('BIND')).filter(({ dn }) => dn?.includes('ou=errors'))
      expect(binds.map(({ dn }) => dn)).toEqual(
        ['drop', 'predrop', 'code-51', 'code-49'].map((name) => `cn=${name},ou=errors,${suffix}`),
      )
    })
  })

  test('tells which of many names it knows, as its login attributes spell them', async () => {
    const { backend } = open({ user: { loginAttributes: ['uid', 'mail'] } })
    const many = Array.from({ length: 120 }, (_, index) => `nobody-${index}`)
    const names = ['alice', ...many, 'BOB', 'dave@example.org', '*', 'a)(uid=*']
    expect(await backend.knows(names)).toEqual(['alice', 'BOB', 'dave@example.org'])
    expect(await backend.knows([])).toEqual([])
    await expect.poll(() => slapd.connections()).toBe(0)
  })

  test('a search account that is refused is seen in the status, until it is mended', async () => {
    const file = join(temporaryFolder('secret'), 'password')
    const write = (text: string) => writeFileSync(file, text, { mode: 0o600 })
    write('not this one')
    const bind = { kind: 'search', account: { dn: serviceAccount.dn, password: { file } } } as const
    const { backend } = open({ bind })
    expect(backend.status()).toEqual({ ok: true })
    await expect(backend.find('alice')).rejects.toMatchObject({ code: 'unavailable' })
    expect(backend.status()).toMatchObject({
      ok: false,
      detail: expect.stringContaining('refused the search account'),
    })
    write(serviceAccount.password)
    await (await backend.find('alice'))?.release()
    expect(backend.status()).toEqual({ ok: true })
  })

  test('that a search account is refused is not hidden by an answer from memory', async () => {
    const file = join(temporaryFolder('secret'), 'password')
    writeFileSync(file, serviceAccount.password, { mode: 0o600 })
    const bind = { kind: 'search', account: { dn: serviceAccount.dn, password: { file } } } as const
    const { backend } = open({ bind, cacheTime: 60_000 })
    await login(backend, 'alice', passwordOf('alice'))
    writeFileSync(file, 'not this one')
    await expect(backend.find('bob')).rejects.toMatchObject({ code: 'unavailable' })
    const remembered = await login(backend, 'alice', passwordOf('alice'))
    expect(remembered).toMatchObject({ isRemembered: true })
    expect(backend.status()).toMatchObject({ ok: false })
  })

  describe('a failure of the directory is never a no', () => {
    const codes = [1, 3, 4, 8, 13, 19, 32, 34, 49, 50, 51, 52, 53, 80]
    const person = (code: number) => `code-${code}`
    const rejects = [19, 49, 53]

    for (const code of codes.filter((each) => ![4].includes(each))) {
      const isNo = rejects.includes(code)
      test(`A15: result code ${code} of the person's bind is ${isNo ? 'a no' : 'no answer'}`, async () => {
        const { backend } = open()
        const answer = login(backend, person(code), 'any')
        if (isNo) {
          expect(await answer).toMatchObject({ kind: 'rejected', isWrongPassword: true })
        } else {
          await expect(answer).rejects.toMatchObject({
            code: 'unavailable',
            message: expect.not.stringMatching(/ldap|directory|127|dc=/i),
          })
        }
        const binds = (await logged('BIND')).filter(({ dn }) => dn?.includes('ou=errors'))
        expect(binds).toHaveLength(1)
        await expect.poll(() => slapd.connections()).toBe(0)
      })

      if (code !== 49 && code !== 53 && code !== 19) {
        test(`A15: result code ${code} of the search is no answer`, async () => {
          const base = `cn=code-${code},ou=errors,${suffix}`
          const { backend } = open({ user: { bases: [base] } })
          await expect(backend.find('alice')).rejects.toMatchObject({ code: 'unavailable' })
          await expect.poll(() => slapd.connections()).toBe(0)
        })
      }
    }

    test('A15: a base that is not there, a refused search account and a stopped server are none', async () => {
      const account = { dn: serviceAccount.dn, password: { text: 'wrong' } }
      const broken: readonly Changes[] = [
        { user: { bases: ['dc=nowhere'] } },
        { bind: { kind: 'search', account } },
        { servers: [{ url: 'ldap://127.0.0.1:9', host: '127.0.0.1', port: 9 }] },
      ]
      for (const changes of broken) {
        const { backend } = open(changes)
        for (const name of ['alice', 'mallory']) {
          await expect(backend.find(name)).rejects.toMatchObject({
            code: 'unavailable',
            retryAfter: expect.any(Number),
          })
        }
      }
    })

    test('the message for the operator names the server and what to look at', async () => {
      const account = { dn: serviceAccount.dn, password: { text: 'wrong' } }
      const { backend } = open({ bind: { kind: 'search', account } })
      await expect(backend.find('alice')).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/refused the search account cn=dockwarden/) },
      })
    })
  })

  describe('the secret of the search account', () => {
    const file = (text: string, mode: number): string => {
      const path = join(temporaryFolder('secret'), 'password')
      writeFileSync(path, text)
      chmodSync(path, mode)
      return path
    }
    const openWith = (path: string) =>
      open({
        bind: { kind: 'search', account: { dn: serviceAccount.dn, password: { file: path } } },
      }).backend

    test('is read at every use, with or without a line end', async () => {
      const path = file('old', 0o600)
      const backend = openWith(path)
      await expect(backend.find('alice')).rejects.toThrow()
      writeFileSync(path, `${serviceAccount.password}\n`)
      expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
    })

    test('is refused where everybody may read it, where it is empty, and where it is missing', async () => {
      const faults = [
        [file(serviceAccount.password, 0o644), /open to everybody.*0644.*chmod o= /],
        [file('\n', 0o600), /is empty/],
        [join(temporaryFolder('secret'), 'none'), /cannot be read .*ENOENT/],
      ] as const
      for (const [path, fault] of faults) {
        await expect(openWith(path).find('alice')).rejects.toMatchObject({
          cause: { message: expect.stringMatching(fault) },
        })
      }
      expect(await logged('SRCH')).toEqual([])
    })
  })
})

/** Logins at a real Active Directory domain controller. */

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Password } from '../../../src/protocol/credentials.ts'
import { passwordOf } from '../../support/directory-entries.ts'
import { formatLdif } from '../../support/ldif.ts'
import { describeAsRoot } from '../../support/parts.ts'
import { type Samba, startSamba } from '../../support/samba.ts'
import {
  domainGroups,
  domainPeople,
  domainServiceAccount,
  domainSuffix,
  unicodePassword,
} from '../../support/samba-entries.ts'
import { login } from '../login.ts'
import { type Changes, openBackend } from './backend.ts'
import { directorySettings } from './directory.ts'

const parts = ['samba', 'samba-tool', 'ldapmodify', 'ldapsearch'] as const

describeAsRoot('Active Directory', parts, () => {
  let samba: Samba

  beforeAll(async () => {
    samba = await startSamba()
  })
  afterAll(async () => await samba.stop())

  const open = ({ user, groups, ...others }: Changes = {}) => {
    const { caFile, serverName } = samba
    const settings = directorySettings([samba.ldapsUrl], {
      accountState: 'active_directory',
      tls: { caFile, serverName },
    })
    const { dn, password } = domainServiceAccount
    return openBackend({
      ...settings,
      servers: settings.servers.map((server) => ({ ...server, port: 636 })),
      bind: { kind: 'search', account: { dn, password: { text: password } } },
      ...others,
      user: {
        bases: [domainSuffix],
        scope: 'sub',
        filter: '(&(objectClass=user)(objectCategory=person))',
        loginAttributes: ['sAMAccountName', 'userPrincipalName'],
        nameAttribute: 'sAMAccountName',
        idAttribute: 'objectGUID',
        ...user,
      },
      groups: {
        ...settings.groups,
        mode: 'ad_nested',
        bases: [domainSuffix],
        filter: '(objectClass=group)',
        nested: true,
        ...groups,
      },
    })
  }
  const namesOf = async (person: string, changes: Changes = {}) => {
    const verdict = await login(open(changes).backend, person, passwordOf(person))
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict))
    return verdict.subject.groups.map(({ name }) => name).sort()
  }
  test('B3, A17: every spelling of a name is one person with one account, or nobody', async () => {
    const { backend } = open()
    const spellings = ['alice', 'ALICE', 'alice@ad.test', 'ALICE@AD.TEST', 'AD\\alice', 'ad\\ALICE']
    const accounts = new Set<string>()
    const ids = new Set<string>()
    for (const name of spellings) {
      const candidate = await backend.find(name)
      const verdict = await candidate?.verify(new Password(passwordOf('alice')))
      await candidate?.release()
      expect(verdict, name).toMatchObject({ kind: 'accepted', subject: { name: 'alice' } })
      accounts.add(candidate?.account ?? '')
      if (verdict?.kind === 'accepted') ids.add(verdict.subject.id)
    }
    expect(accounts.size).toBe(1)
    expect([...ids]).toEqual([expect.stringMatching(/^corp:#[0-9a-f]{32}$/)])
    for (const name of ['alice ', ' alice', ' alice@ad.test', 'alice @ad.test', 'AD\\ alice'])
      expect(await backend.find(name), name).toBeUndefined()
  })

  test('the stamp changes with the password', async () => {
    const { backend } = open()
    const stamp = async () => {
      const candidate = await backend.find('bob')
      await candidate?.release()
      return candidate?.passwordStamp
    }
    const before = await stamp()
    expect(before).toMatch(/^pwdLastSet \d+$/)
    await login(backend, 'bob', 'wrong')
    expect(await stamp()).toBe(before)
    await samba.setPassword(domainPeople.bob, passwordOf('bob'))
    expect(await stamp()).not.toBe(before)
  })

  describe('B8: states', () => {
    const told = {
      disabled: /is disabled/,
      expired: /account has expired/,
      changing: /must be changed/,
      outdated: /password has expired/,
    }
    for (const [name, tell] of Object.entries(told)) {
      test(`${name}: told with the right password alone`, async () => {
        const { backend } = open()
        expect(await login(backend, name, passwordOf(name))).toMatchObject({
          kind: 'rejected',
          isWrongPassword: false,
          tell: expect.stringMatching(tell),
        })
        const wrong = await login(backend, name, 'wrong')
        expect(wrong).toMatchObject({ kind: 'rejected', isWrongPassword: true })
        expect(wrong).not.toHaveProperty('tell')
      })
    }

    test('locked: never told', async () => {
      const { backend } = open()
      for (let guess = 0; guess < 5; guess += 1) await login(backend, 'forgetful', 'wrong')
      for (const password of [passwordOf('forgetful'), 'wrong']) {
        const verdict = await login(backend, 'forgetful', password)
        expect(verdict).toMatchObject({ reason: 'the account is locked', isWrongPassword: true })
        expect(verdict).not.toHaveProperty('tell')
      }
    })

    test('disabled: refused within the time of the cache, though the password is remembered', async () => {
      const { backend } = open({ cacheTime: 500 })
      const bob = async () => (await login(backend, 'bob', passwordOf('bob'))).kind
      expect(await bob()).toBe('accepted')
      await samba.tool('user', 'disable', 'bob')
      const disabled = performance.now()
      let lastYes = 0
      for (let start = disabled; (await bob()) === 'accepted'; start = performance.now()) {
        lastYes = start
        await sleep(5)
      }
      expect(lastYes - disabled).toBeLessThan(510)
      await samba.tool('user', 'enable', 'bob')
      expect(await bob()).toBe('accepted')
    })
  })

  describe('B6: groups', () => {
    const below = { bases: [`OU=groups,${domainSuffix}`] }

    test('nested in a loop, by the rule of the directory', async () => {
      expect(await namesOf('alice', { groups: below })).toEqual([
        'company',
        'developers',
        'engineering',
      ])
      expect(await namesOf('sam', { groups: below })).toEqual([
        'company',
        'developers',
        'engineering',
      ])
      expect(await namesOf('bob', { groups: below })).toEqual(['admins'])
    })

    test('the other modes find the same', async () => {
      for (const mode of ['search', 'member_of'] as const)
        for (const name of ['alice', 'sam', 'bob'])
          expect(await namesOf(name, { groups: { ...below, mode } }), `${mode} ${name}`).toEqual(
            await namesOf(name, { groups: below }),
          )
    })

    test('the primary group, and what it is in, in every mode', async () => {
      await samba.add(
        `${formatLdif(`CN=staff,OU=groups,${domainSuffix}`, {
          objectClass: 'group',
          sAMAccountName: 'staff',
          member: `CN=Domain Users,CN=Users,${domainSuffix}`,
        })}`,
      )
      for (const mode of ['ad_nested', 'search', 'member_of'] as const) {
        const names = await namesOf('bob', { groups: { mode } })
        expect(names, mode).toContain('domain users')
        expect(names, mode).toContain('staff')
      }
      await samba.delete(`CN=staff,OU=groups,${domainSuffix}`)
    })

    test('B7: the cn of a group elsewhere gives nothing, the map goes by the DN', async () => {
      expect(await namesOf('alice')).not.toContain('admins')
      const map = [{ dn: domainGroups.admins.toLowerCase(), group: 'admins' }]
      expect(await namesOf('bob', { groups: { map } })).toEqual(['admins'])
      expect(await namesOf('alice', { groups: { map } })).toEqual([])
      expect(await namesOf('alice', { groups: { nameAttribute: 'sAMAccountName' } })).toContain(
        'admins of contractors',
      )
    })
  })

  describe('direct bind', () => {
    for (const template of [
      '{user}@ad.test',
      'AD\\{user}',
      `CN={user},OU=people,${domainSuffix}`,
    ]) {
      test(`${template}: accepts the person, and refuses a wrong password`, async () => {
        const { backend } = open({ bind: { kind: 'direct', template } })
        expect(await login(backend, 'AD\\Alice', passwordOf('alice'))).toMatchObject({
          kind: 'accepted',
          subject: { name: 'alice' },
        })
        expect(await login(backend, 'alice', 'wrong')).toMatchObject({ isWrongPassword: true })
        expect(await login(backend, 'disabled', passwordOf('disabled'))).toMatchObject({
          tell: expect.stringContaining('disabled'),
        })
      })
    }

    test('DOMAIN\\{user} takes one name of each person, and {user}@domain two, of which the wrong passwords add up', async () => {
      const dn = `CN=zoe,OU=people,${domainSuffix}`
      await samba.add(
        formatLdif(dn, {
          objectClass: 'user',
          sAMAccountName: 'zoe',
          userPrincipalName: 'zed@ad.test',
          unicodePwd: unicodePassword(passwordOf('zoe')),
          userAccountControl: '512',
        }),
      )
      const guessAs = async (template: string, name: string) => {
        const { backend } = open({ bind: { kind: 'direct', template } })
        expect(await login(backend, name, 'wrong')).toMatchObject({ isWrongPassword: true })
        return Number((await samba.read(dn, 'badPwdCount'))?.get('badpwdcount')?.[0] ?? 0)
      }
      expect(await guessAs('AD\\{user}', 'zed')).toBe(0)
      expect(await guessAs('AD\\{user}', 'zoe')).toBe(1)
      // What the configuration refuses.
      expect(await guessAs('{user}@ad.test', 'zed')).toBe(2)
      expect(await guessAs('{user}@ad.test', 'zoe')).toBe(3)
      await samba.delete(dn)
    })

    test('the password must be that of the entry that was found', async () => {
      const displayName = `dn: ${domainPeople.bob}\nchangetype: modify\nreplace: displayName\ndisplayName: alice\n\n`
      await samba.modify(displayName)
      const { backend } = open({
        bind: { kind: 'direct', template: '{user}@ad.test' },
        user: { loginAttributes: ['displayName'] },
      })
      for (const name of ['alice', 'bob'])
        expect(await login(backend, 'alice', passwordOf(name))).toMatchObject({ kind: 'rejected' })
    })
  })
})

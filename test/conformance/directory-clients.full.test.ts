/** People of an Active Directory, of OpenLDAP and of a FreeIPA-like directory, with the clients that they use. */

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimsOf, type Login } from '../end-to-end/ask.ts'
import {
  activeDirectory,
  groupRules,
  logIn,
  openldap,
  startWith,
} from '../end-to-end/directories.ts'
import { expectRefusal } from '../end-to-end/refusal.ts'
import { type Server389, start389ds } from '../support/389ds.ts'
import {
  groups,
  passwordOf,
  people,
  personLdif,
  serviceAccount,
  suffix,
} from '../support/directory-entries.ts'
import {
  type DockerEngine,
  describeWithEngine,
  startDockerEngine,
} from '../support/docker-engine.ts'
import type { Dockwarden } from '../support/dockwarden.ts'
import { makeImage } from '../support/image.ts'
import { describeAsRoot, describeWithParts, requirePart } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { type Samba, startSamba } from '../support/samba.ts'
import { domainPeople, lockoutThreshold } from '../support/samba-entries.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { docker, type FlowClient, type Session, skopeo } from './flow-clients.ts'
import { type Site, startSite } from './site.ts'

/** What happens to people in the life of an organisation, in either directory. All of them are developers. */
interface Organisation {
  hire(name: string): Promise<void>
  leaveGroup(name: string): Promise<void>
  disable(name: string): Promise<void>
  changePassword(name: string, password: string): Promise<void>
}

const membership = (how: 'add' | 'delete', group: string, dn: string) =>
  `dn: ${group}\nchangetype: modify\n${how}: member\nmember: ${dn}\n`

function openldapOrganisation(slapd: Slapd): Organisation {
  const dnOf = (name: string) => `uid=${name},ou=people,${suffix}`
  return {
    async hire(name) {
      await slapd.add(personLdif(name, dnOf(name)))
      await slapd.modify(membership('add', groups.developers, dnOf(name)))
    },
    leaveGroup: (name) => slapd.modify(membership('delete', groups.developers, dnOf(name))),
    disable: (name) =>
      slapd.modify(
        `dn: ${dnOf(name)}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n`,
      ),
    changePassword: (name, password) => slapd.setPassword(dnOf(name), password),
  }
}

function domainOrganisation(samba: Samba): Organisation {
  return {
    async hire(name) {
      await samba.tool('user', 'create', name, passwordOf(name))
      await samba.tool('group', 'addmembers', 'developers', name)
    },
    leaveGroup: async (name) => {
      await samba.tool('group', 'removemembers', 'developers', name)
    },
    disable: async (name) => void (await samba.tool('user', 'disable', name)),
    changePassword: (name, password) =>
      samba.setPassword(`CN=${name},CN=Users,${samba.suffix}`, password),
  }
}

const servers = ['registry 2', 'registry 3', 'nginx', 'htpasswd', 'openssl'] as const
const directories = ['slapd', 'samba', 'samba-tool', 'ldapmodify', 'ldapsearch'] as const

describeAsRoot('an organisation', [...servers, ...directories], () => {
  let slapd: Slapd
  let samba: Samba
  beforeAll(async () => {
    ;[slapd, samba] = await Promise.all([startSlapd(), startSamba()])
  })
  afterAll(async () => {
    await samba?.stop()
    await slapd?.stop()
  })
  const organisations = {
    OpenLDAP: () => openldapOrganisation(slapd),
    'Active Directory': () => domainOrganisation(samba),
  }
  const kinds = Object.keys(organisations) as (keyof typeof organisations)[]
  const authentication = (cache: string) => [
    openldap(slapd.ldapsUrl, slapd.caFile, { cache }),
    activeDirectory(samba, { cache }),
  ]

  let engine: Promise<DockerEngine> | undefined
  const startEngine = (): Promise<DockerEngine> => {
    engine ??= startDockerEngine()
    return engine
  }
  afterAll(async () => await (await engine)?.stop())

  describe.each([2, 3] as const)('with registry %i', (version) => {
    let site: Site
    beforeAll(async () => {
      const config = { authentication: authentication('0s'), rules: groupRules }
      site = await startSite(version, '0.0.0.0', config)
    })
    afterAll(() => site?.stop())

    function testLife(client: FlowClient): void {
      test.each(kinds)('%s: what people may follows what the directory says', async (kind) => {
        const organisation = organisations[kind]()
        const name = `${client.name}${version}${kind === 'OpenLDAP' ? 'o' : 'a'}`
        const [password, next] = [passwordOf(name), `the next password of ${name}`]
        await organisation.hire(name)
        const session: Session = await client.session(site)
        const own = (tag: string) => `developers/${name}:${tag}`

        const login = await session.login(name, password)
        expect(login.output).toMatch(/Login Succeeded/)
        expect(await session.push(makeImage(), own('first'))).toMatchObject({ code: 0 })
        // developers is within engineering, in both directories.
        const nested = `engineering/${name}:first`
        expect(await session.push(makeImage(), nested)).toMatchObject({ code: 0 })
        const elsewhere = await session.push(makeImage(), `public/${name}:first`)
        expect(elsewhere.code).not.toBe(0)
        expect(elsewhere.output).toMatch(/denied/)

        await organisation.changePassword(name, next)
        const old = await session.push(makeImage(), own('second'))
        expect(old.code).not.toBe(0)
        expect(old.output).toMatch(/wrong user name or password|unauthorized|denied/)
        expect((await session.login(name, password)).code).not.toBe(0)
        expect((await session.login(name, next)).code).toBe(0)
        expect(await session.push(makeImage(), own('second'))).toMatchObject({ code: 0 })

        await organisation.leaveGroup(name)
        const left = await session.push(makeImage(), own('third'))
        expect(left.code).not.toBe(0)
        expect(left.output).toMatch(/denied/)
        expect((await session.pull(own('first'))).code).not.toBe(0)
        expect((await session.login(name, next)).code).toBe(0)

        await organisation.disable(name)
        const disabled = await session.login(name, next)
        expect(disabled.code).not.toBe(0)
        if (kind === 'Active Directory' && client.name === 'docker')
          expect(disabled.output).toContain('Your account is disabled.')
      })
    }
    describeWithEngine('docker', () => testLife(docker(startEngine)))
    describeWithParts('skopeo', ['skopeo'], () => testLife(skopeo))
  })

  test('A5: what is remembered of a login ends within 60 s, whatever has changed meanwhile', {
    timeout: 120_000,
  }, async () => {
    await using server = await startWith(authentication('60s'))
    const scope = 'repository:developers/app:push'
    const changes = ['leaveGroup', 'disable', 'changePassword'] as const
    const cases = kinds.flatMap((kind) => changes.map((change) => ({ kind, change })))
    const figures = await Promise.all(
      cases.map(async ({ kind, change }) => {
        const organisation = organisations[kind]()
        const user = `${change.toLowerCase()}${kind === 'OpenLDAP' ? 'o' : 'a'}`
        const login: Login = { user, password: passwordOf(user) }
        const may = async (who: Login): Promise<boolean> => {
          const answer = await logIn(server, who, scope)
          if (answer.status === 401) return false
          return (await claimsOf(answer, server)).access.length > 0
        }
        await organisation.hire(user)
        expect(await may(login), user).toBe(true)
        const next = `the next password of ${user}`
        await organisation[change](user, next)
        const start = performance.now()
        // Nobody's login prolongs it.
        while (await may(login)) {
          expect(performance.now() - start, user).toBeLessThan(60_000)
          await sleep(500)
        }
        if (change === 'changePassword') expect(await may({ user, password: next })).toBe(true)
        return `${kind}, ${change} ${Math.round((performance.now() - start) / 1000)} s`
      }),
    )
    console.log(`A5: with a cache of 60 s, ${figures.join('; ')}`)
  })

  describe('the states of Active Directory', () => {
    let server: Dockwarden
    beforeAll(async () => {
      server = await startWith([activeDirectory(samba)])
    })
    afterAll(() => server?.stop())

    const told = {
      disabled: 'Your account is disabled.',
      expired: 'Your account has expired.',
      changing: 'Your password must be changed before you can log in with it.',
      outdated: 'Your password has expired; change it, then log in again.',
    }
    test.each(Object.entries(told))(
      'B8: %s is told to whoever has the right password, and to nobody else',
      async (user, sentence) => {
        const right = { user, password: passwordOf(user) }
        expect(expectRefusal(await logIn(server, right), 401)).toBe(sentence)
        const wrong = { user, password: 'wrong' }
        expect(expectRefusal(await logIn(server, wrong), 401)).toBe('wrong user name or password')
      },
    )

    test('B8: that an account is locked is told to nobody', async () => {
      const user = 'forgetful'
      // At the domain controller itself: the throttle lets nobody do it through the server.
      const bind = ['-x', '-H', samba.ldapsUrl, '-D', domainPeople.forgetful, '-w', 'wrong']
      for (let guess = 0; guess < lockoutThreshold; guess += 1) {
        await run(requirePart('ldapsearch'), bind, { env: { LDAPTLS_REQCERT: 'never' } })
      }
      const state = await samba.read(domainPeople.forgetful, 'lockoutTime')
      expect(state?.get('lockouttime')?.[0]).not.toBe('0')
      for (const password of [passwordOf(user), 'wrong']) {
        const answer = await logIn(server, { user, password })
        expect(expectRefusal(answer, 401)).toBe('wrong user name or password')
      }
    })

    test('B3: every spelling of a name is one subject', async () => {
      for (const user of [
        'alice',
        'ALICE',
        'AD\\alice',
        'ad\\Alice',
        'alice@ad.test',
        'ALICE@AD.TEST',
      ]) {
        const answer = await logIn(server, { user, password: passwordOf('alice') })
        expect((await claimsOf(answer, server)).sub, user).toBe('alice')
      }
    })
  })
})

describeWithParts('FreeIPA', ['ns-slapd', 'certutil', 'pk12util', 'openssl', 'ldapmodify'], () => {
  let directory: Server389
  let server: Dockwarden
  beforeAll(async () => {
    directory = await start389ds()
    const ldap = {
      name: 'ipa',
      preset: 'freeipa',
      urls: directory.ldapsUrl,
      base: suffix,
      bind: { dn: serviceAccount.dn, password: serviceAccount.password },
      tls: { ca_file: directory.caFile },
      cache: '0s',
      // FreeIPA's own attribute; a plain 389 Directory Server has another.
      user: { id_attribute: 'nsUniqueId' },
    }
    server = await startWith([{ ldap }])
  })
  afterAll(async () => {
    await server?.stop()
    await directory?.stop()
  })

  test('the groups of the preset come from memberOf, with those that they are in', async () => {
    const login = { user: 'alice', password: passwordOf('alice') }
    const scopes = [
      'repository:developers/a:pull,push',
      'repository:engineering/a:push',
      'repository:x:pull',
    ]
    const claims = await claimsOf(await logIn(server, login, ...scopes), server)
    expect(claims.sub).toBe('alice')
    expect(claims.access.map(({ name }) => name)).toEqual(['developers/a', 'engineering/a'])
    expectRefusal(await logIn(server, { user: 'alice', password: 'wrong' }), 401)

    await directory.modify(membership('delete', groups.developers, people.alice))
    const after = await claimsOf(await logIn(server, login, ...scopes), server)
    expect(after.access).toEqual([])
    await directory.modify(
      `dn: ${people.alice}\nchangetype: modify\nadd: nsAccountLock\nnsAccountLock: true\n`,
    )
    expectRefusal(await logIn(server, login), 401)
  })
})

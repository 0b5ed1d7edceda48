/** Of a login at a directory, nobody between sees the password, and the client sees nothing of the directory. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../support/certificate.ts'
import {
  passwordOf,
  people,
  personLdif,
  serviceAccount,
  sharedMail,
  suffix,
} from '../support/directory-entries.ts'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { type LdapProxy, type ProxyFault, startLdapProxy } from '../support/ldap-proxy.ts'
import { describeWithParts } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import type { LoggedRequest } from '../support/slapd-log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type Answer, ask, claimsOf, postToken } from './ask.ts'
import { configOf, logIn, openldap, startWith } from './directories.ts'
import { filesBelow } from './files-below.ts'
import { expectRefusal, seen } from './refusal.ts'
import { formsOf } from './secret-forms.ts'

const parts = ['slapd', 'ldapmodify', 'ldapsearch', 'openssl'] as const

const alice = { user: 'alice', password: passwordOf('alice') }

/** Short enough that a directory that says nothing does not hold the test up, and every login reaches it. */
const impatient = {
  connect_timeout: '400ms',
  operation_timeout: '400ms',
  login_deadline: '1s',
  breaker: { failures: 100 },
}

/** Of a login, also the names are nobody's business. */
const unseen = [alice.password, serviceAccount.password].flatMap(formsOf)
const names = ['alice', serviceAccount.dn, suffix]

function expectSealed(bytes: Buffer): void {
  for (const text of [...unseen, ...names]) expect(bytes.includes(text), text).toBe(false)
}

describeWithParts('a directory', parts, () => {
  let slapd: Slapd
  let server: Dockwarden

  beforeAll(async () => {
    slapd = await startSlapd({ policy: { pwdMaxFailure: 3, pwdMustChange: 'TRUE' } })
    server = await startWith([openldap(slapd.ldapsUrl, slapd.caFile)])
  })
  afterAll(async () => {
    await server?.stop()
    await slapd?.stop()
  })

  /** What the directory is asked meanwhile. */
  async function asked(work: () => Promise<void>): Promise<readonly LoggedRequest[]> {
    const before = (await slapd.log()).length
    await work()
    return (await slapd.log()).slice(before)
  }

  test('A4: an empty password is refused, and the directory hears nothing of it', async () => {
    const empty = ['', '\0', '\0x'].map((password) => ({ user: 'alice', password }))
    const requests = await asked(async () => {
      for (const login of empty) {
        expectRefusal(await logIn(server, login), 401)
        expectRefusal(await postToken(server, [], login), 401)
      }
    })
    expect(requests).toEqual([])
    // What it hears of a password.
    const others = await asked(async () => {
      expect((await claimsOf(await logIn(server, alice), server)).sub).toBe('alice')
    })
    expect(others.filter(({ kind }) => kind === 'BIND').map(({ dn }) => dn)).toEqual([
      serviceAccount.dn,
      people.alice,
    ])
  })

  describe('between us and it', () => {
    const proxies: LdapProxy[] = []
    /** What stands before which of its ports. */
    const proxyOf = async (target: Slapd, mode: string): Promise<LdapProxy> => {
      const proxy = await startLdapProxy(mode === 'ldaps' ? target.ldapsPort : target.port)
      proxies.push(proxy)
      return proxy
    }
    const use = async (proxy: LdapProxy, mode: string, tls: object): Promise<void> => {
      const url = mode === 'ldaps' ? proxy.ldapsUrl : proxy.url
      const entry = openldap(url, slapd.caFile, { ...impatient, tls: { mode, ...tls } })
      expect(await server.reload(configOf([entry]))).toMatchObject({ level: 'info' })
    }
    afterAll(async () => {
      for (const proxy of proxies) await proxy.stop()
    })

    test('whoever listens sees the passwords where there is no TLS, so that this would show', async () => {
      const proxy = await proxyOf(slapd, 'none')
      await use(proxy, 'none', {})
      expect((await logIn(server, alice)).status).toBe(200)
      for (const { password } of [alice, serviceAccount])
        expect(proxy.from('client').includes(password)).toBe(true)
    })

    describe.each(['ldaps', 'starttls'])('%s', (mode) => {
      test('A6: a good login shows nothing', async () => {
        const proxy = await proxyOf(slapd, mode)
        await use(proxy, mode, { ca_file: slapd.caFile })
        expect((await logIn(server, alice)).status).toBe(200)
        expect(proxy.from('client').length).toBeGreaterThan(500)
        expectSealed(proxy.from('client'))
      })

      test('A6: a certificate of an authority that nobody named is refused with 503', async () => {
        const { authority } = await makeCertificate()
        const proxy = await proxyOf(slapd, mode)
        for (const tls of [{ ca_file: authority }, {}]) {
          await use(proxy, mode, tls)
          expectRefusal(await logIn(server, alice), 503)
        }
        expect(proxy.accepted).toBe(2)
        expectSealed(proxy.from('client'))
      })

      test('A6: a certificate for another name is refused with 503', async () => {
        const proxy = await proxyOf(slapd, mode)
        await use(proxy, mode, { ca_file: slapd.caFile, server_name: 'ldap.example.org' })
        expectRefusal(await logIn(server, alice), 503)
        expect(proxy.accepted).toBe(1)
        expectSealed(proxy.from('client'))
      })

      test.each(['wrong name', 'expired'] as const)(
        'A6: a certificate that is %s is refused with 503',
        async (fault) => {
          const certificate = await makeCertificate(['ldap.example.org'], fault)
          await using other = await startSlapd({ certificate })
          const proxy = await proxyOf(other, mode)
          await use(proxy, mode, { ca_file: certificate.authority })
          expectRefusal(await logIn(server, alice), 503)
          expect(proxy.accepted).toBe(1)
          expectSealed(proxy.from('client'))
          expect((await other.log()).filter(({ kind }) => kind === 'BIND')).toEqual([])
        },
      )

      test('A6: a connection that is dropped, wherever, is never followed by one without TLS', async () => {
        const proxy = await proxyOf(slapd, mode)
        await use(proxy, mode, { ca_file: slapd.caFile })
        const requests = await asked(async () => {
          for (const from of ['client', 'server'] as const) {
            const start = proxy.from(from).length
            expect((await logIn(server, alice)).status).toBe(200)
            const whole = proxy.from(from).length - start
            const statuses = new Set<number>()
            for (let part = 0; part < 16; part += 1) {
              proxy.fault = { kind: 'cut', from, after: Math.floor((part * whole) / 16) }
              const answer = await logIn(server, alice)
              // Whatever was cut off behind the last answer was not needed.
              if (answer.status !== 200) expectRefusal(answer, 503)
              statuses.add(answer.status)
            }
            expect(statuses).toContain(503)
            proxy.fault = undefined
            expect((await logIn(server, alice)).status).toBe(200)
          }
        })
        // One for each login, but for the few that took over what the one before had left in order.
        expect(proxy.accepted).toBeGreaterThan(30)
        expectSealed(proxy.from('client'))
        const binds = requests.filter(({ kind }) => kind === 'BIND')
        expect(binds.length).toBeGreaterThan(8)
        expect(binds.filter(({ isEncrypted }) => !isEncrypted)).toEqual([])
      })
    })

    test.each<ProxyFault['kind']>([
      'StartTLS refused',
      'StartTLS granted, then plaintext',
      'StartTLS unanswered',
      'StartTLS granted, then silence',
    ])('A6: %s is 503, and nothing is said without TLS', async (kind) => {
      const proxy = await proxyOf(slapd, 'starttls')
      await use(proxy, 'starttls', { ca_file: slapd.caFile })
      proxy.fault = { kind } as ProxyFault
      const requests = await asked(async () => {
        for (let round = 0; round < 2; round += 1) expectRefusal(await logIn(server, alice), 503)
      })
      expect(proxy.accepted).toBe(2)
      expectSealed(proxy.from('client'))
      expect(requests.filter(({ kind }) => kind === 'BIND')).toEqual([])
      proxy.fault = undefined
      expect((await logIn(server, alice)).status).toBe(200)
    })
  })
})

describeWithParts('what is told to whom', parts, () => {
  let slapd: Slapd
  let server: Dockwarden
  const states = ['resetting', 'disabled', 'locked'] as const
  const dnOf = (name: string) => `uid=${name},ou=people,${suffix}`
  const login = (user: string, password = passwordOf(user)) => ({ user, password })

  beforeAll(async () => {
    slapd = await startSlapd({
      policy: { pwdMaxFailure: 3, pwdMustChange: 'TRUE' },
      ldif: states.map((name) => personLdif(name, dnOf(name))).join(''),
    })
    const change = (name: string, attribute: string, value: string) =>
      slapd.modify(
        `dn: ${dnOf(name)}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`,
      )
    await change('resetting', 'pwdReset', 'TRUE')
    await change('disabled', 'pwdAccountLockedTime', '000001010000Z')
    // The server under test would not let so many wrong passwords through.
    const now = new Date().toISOString().replace(/[-:T]|\.\d+/g, '')
    await change('locked', 'pwdAccountLockedTime', now)
    server = await startWith(
      [
        { htpasswd: { file: 'htpasswd' } },
        'accounts',
        openldap(slapd.ldapsUrl, slapd.caFile, {
          user: { login_attributes: ['uid', 'mail'] },
        }),
      ],
      { htpasswd: `hugo:${bcrypt.hashSync('password', 8)}\n` },
    )
  })
  afterAll(async () => {
    await server?.stop()
    await slapd?.stop()
  })

  test('B8: that a password must be changed is told to whoever has the right one, and to nobody else', async () => {
    const [right, wrong] = await Promise.all([
      logIn(server, login('resetting')),
      logIn(server, login('resetting', 'wrong')),
    ])
    expect(expectRefusal(right, 401)).toBe(
      'Your password must be changed before you can log in with it.',
    )
    expect(expectRefusal(wrong, 401)).toBe('wrong user name or password')
  })

  test('A8, B8: whoever does not prove the password sees one and the same refusal, and no sooner', async () => {
    const refused: readonly (readonly [string, Parameters<typeof logIn>[1]])[] = [
      ['an unknown name', login('nobody', 'wrong')],
      ['of the directory', login('alice', 'wrong')],
      ['in another spelling', login('ALICE', 'wrong')],
      ['in a spelling that nobody may use', login('alice ')],
      ['of the htpasswd file', login('hugo', 'wrong')],
      ['an account', login('admin', 'wrong')],
      ['disabled, wrong', login('disabled', 'wrong')],
      // slapd does not look at the password of an account that is locked or disabled.
      ['disabled, right', login('disabled')],
      ['locked, wrong', login('locked', 'wrong')],
      ['locked, right', login('locked')],
      ['must change, wrong', login('resetting', 'wrong again')],
      ['the name of two', login(sharedMail, passwordOf('carol'))],
      ['a filter', login('*', 'wrong')],
      ['a password of 73 bytes', login('bob', 'x'.repeat(73))],
      ['a password of 1,000 bytes', login('bob', 'x'.repeat(1_000))],
    ]
    const answers = await Promise.all(refused.map(([, each]) => logIn(server, each)))
    const [reference] = answers
    for (const [index, answer] of answers.entries()) {
      const [name] = refused[index] ?? []
      expectRefusal(answer, 401)
      expect(seen(answer), name).toEqual(seen(reference as Answer))
      expect(answer.duration, name).toBeGreaterThan(495)
    }
  })

  test('A15, B12: a directory that cannot answer is 503, and says nothing of itself', async () => {
    const reload = (changes: object) =>
      server.reload(configOf([openldap(slapd.ldapsUrl, slapd.caFile, { ...changes })]))
    const faults = [
      { bind: { dn: serviceAccount.dn, password: 'not this one' } },
      { base: 'dc=nowhere' },
      { groups: { base: 'ou=nowhere,dc=nowhere' } },
      { urls: 'ldaps://127.0.0.1:9' },
      { urls: 'ldaps://directory.invalid' },
      { groups: { mode: 'ad_nested' } },
      { user: { base: `cn=code-51,ou=errors,${suffix}` } },
    ]
    for (const fault of faults) {
      expect(await reload(fault)).toMatchObject({ level: 'info' })
      const before = server.log().length
      for (const password of [alice.password, 'wrong']) {
        const answer = await logIn(server, login('alice', password))
        const message = expectRefusal(answer, 503)
        expect(message).toBe('Logins cannot be checked now; try again in a moment.')
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      }
      // The operator is told what the client is not.
      const alarms = () =>
        server
          .log()
          .slice(before)
          .filter(({ status }) => status === 503)
      await server.process.waitUntil('log', async () => alarms().length >= 2)
      for (const line of alarms()) {
        expect(line).toMatchObject({ level: 'error' })
        expect(String(line['reason'])).toMatch(/ldaps?:\/\/|dc=nowhere|directory/)
      }
    }
  })
})

describeWithParts('a life with a directory', parts, () => {
  test('A7: no password of it is kept or shown', async () => {
    const slapd = await startSlapd()
    const guess = 'Wrong-Directory-Secret-0815'
    const misplaced = 'Misplaced-Directory-Secret-77'
    const secret = join(temporaryFolder('bind'), 'password')
    writeFileSync(secret, serviceAccount.password, { mode: 0o600 })
    const entry = (changes: object = {}) =>
      openldap(slapd.ldapsUrl, slapd.caFile, {
        ...impatient,
        bind: { dn: serviceAccount.dn, password_file: secret },
        cache: '60s',
        ...changes,
      })
    await using server = await startDockwarden({
      config: configOf([entry()]),
      env: { DOCKWARDEN_LOG_LEVEL: 'trace' },
    })
    const answers: Answer[] = []
    const checks: string[] = []
    const knock = async (): Promise<void> => {
      const users = ['alice', 'nobody', 'code-51', 'drop']
      const logins = users.flatMap((user) =>
        [alice.password, guess].map((password) => ({ user, password })),
      )
      const gets = logins.map((login) => logIn(server, login, 'repository:a:pull'))
      const posts = logins.map((login) => postToken(server, [], login))
      answers.push(...(await Promise.all([...gets, ...posts])))
      for (const path of ['readyz', 'healthz']) answers.push(await ask(`${server.url}/${path}`))
    }
    await knock()
    for (const changes of [
      { bind: { dn: serviceAccount.dn, password: misplaced } },
      { tls: {} },
      { urls: slapd.url, tls: { mode: 'none' } },
      { base: 'dc=nowhere' },
    ]) {
      expect(await server.reload(configOf([entry(changes)]))).toMatchObject({ level: 'info' })
      await knock()
    }
    // In the wrong places: what is said of them, at a reload and before one.
    for (const changes of [
      { bind: { dn: misplaced, password_file: secret } },
      { bind: { dn: serviceAccount.dn, password: [misplaced] } },
      { bind: { dn: serviceAccount.dn, pasword: misplaced } },
      { bind: misplaced },
      { urls: `ldaps://dockwarden:${misplaced}@127.0.0.1` },
    ]) {
      expect(await server.reload(configOf([entry(changes)]))).toMatchObject({ level: 'error' })
      answers.push(await ask(`${server.url}/readyz`))
    }
    checks.push(
      (await run(process.execPath, [program, 'check', '--config', server.configFile])).output,
    )
    await server.reload(configOf([entry()]))
    slapd.freeze()
    await knock()
    await slapd.stop()
    await knock()

    const seen = [
      ...checks,
      ...answers.map(({ text, rawHeaders }) => JSON.stringify(rawHeaders) + text),
      ...filesBelow(server.folder)
        .filter((path) => path !== server.configFile)
        .flatMap((path) => [readFileSync(path, 'utf8'), readFileSync(path, 'latin1')]),
    ]
    await server.stop()
    const everything = [...seen, server.process.output].join('\n')
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401, 503]))
    for (const text of [alice.password, serviceAccount.password, guess, misplaced].flatMap(
      formsOf,
    )) {
      const at = everything.indexOf(text)
      expect(at, `"${text}" in: …${everything.slice(at - 200, at + 100)}`).toBe(-1)
    }
  })
})

/** What a login leaves behind for the next: a connection, and nothing of who had it. */

import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { Password } from '../../../src/protocol/credentials.ts'
import { passwordOf, people, serviceAccount, suffix } from '../../support/directory-entries.ts'
import { silent, startHostileDirectory } from '../../support/hostile-directory.ts'
import { startLdapProxy } from '../../support/ldap-proxy.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { login } from '../login.ts'
import { type Changes, openBackend, openldapSettings } from './backend.ts'

let slapd: Slapd
beforeAll(async () => {
  slapd = await startSlapd()
})

/** Longer than any test takes: a machine that is busy takes no connection away. */
const long = 600_000

function open(urls: readonly string[], changes: Changes = {}, idleTime: number | undefined = long) {
  const settings = openldapSettings(urls, { cacheTime: 0, ...changes })
  const opened = openBackend(settings, new Date(), idleTime)
  onTestFinished(() => opened.backend.close())
  return opened
}

const wrong = 'not the password'

test('logins that follow each other share a connection, and each begins with a bind of the search account', async () => {
  const seen = (await slapd.log()).length
  const { backend } = open([slapd.url])
  for (const name of ['alice', 'bob', 'alice']) {
    expect(await login(backend, name, wrong)).toMatchObject({ kind: 'rejected' })
    expect(await login(backend, name, passwordOf(name))).toMatchObject({ kind: 'accepted' })
  }
  const requests = (await slapd.log()).slice(seen)
  expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1)
  const binds = requests.filter(({ kind }) => kind === 'BIND').map(({ dn }) => dn)
  const { alice, bob } = people
  const logins = [alice, alice, bob, bob, alice, alice]
  expect(binds).toEqual(logins.flatMap((dn) => [serviceAccount.dn, dn]))
})

test('no search is ever made as the person who had the connection before', async () => {
  const seen = (await slapd.log()).length
  // Everybody may read themselves: a search as alice would find alice, and nobody else.
  const { backend } = open([slapd.url])
  expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
  expect(await login(backend, 'bob', passwordOf('bob'))).toMatchObject({ kind: 'accepted' })
  let identity: string | undefined
  for (const { kind, dn } of (await slapd.log()).slice(seen)) {
    if (kind === 'BIND') identity = dn
    if (kind === 'SRCH') expect(identity).toBe(serviceAccount.dn)
  }
  expect(identity).toBe(people.bob)
  await expect.poll(() => slapd.connections()).toBe(1)
})

test.each([
  ['anonymously', { bind: { kind: 'search', account: undefined } }],
  ['as the person', { bind: { kind: 'direct', template: `uid={user},ou=people,${suffix}` } }],
] as const)(
  'who binds %s shares none: the next one would be who was there before',
  async (_, changes) => {
    await using open_ = await startSlapd({ readers: 'anonymous' })
    const { backend } = open([open_.url], changes)
    for (const name of ['alice', 'bob']) await login(backend, name, passwordOf(name))
    const connections = (await open_.log()).map(({ connection }) => connection)
    expect(new Set(connections).size).toBe(2)
  },
)

test('a connection that the server has ended is not missed, and says nothing of the health of the server', async () => {
  await using proxy = await startLdapProxy(slapd.port)
  const { backend, lines } = open([proxy.url])
  for (let turn = 0; turn < 5; turn += 1) {
    expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
    proxy.drop()
    // Also before its end has come through.
    if (turn % 2 === 0) await sleep(20)
  }
  expect(proxy.accepted).toBe(5)
  expect(backend.status()).toEqual({ ok: true })
  expect(lines.filter(({ fields }) => 'server' in fields)).toEqual([])
})

test('a directory that is slow has as long on a connection that has rested as on a new one', async () => {
  await using proxy = await startLdapProxy(slapd.port)
  proxy.fault = { kind: 'delay', milliseconds: 300 }
  // Each answer comes in time; all that are needed before the bind as the person take longer.
  const deadlines = { connect: 2000, operation: 10_000, login: 20_000 }
  const { backend } = open([proxy.url], { deadlines })
  for (let turn = 0; turn < 2; turn += 1) {
    expect(await login(backend, 'alice', passwordOf('alice'))).toMatchObject({ kind: 'accepted' })
  }
  expect(proxy.accepted).toBe(1)
  expect(backend.status()).toEqual({ ok: true })
})

test('B10: what rests does not stand beside a server that is tried again', async () => {
  await using frozen = await startHostileDirectory(silent)
  const untilTrial = 3000
  const { backend } = open([frozen.url, slapd.url], {
    deadlines: { connect: 10_000, operation: 400, login: 20_000 },
    load: { maxConcurrent: 2, queueLength: 10, queueWait: 10_000 },
    breaker: { failures: 3, open: untilTrial },
  })
  const logIn = async (name: string) =>
    expect(await login(backend, name, passwordOf(name))).toMatchObject({ kind: 'accepted' })
  await logIn('carol')
  await Promise.all([logIn('alice'), logIn('bob')])
  await expect.poll(() => slapd.connections()).toBe(2)
  expect(frozen.accepted()).toBe(1)
  await sleep(untilTrial)
  await logIn('carol')
  await expect.poll(() => frozen.accepted()).toBe(2)
  await expect.poll(() => slapd.connections()).toBe(1)
})

test('B10: at rest there is none', async () => {
  for (const idleTime of [undefined, 20]) {
    const settings = openldapSettings([slapd.url], { cacheTime: 0 })
    await login(openBackend(settings, new Date(), idleTime).backend, 'alice', passwordOf('alice'))
    await expect.poll(() => slapd.connections()).toBe(0)
  }
})

test('B10: there is none right after the backend was closed', async () => {
  const { backend } = open([slapd.url])
  await login(backend, 'alice', passwordOf('alice'))
  await expect.poll(() => slapd.connections()).toBe(1)
  backend.close()
  await expect.poll(() => slapd.connections()).toBe(0)
})

test('a session that was closed is asked no more, whoever has its connection now', async () => {
  const { servers } = open([slapd.url])
  const { session } = await servers.open((opened) =>
    opened.bind(serviceAccount.dn, new Password(serviceAccount.password)),
  )
  await session.close()
  const search = {
    base: suffix,
    scope: 'base',
    filter: '(cn=*)',
    attributes: [],
    limit: 1,
  } as const
  await expect(session.search(search)).rejects.toThrow(TypeError)
})

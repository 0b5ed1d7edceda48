import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { Password } from '../../../src/protocol/credentials.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { people, serviceAccount, suffix } from '../../support/directory-entries.ts'
import { freePort } from '../../support/free-port.ts'
import {
  answering,
  resetting,
  silent,
  startHostileDirectory,
} from '../../support/hostile-directory.ts'
import { bindResponse, requests, searchDone } from '../../support/ldap-messages.ts'
import { startLdapProxy } from '../../support/ldap-proxy.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { type DirectoryOptions, testDirectory } from './directory.ts'
import { find, resources, sockets, timedFailure, timedLogin } from './timed-login.ts'

let first: Slapd
let second: Slapd
let tls: DirectoryOptions['tls']
beforeAll(async () => {
  const certificate = await makeCertificate()
  first = await startSlapd({ certificate })
  second = await startSlapd({ certificate })
  tls = { caFile: certificate.authority }
})

for (const [fault, begin, end] of [
  ['is frozen', () => first.freeze(), () => first.thaw()],
  ['is stopped', () => first.stop(), () => first.start()],
] as const) {
  test(`B1: while the first server ${fault} the second has the logins, and gives them back`, async () => {
    const directory = testDirectory([first.ldapsUrl, second.ldapsUrl], {
      tls: tls ?? {},
      deadlines: { connect: 4000 },
      breaker: { open: 500 },
    })
    expect((await timedLogin(directory)).server).toBe(first.ldapsUrl)
    await begin()
    const { server, took } = await timedLogin(directory)
    expect(server).toBe(second.ldapsUrl)
    // What is waited for is the 4 s, and neither an operation's 20 s nor a login's 60.
    expect(took).toBeLessThan(10_000)
    expect(directory.servers.status()).toMatchObject({ ok: false })
    // Trials come due meanwhile, and take 4 s; they are no login's business.
    for (const start = performance.now(); performance.now() - start < 2500; await sleep(50)) {
      const next = await timedLogin(directory)
      expect(next.server).toBe(second.ldapsUrl)
      expect(next.took).toBeLessThan(2000)
    }
    await end()
    await expect
      .poll(async () => (await timedLogin(directory)).server, { interval: 50 })
      .toBe(first.ldapsUrl)
    expect(directory.servers.status()).toEqual({ ok: true })
    expect(directory.logged).toEqual([
      expect.stringMatching(`^${first.ldapsUrl} .*; it is left alone`),
      `${first.ldapsUrl} answers again`,
    ])
    await expect.poll(() => first.connections() + second.connections()).toBe(0)
  })
}

test('B1: nothing is asked twice after the work: a bind that fails is not tried elsewhere', async () => {
  const before = (await second.log()).length
  const proxy = await startLdapProxy(first.port)
  const { servers } = testDirectory([proxy.url, second.url])
  const { session } = await servers.open(find)
  expect(await session.bind(people.alice, new Password('wrong'))).toMatchObject({ code: 49 })
  proxy.drop()
  await expect(session.bind(people.alice, new Password('wrong'))).rejects.toMatchObject({
    kind: 'connection',
  })
  await session.close()
  expect(proxy.accepted).toBe(1)
  expect((await second.log()).length).toBe(before)
})

test('what is wrong with the settings is not asked of the next server', async () => {
  const proxy = await startLdapProxy(second.port)
  const directory = testDirectory([first.url, proxy.url])
  const attempt = directory.servers.open(async (session) => {
    await session.bind(serviceAccount.dn, new Password(serviceAccount.password))
    const base = `ou=nobody,${suffix}`
    return await session.search({ base, scope: 'sub', filter: '(a=b)', attributes: [], limit: 1 })
  })
  await expect(attempt).rejects.toMatchObject({ kind: 'configuration' })
  expect(proxy.accepted).toBe(0)
  expect(directory.servers.status()).toEqual({ ok: true })
  expect(directory.logged).toEqual([])
})

test('where the last server in health fails, the others do not wait for the time of their trial', async () => {
  const directory = testDirectory([first.url, second.url], { breaker: { open: 60_000 } })
  await first.stop()
  expect((await timedLogin(directory)).server).toBe(second.url)
  await second.stop()
  await first.start()
  expect((await timedLogin(directory)).server).toBe(first.url)
  await second.start()
})

describe('where no server answers', () => {
  test('all of them are named, each with its reason', async () => {
    const closed = `ldap://127.0.0.1:${await freePort()}`
    const broken = await startHostileDirectory(resetting)
    const directory = testDirectory([closed, broken.url], { breaker: { failures: 1 } })
    await timedFailure(directory)
    const { error } = await timedFailure(directory)
    expect(error.message).toContain(`${closed} refuses connections (ECONNREFUSED)`)
    expect(error.message).toContain(broken.url)
  })

  test('C9: names that cannot be looked up cost no more than the deadline', async () => {
    const directory = testDirectory(['ldaps://ldap.invalid:636', first.ldapsUrl], {
      tls: tls ?? {},
      deadlines: { connect: 6000 },
    })
    const { server, took } = await timedLogin(directory)
    expect(server).toBe(first.ldapsUrl)
    expect(took).toBeLessThan(20_000)
    expect((await timedLogin(directory)).took).toBeLessThan(3000)
  })
})

describe('B10: connections', () => {
  test('are never more than the cap, and none when nobody logs in', async () => {
    const idle = resources()
    const directory = testDirectory([first.ldapsUrl], {
      tls: tls ?? {},
      load: { maxConcurrent: 4, queueLength: 100 },
    })
    const before = sockets()
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, sockets() - before)
    }, 1)
    await Promise.all(Array.from({ length: 100 }, () => timedLogin(directory)))
    clearInterval(watch)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
    await expect.poll(() => first.connections()).toBe(0)
    await expect.poll(resources).toBeLessThanOrEqual(idle)
  })

  test('that are all in use are waited for, by so many', async () => {
    const directory = testDirectory([first.url], {
      load: { maxConcurrent: 1, queueLength: 1, queueWait: 20_000 },
    })
    const held = await directory.session()
    const waiting = timedLogin(directory)
    const surplus = await timedFailure(directory)
    expect(surplus.error).toMatchObject({ kind: 'busy' })
    expect(surplus.took).toBeLessThan(10_000)
    await held.close()
    expect((await waiting).server).toBe(first.url)
    expect(directory.servers.status()).toEqual({ ok: true })
  })

  test('that are all in use are waited for, for so long', async () => {
    const directory = testDirectory([first.url], {
      load: { maxConcurrent: 1, queueLength: 1, queueWait: 500 },
    })
    const held = await directory.session()
    const late = await timedFailure(directory)
    expect(late.error).toMatchObject({ kind: 'busy' })
    // A timer may fire up to a millisecond early.
    expect(late.took).toBeGreaterThan(498)
    await held.close()
    expect((await timedLogin(directory)).server).toBe(first.url)
    expect(directory.servers.status()).toEqual({ ok: true })
  })

  test('that nobody closes end with the time of a login, and that is not the fault of the server', async () => {
    const idle = resources()
    const directory = testDirectory([first.url], {
      deadlines: { login: 2000 },
      load: { maxConcurrent: 1 },
    })
    const forgotten = await directory.session()
    await expect.poll(() => first.connections()).toBe(1)
    await expect.poll(() => first.connections()).toBe(0)
    await expect(find(forgotten)).rejects.toThrow(/was too late for the bind/)
    await forgotten.close()
    await forgotten.close()
    await timedLogin(directory)
    expect(directory.servers.status()).toEqual({ ok: true })
    await expect.poll(resources).toBeLessThanOrEqual(idle)
  })

  test('leave nothing behind, however they fail', async () => {
    const idle = resources()
    const deadlines = { connect: 100, operation: 100, login: 250 }
    const never = { failures: 1_000_000 }
    const half = answering(({ id, tag }) => (tag === requests.bind ? [bindResponse(id, 0)] : []))
    const done = answering(({ id }) => [searchDone(id)])
    for (const behave of [silent, resetting, half, done]) {
      const server = await startHostileDirectory(behave)
      for (const mode of ['none', 'starttls', 'ldaps'] as const) {
        const directory = testDirectory([server.url], { tls: { mode }, deadlines, breaker: never })
        await Promise.all(Array.from({ length: 20 }, () => timedFailure(directory)))
      }
      await server.stop()
    }
    await expect.poll(resources).toBeLessThanOrEqual(idle)
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { Password } from '../../../src/protocol/credentials.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { serviceAccount } from '../../support/directory-entries.ts'
import { startLdapProxy } from '../../support/ldap-proxy.ts'
import { type Slapd, startSlapd } from '../../support/slapd.ts'
import { type DirectoryOptions, testDirectory } from './directory.ts'
import { find, resources, timedFailure, timedLogin } from './timed-login.ts'

const production = { connect: 2000, operation: 3000, login: 5000 }

let first: Slapd
let second: Slapd
let tls: DirectoryOptions['tls']
beforeAll(async () => {
  const certificate = await makeCertificate()
  first = await startSlapd({ certificate })
  second = await startSlapd({ certificate })
  tls = { caFile: certificate.authority }
})

test('B1: a frozen server costs one login its deadline, and is back within a minute of its thaw', async () => {
  const directory = testDirectory([first.ldapsUrl, second.ldapsUrl], {
    tls: tls ?? {},
    deadlines: production,
  })
  expect((await timedLogin(directory)).server).toBe(first.ldapsUrl)
  first.freeze()
  const { server, took } = await timedLogin(directory)
  expect(server).toBe(second.ldapsUrl)
  expect(took).toBeLessThan(2500)
  const times: number[] = []
  for (const start = performance.now(); performance.now() - start < 16_000; await sleep(100)) {
    const next = await timedLogin(directory)
    expect(next.server).toBe(second.ldapsUrl)
    times.push(next.took)
  }
  // Whoever waits for a trial takes 2 s, and there are three of them; other work may delay a few.
  expect(Math.max(...times)).toBeLessThan(1000)
  expect(times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)]).toBeLessThan(100)
  first.thaw()
  await expect
    .poll(async () => (await timedLogin(directory)).server, { timeout: 60_000, interval: 100 })
    .toBe(first.ldapsUrl)
  expect(directory.logged).toHaveLength(2)
})

test('B1: a server that freezes between two questions leaves time for the next one', async () => {
  const proxy = await startLdapProxy(first.port)
  const directory = testDirectory([proxy.url, second.url], { deadlines: production })
  const start = performance.now()
  const { session, result } = await directory.servers.open(async (session) => {
    await session.bind(serviceAccount.dn, new Password(serviceAccount.password))
    if (session.server === proxy.url) proxy.fault = { kind: 'silence' }
    return await find(session)
  })
  expect(result).toBe(second.url)
  expect(performance.now() - start).toBeLessThan(3500)
  await session.close()
})

test('A14: a frozen server costs each of the first logins its deadline, the next ones nothing', async () => {
  const idle = resources()
  const directory = testDirectory([first.ldapsUrl], {
    tls: tls ?? {},
    deadlines: production,
    breaker: { open: 5000 },
  })
  first.freeze()
  try {
    const early = await Promise.all([1, 2, 3].map(() => timedFailure(directory)))
    for (const { error, took } of early) {
      expect(error).toMatchObject({ kind: 'connection' })
      expect(took).toBeLessThan(2500)
    }
    for (const _ of Array(20).keys()) {
      const { error, took } = await timedFailure(directory)
      expect(error.message).toMatch(
        /^no server of the directory corp answers: since 20\S+Z ldaps:\S+ gave no end of the TLS handshake/,
      )
      expect(took).toBeLessThan(100)
    }
    await sleep(5000)
    // One is the trial, and nobody waits for it.
    const trial = timedFailure(directory)
    for (const _ of Array(20).keys()) {
      expect((await timedFailure(directory)).took).toBeLessThan(100)
    }
    expect((await trial).took).toBeGreaterThan(1500)
  } finally {
    first.thaw()
  }
  await sleep(5000)
  expect((await timedLogin(directory)).server).toBe(first.ldapsUrl)
  expect(directory.logged).toHaveLength(2)
  await expect.poll(resources).toBeLessThanOrEqual(idle)
  await expect.poll(() => first.connections()).toBe(0)
})

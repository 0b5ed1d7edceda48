/** A directory that freezes, fails or is away costs its own people a wait, and nobody else anything. */

import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { passwordOf, people, personLdif, suffix } from '../support/directory-entries.ts'
import type { Dockwarden } from '../support/dockwarden.ts'
import { describeWithParts } from '../support/parts.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { type Answer, ask, basic, claimsOf } from './ask.ts'
import { configOf, logIn, openldap, startWith } from './directories.ts'
import { durations, type LoadResult, percentile, startLoad } from './load.ts'
import { openSocketsTo } from './open-sockets.ts'
import { expectRefusal } from './refusal.ts'
import { residentMegabytes } from './resident-memory.ts'
import { expectAtBest, interval } from './statistics.ts'

const login = (user: string, password = passwordOf(user)) => ({ user, password })
const alice = login('alice')
const hugo = login('hugo', 'password')

/** hugo is in the htpasswd file, admin an account, everybody else in the directory. */
async function startServer(
  directory: object,
  more = '',
): Promise<Dockwarden & { readonly admin: Parameters<typeof logIn>[1] }> {
  const server = await startWith([{ htpasswd: { file: 'htpasswd' } }, 'accounts', directory], {
    htpasswd: `hugo:${bcrypt.hashSync(hugo.password, 10)}\n${more}`,
  })
  const password = /^admin password: (\S+)$/m.exec(server.process.stdout)?.[1] ?? ''
  return Object.assign(server, { admin: login('admin', password) })
}

const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))]

async function backendState({ url }: { readonly url: string }): Promise<unknown> {
  const { parts } = (await ask(`${url}/readyz`)).json() as { parts: Record<string, unknown> }
  return parts['backend corp']
}

function resultOf(seen: ReadonlyMap<string, LoadResult>, name: string): LoadResult {
  const result = seen.get(name)
  if (result === undefined) throw new TypeError(`${name} was not observed`)
  return result
}

const slowestOf = (answers: readonly Answer[]) => Math.round(Math.max(...durations(answers)))
const ratio = (one: readonly number[], other: readonly number[]) =>
  percentile(one, 0.99) / percentile(other, 0.99)

/** Logs in until it works. @returns the milliseconds that it took */
async function untilLogin(server: Dockwarden, deadline: number): Promise<number> {
  const start = performance.now()
  while (performance.now() - start < deadline) {
    if ((await logIn(server, alice)).status === 200) return performance.now() - start
    await sleep(200)
  }
  return Number.POSITIVE_INFINITY
}

describeWithParts('an outage', ['slapd', 'ldapmodify', 'ldapsearch', 'openssl'], () => {
  test('A14, C11: a frozen directory delays nobody else, and its own people are told to wait', {
    timeout: 240_000,
  }, async () => {
    await using slapd = await startSlapd()
    await using server = await startServer(openldap(slapd.ldapsUrl, slapd.caFile))
    const token = `${server.url}/token?service=registry&scope=repository:public/a:pull`
    /** Everything that has nothing to do with the directory. */
    const others = {
      anonymous: {},
      htpasswd: { authorization: basic(hugo.user, hugo.password) },
      account: { authorization: basic(server.admin.user, server.admin.password) },
    }
    const observe = async (milliseconds: number): Promise<Map<string, LoadResult>> => {
      const loads = Object.entries(others).map(
        ([name, headers]) => [name, startLoad(token, 50, headers)] as const,
      )
      const health = ['/healthz', '/readyz'].map(
        (path) => [path, startLoad(`${server.url}${path}`, 10)] as const,
      )
      const authorization = basic(alice.user, alice.password)
      const directory = ['directory', startLoad(token, 10, { authorization })] as const
      await sleep(milliseconds)
      const seen = new Map<string, LoadResult>()
      for (const [name, load] of [...loads, ...health, directory]) seen.set(name, await load.end())
      return seen
    }
    await observe(2_000)
    await expectAtBest(async () => {
      const calm = await observe(5_000)
      expect(statuses(resultOf(calm, 'directory').answers)).toEqual([200])
      expect(await backendState(server)).toEqual({ state: 'ok' })
      const memory = residentMegabytes(server.process.pid)

      slapd.freeze()
      const users = ['alice', 'bob', 'carol']
      const first = await Promise.all(users.map((user) => logIn(server, login(user))))
      for (const answer of first) {
        expectRefusal(answer, 503)
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
        expect(answer.duration).toBeLessThan(5_500)
      }
      expect(await backendState(server)).toMatchObject({ state: 'degraded' })
      const frozen = await observe(5_000)
      slapd.thaw()
      const recovery = await untilLogin(server, 20_000)
      expect(recovery).toBeLessThan(15_000)

      const complaints: string[] = []
      const figures = [`the first 503 after ${slowestOf(first)} ms`]
      const refused = resultOf(frozen, 'directory').answers
      expect(refused.length).toBeGreaterThan(30)
      for (const answer of refused) expectRefusal(answer, 503)
      // One login at a time, every five seconds, finds out whether the directory is back.
      const times = refused.map(({ duration }) => duration).sort((a, b) => b - a)
      expect(times[0]).toBeLessThan(5_500)
      const late = (times[2] ?? 0) - resultOf(calm, 'directory').percentile(0.95)
      figures.push(`then ${percentile(times, 0.5).toFixed(1)} ms`)
      if (late > 100) complaints.push(`while it is left alone, a login waits ${late} ms longer`)
      for (const name of Object.keys(others)) {
        const [now, before] = [resultOf(frozen, name), resultOf(calm, name)]
        expect(now.failures).toEqual([])
        expect(statuses(now.answers)).toEqual([200])
        const [low, high] = interval(durations(now.answers), durations(before.answers), ratio)
        const p99 = [before, now].map((each) => each.percentile(0.99).toFixed(1)).join(' → ')
        const text = `${name} p99 ${p99} ms, × [${low.toFixed(2)}, ${high.toFixed(2)}]`
        figures.push(text)
        if (low > 1.25) complaints.push(text)
      }
      for (const path of ['/healthz', '/readyz']) {
        const [now, before] = [resultOf(frozen, path), resultOf(calm, path)]
        expect(now.failures).toEqual([])
        expect(statuses(now.answers)).toEqual([200])
        const text = `${path} p95 ${now.percentile(0.95).toFixed(1)} ms`
        figures.push(text)
        if (now.percentile(0.95) > 50 + before.percentile(0.95)) complaints.push(text)
      }
      await expect.poll(() => openSocketsTo(slapd.ldapsPort)).toBe(0)
      const grown = residentMegabytes(server.process.pid) - memory
      figures.push(`back after ${Math.round(recovery)} ms, RSS + ${grown.toFixed(1)} MB`)
      if (grown > 20) complaints.push(`RSS + ${grown} MB`)
      console.log(`A14: ${figures.join('; ')}`)
      return complaints
    })
  })

  test.each(['killed', 'frozen'] as const)(
    'B1: while the first server is %s the second has the logins, until the first is back',
    { timeout: 120_000 },
    async (how) => {
      await using first = await startSlapd()
      await using second = await startSlapd({ certificate: first.certificate })
      await using server = await startServer(
        openldap([first.ldapsUrl, second.ldapsUrl], first.caFile),
      )
      const binds = async (slapd: Slapd, dn: string) =>
        (await slapd.log()).filter((request) => request.kind === 'BIND' && request.dn === dn)
      const logInOften = async (): Promise<readonly number[]> => {
        const answers: Answer[] = []
        for (let round = 0; round < 25; round += 1) {
          answers.push(await logIn(server, alice))
          await sleep(50)
        }
        expect(statuses(answers)).toEqual([200])
        return durations(answers)
      }
      const before = await logInOften()
      if (how === 'killed') await first.stop()
      else first.freeze()
      const failing = await logIn(server, alice)
      expect(failing.status).toBe(200)
      expect(failing.duration).toBeLessThan(2_500 + percentile(before, 0.9))
      const later = await logInOften()
      expect(percentile(later, 0.5)).toBeLessThan(100 + percentile(before, 0.5))
      expect(await backendState(server)).toMatchObject({
        state: 'degraded',
        detail: expect.stringContaining(first.ldapsUrl),
      })

      // A guess is made once, whoever has to hear it.
      const guess = login('bob', 'a guess')
      expectRefusal(await logIn(server, guess), 401)
      expect(await binds(second, people.bob)).toHaveLength(1)

      if (how === 'killed') await first.start()
      else first.thaw()
      const heard = (await binds(first, people.alice)).length
      const start = performance.now()
      let back = Number.POSITIVE_INFINITY
      while (performance.now() - start < 60_000 && back === Number.POSITIVE_INFINITY) {
        expect((await logIn(server, alice)).status).toBe(200)
        if ((await binds(first, people.alice)).length > heard) back = performance.now() - start
        await sleep(200)
      }
      expect(back).toBeLessThan(60_000)
      expect(await backendState(server)).toEqual({ state: 'ok' })
      expectRefusal(await logIn(server, login('carol', 'a guess')), 401)
      expect(await binds(first, people.carol)).toHaveLength(1)
      expect(await binds(second, people.carol)).toEqual([])
      expect(await binds(first, people.bob)).toEqual([])
      const [calm, median, slowest] = [
        percentile(before, 0.5),
        percentile(later, 0.5),
        Math.max(...later),
      ].map(Math.round)
      console.log(
        `B1, ${how}: ${calm} ms a login, the first then ${Math.round(failing.duration)} ms, later ${median} ms (${slowest} at most), back after ${Math.round(back)} ms`,
      )
    },
  )

  test('B1: a bind that is not answered is not tried at the second server', async () => {
    await using first = await startSlapd()
    await using second = await startSlapd({ certificate: first.certificate })
    const urls = [first.ldapsUrl, second.ldapsUrl]
    await using server = await startServer(
      openldap(urls, first.caFile, { operation_timeout: '1s', breaker: { failures: 100 } }),
    )
    for (const user of ['slowfail', 'slowbind', 'drop']) {
      expectRefusal(await logIn(server, login(user, 'any')), 503)
      const dn = `cn=${user},ou=errors,${suffix}`
      const heard = [...(await first.log()), ...(await second.log())]
      expect(heard.filter((each) => each.kind === 'BIND' && each.dn === dn)).toHaveLength(1)
    }
  })

  test('B10: 200 logins at once are never more connections than may be, and none at rest', {
    timeout: 60_000,
  }, async () => {
    const users = Array.from({ length: 200 }, (_, index) => `user-${index}`)
    await using slapd = await startSlapd({
      ldif: users.map((uid) => personLdif(uid, `uid=${uid},ou=people,${suffix}`)).join(''),
    })
    await using server = await startServer(
      openldap(slapd.ldapsUrl, slapd.caFile, { max_concurrent: 16, queue: 200, queue_wait: '10s' }),
    )
    let most = 0
    const watch = setInterval(() => {
      // The kernel's list is no snapshot: it may show what ends while it is read, and what comes after it.
      const seen = [openSocketsTo(slapd.ldapsPort), openSocketsTo(slapd.ldapsPort)]
      most = Math.max(most, Math.min(...seen))
    }, 2)
    // Every fourth password is wrong.
    const isWrong = (index: number) => index % 4 === 3
    const answers = await Promise.all(
      users.map((user, index) =>
        logIn(server, login(user, isWrong(index) ? `guess ${index}` : undefined)),
      ),
    )
    clearInterval(watch)
    for (const [index, { status }] of answers.entries()) {
      expect(status, users[index]).toBe(isWrong(index) ? 401 : 200)
    }
    expect(most).toBeGreaterThan(8)
    expect(most).toBeLessThanOrEqual(16)
    await expect.poll(() => openSocketsTo(slapd.ldapsPort)).toBe(0)

    // As it is set unless told: who finds no room is told to wait, and nobody is told no.
    await server.reload(configOf([openldap(slapd.ldapsUrl, slapd.caFile, { queue_wait: '0s' })]))
    const crowded = await Promise.all(users.map((user) => logIn(server, login(user))))
    expect(statuses(crowded).sort()).toEqual([200, 503])
    for (const answer of crowded.filter(({ status }) => status === 503)) {
      expectRefusal(answer, 503)
      expect(answer.headers['retry-after']).toBe('1')
    }
    await expect.poll(() => openSocketsTo(slapd.ldapsPort)).toBe(0)
  })

  test('B11: it starts while the directory is down, serves everybody else, and says so', {
    timeout: 60_000,
  }, async () => {
    await using slapd = await startSlapd()
    await slapd.stop()
    await using server = await startServer(openldap(slapd.ldapsUrl, slapd.caFile))
    for (const user of [hugo, server.admin]) {
      expect((await claimsOf(await logIn(server, user), server)).sub).toBe(user.user)
    }
    expect(
      (await ask(`${server.url}/token?service=registry&scope=repository:public/a:pull`)).status,
    ).toBe(200)
    expectRefusal(await logIn(server, alice), 503)
    // Degraded, not down: an orchestrator must not take the server away from everybody else.
    const ready = await ask(`${server.url}/readyz`)
    expect(ready.status).toBe(200)
    expect(await backendState(server)).toMatchObject({
      state: 'degraded',
      detail: expect.stringMatching(/ECONNREFUSED/),
    })
    await slapd.start()
    expect(await untilLogin(server, 15_000)).toBeLessThan(15_000)
    expect(await backendState(server)).toEqual({ state: 'ok' })
  })

  test('A15: whatever is wrong with the directory, the next backend is not asked in its place', {
    timeout: 60_000,
  }, async () => {
    await using slapd = await startSlapd()
    const codes = [1, 3, 8, 13, 32, 34, 50, 51, 52, 80]
    const users = [...codes.map((code) => `code-${code}`), 'drop', 'predrop', 'referral', 'alice']
    const hash = bcrypt.hashSync('the same here', 4)
    const backends = (changes: object = {}) => [
      openldap(slapd.ldapsUrl, slapd.caFile, { breaker: { failures: 100 }, ...changes }),
      { htpasswd: { file: 'htpasswd' } },
    ]
    await using server = await startWith(backends(), {
      htpasswd: users.map((user) => `${user}:${hash}\n`).join(''),
    })
    const expectAlarm = async (user: string, reason: RegExp): Promise<void> => {
      const before = server.log().length
      expectRefusal(await logIn(server, login(user, 'the same here')), 503)
      const alarms = () =>
        server
          .log()
          .slice(before)
          .filter(({ level, status }) => level === 'error' && status === 503)
      await server.process.waitUntil('log', async () => alarms().length > 0)
      expect(String(alarms()[0]?.['reason'])).toMatch(reason)
    }
    for (const code of codes)
      await expectAlarm(`code-${code}`, new RegExp(`result code ${code}\\b`))
    await expectAlarm('referral', /result code 10\b/)
    await expectAlarm('drop', /closed the connection|result code 52/)
    // A no is a no, and not "ask the next" either.
    expectRefusal(await logIn(server, login('alice', 'the same here')), 401)

    for (const code of codes) {
      await server.reload(
        configOf(backends({ user: { base: `cn=code-${code},ou=errors,${suffix}` } })),
      )
      await expectAlarm('alice', new RegExp(`result code ${code}\\b`))
    }
    const predrop = { user: { base: `cn=predrop,ou=errors,${suffix}` } }
    await server.reload(configOf(backends(predrop)))
    await expectAlarm('alice', /closed the connection/)
    await server.reload(configOf(backends({ bind: { dn: people.bob, password: 'wrong' } })))
    await expectAlarm('alice', /refused the search account/)
  })

  test('A23: a flood of bcrypt checks does not delay logins at the directory', {
    timeout: 120_000,
  }, async () => {
    await using slapd = await startSlapd()
    const floods = [0, 1, 2].map((flood) =>
      Array.from({ length: 40 }, (_, index) => `flood-${flood}-${index}`),
    )
    const hash = bcrypt.hashSync('of nobody', 12)
    await using server = await startServer(
      openldap(slapd.ldapsUrl, slapd.caFile),
      floods.flatMap((users) => users.map((user) => `${user}:${hash}\n`)).join(''),
    )
    const token = `${server.url}/token?service=registry&scope=repository:developers/a:pull`
    const authorization = basic(alice.user, alice.password)
    const observe = async (until: Promise<unknown>): Promise<Map<string, LoadResult>> => {
      const logins = startLoad(token, 5, { authorization })
      const health = startLoad(`${server.url}/healthz`, 20)
      await until
      return new Map([
        ['a login at the directory', await logins.end()],
        ['/healthz', await health.end()],
      ])
    }
    await expectAtBest(async () => {
      const quiet = await observe(sleep(3_000))
      const users = floods.shift() ?? []
      const flood = Promise.all(users.map((user) => logIn(server, login(user, `not of ${user}`))))
      const flooded = await observe(flood)
      expect(statuses(await flood).filter((status) => ![401, 503].includes(status))).toEqual([])
      const complaints: string[] = []
      for (const [name, { answers, failures, percentile }] of flooded) {
        expect(failures).toEqual([])
        const before = resultOf(quiet, name).percentile(0.95)
        const text = `${name} p95 ${before.toFixed(1)} → ${percentile(0.95).toFixed(1)} ms`
        console.log(`A23: ${text}`)
        if (statuses(answers).join() !== '200') complaints.push(`${name}: ${statuses(answers)}`)
        if (percentile(0.95) > 100 + before) complaints.push(text)
      }
      return complaints
    })
  })
})

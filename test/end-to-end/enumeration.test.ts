/** A8, A9: nobody learns from an answer which names there are, nor gets in with a cut-off password. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { requirePart } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { type Answer, ask, basic, claimsOf, formType } from './ask.ts'
import { percentile } from './load.ts'
import { expectRefusal } from './refusal.ts'

const password = 'correct horse battery staple'
const longest = 'L'.repeat(72)
/** Name → how `htpasswd` hashes the password, and which. */
const users = {
  quick: ['-B', '-C', '5'],
  slow: ['-B', '-C', '8'],
  md5: ['-m'],
  sha: ['-s'],
  long: ['-B', '-C', '5', longest],
} as const

let server: Dockwarden
beforeAll(async () => {
  const lines = Object.entries(users).map(async ([user, [kind, ...rest]]) => {
    const [cost, of] = [rest.slice(0, 2), rest[2] ?? password]
    return (await run(requirePart('htpasswd'), ['-bn', kind, ...cost, user, of])).stdout.trim()
  })
  server = await startDockwarden({
    config: {
      rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
      authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }],
    },
    files: { htpasswd: `${(await Promise.all(lines)).join('\n')}\n` },
  })
})
afterAll(() => server?.stop())

const path = '/token?service=registry&scope=repository:a:pull'
const login = (user: string, password: string) =>
  ask(`${server.url}${path}`, { headers: { authorization: basic(user, password) } })
const post = (user: string, password: string) =>
  ask(`${server.url}/token`, {
    method: 'POST',
    headers: { 'content-type': formType },
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'c',
      service: 'registry',
      username: user,
      password,
    }).toString(),
  })

/** Everything of an answer that a client sees, but for its date and its request id. */
function seen({ status, rawHeaders, text }: Answer): unknown {
  const headers = rawHeaders.map((value, index) => (isVarying(rawHeaders[index - 1]) ? '…' : value))
  return { status, headers, text: text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…') }
}
const isVarying = (name = '') => ['date', 'x-request-id'].includes(name.toLowerCase())

test('every user of the table gets in with the right password', async () => {
  for (const user of Object.keys(users)) {
    const claims = await claimsOf(await login(user, user === 'long' ? longest : password), server)
    expect(claims.sub).toBe(user)
  }
})

const refused: readonly (readonly [string, string, string])[] = [
  ['an unknown user', 'nobody', password],
  ['an unknown user with a long password', 'nobody', 'x'.repeat(73)],
  ['bcrypt of cost 5', 'quick', 'wrong'],
  ['bcrypt of cost 8', 'slow', 'wrong'],
  ['MD5', 'md5', 'wrong'],
  ['SHA', 'sha', 'wrong'],
  ['the first account', 'admin', 'wrong'],
  ['a password of 73 bytes', 'quick', 'x'.repeat(73)],
  ['a password of 73 bytes for the account', 'admin', 'x'.repeat(73)],
  ['a password of 1,000 bytes', 'slow', 'x'.repeat(1_000)],
  ['a password of 5,000 bytes', 'slow', 'x'.repeat(5_000)],
  ['an empty password', 'slow', ''],
  ['a name of 900 characters', 'n'.repeat(900), password],
  ['a name with another case', 'Quick', password],
]

test('A8: an unknown name and a wrong password look the same, byte by byte', async () => {
  for (const send of [login, post]) {
    const reference = await send('nobody at all', 'wrong')
    expectRefusal(reference, 401)
    for (const [name, user, wrong] of refused) {
      expect(seen(await send(user, wrong)), name).toEqual(seen(reference))
    }
  }
})

test('A8: and they take the same time', { timeout: 90_000 }, async () => {
  const compared = refused.filter(([name]) => !/empty|5,000|900|1,000/.test(name))
  const rounds = 14
  const times = new Map(compared.map(([name]) => [name, [] as number[]]))
  // One after the other, so that whatever else this machine does falls on all of them alike.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, user, wrong] of compared) {
      // A password that was not refused before: no answer may come from memory.
      const { duration } = await login(user, `${round % 10}${wrong.slice(1)}`)
      if (round > 0) times.get(name)?.push(duration)
    }
  }
  const reference = times.get('an unknown user') ?? []
  const tolerance = Math.max(percentile(reference, 0.5) * 0.05, 2)
  const medians = [...times].map(([name, all]) => `${name}: ${percentile(all, 0.5).toFixed(1)} ms`)
  console.log(`A8: ${medians.join(', ')}`)
  for (const [name, all] of times) {
    const [low, high] = medianDifference(all, reference)
    expect(low, `${name}: ${medians.join(', ')}`).toBeLessThanOrEqual(tolerance)
    expect(high, `${name}: ${medians.join(', ')}`).toBeGreaterThanOrEqual(-tolerance)
  }
})

/** Where the difference of two medians lies, with 95 % certainty: the bootstrap, milliseconds. */
function medianDifference(one: readonly number[], other: readonly number[]): [number, number] {
  const resample = (values: readonly number[]) =>
    values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)
  const differences = Array.from(
    { length: 2_000 },
    () => percentile(resample(one), 0.5) - percentile(resample(other), 0.5),
  )
  return [percentile(differences, 0.025), percentile(differences, 0.975)]
}

test('A9: of a password longer than 72 bytes, nothing is cut off', async () => {
  expect((await login('long', longest)).status).toBe(200)
  for (const wrong of [
    `${longest}x`,
    `${longest}L`,
    longest + longest,
    longest.slice(0, 71),
    `${longest.slice(0, 71)}x`,
    // 72 characters, but 73 bytes.
    `${longest.slice(0, 71)}é`,
  ]) {
    for (const send of [login, post]) expectRefusal(await send('long', wrong), 401)
  }
})

test('A9: nor of one whose hash was made of more than 72 bytes', async () => {
  const made = await run(requirePart('htpasswd'), ['-bnBC5', 'cut', `${longest}secret`])
  await using other = await startDockwarden({
    config: { authentication: [{ htpasswd: { file: 'htpasswd' } }] },
    files: { htpasswd: made.stdout },
  })
  for (const wrong of [`${longest}secret`, `${longest}other!`, `${longest}x`]) {
    const headers = { authorization: basic('cut', wrong) }
    expectRefusal(await ask(`${other.url}${path}`, { headers }), 401)
  }
})

/** A8, A9: nobody learns from an answer which names there are, nor gets in with a cut-off password. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { requirePart } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { claimsOf, getToken, postToken } from './ask.ts'
import { expectRefusal, seen } from './refusal.ts'
import { longest, rightLogins, startServerWithUsers, wrongLogins } from './wrong-logins.ts'

let server: Dockwarden
beforeAll(async () => {
  server = await startServerWithUsers()
})
afterAll(() => server?.stop())

const scopes = ['repository:a:pull']

test('every user gets in with the right password', async () => {
  for (const login of rightLogins) {
    expect((await claimsOf(await getToken(server, scopes, login), server)).sub).toBe(login.user)
  }
})

test('A8: an unknown name and a wrong password look the same, byte by byte', async () => {
  const odd = [
    ['a password of 1,000 bytes', { user: 'slow', password: 'x'.repeat(1_000) }],
    ['a password of 5,000 bytes', { user: 'slow', password: 'x'.repeat(5_000) }],
    ['an empty password', { user: 'slow', password: '' }],
    ['a name of 900 characters', { user: 'n'.repeat(900), password: 'x' }],
  ] as const
  for (const send of [getToken, postToken]) {
    const reference = await send(server, scopes, { user: 'nobody at all', password: 'wrong' })
    expectRefusal(reference, 401)
    for (const [name, login] of [...wrongLogins, ...odd]) {
      expect(seen(await send(server, scopes, login)), name).toEqual(seen(reference))
    }
  }
})

test('A9: of a password longer than 72 bytes, nothing is cut off', async () => {
  for (const password of [
    `${longest}x`,
    `${longest}L`,
    longest + longest,
    longest.slice(0, 71),
    `${longest.slice(0, 71)}x`,
    // 72 characters, but 73 bytes.
    `${longest.slice(0, 71)}é`,
  ]) {
    for (const send of [getToken, postToken]) {
      expectRefusal(await send(server, scopes, { user: 'long', password }), 401)
    }
  }
})

test('A9: nor of one whose hash was made of more than 72 bytes', async () => {
  const made = await run(requirePart('htpasswd'), ['-bnBC5', 'cut', `${longest}secret`])
  await using other = await startDockwarden({
    config: { authentication: [{ htpasswd: { file: 'htpasswd' } }] },
    files: { htpasswd: made.stdout },
  })
  for (const tail of ['secret', 'other!', 'x']) {
    const login = { user: 'cut', password: longest + tail }
    expectRefusal(await getToken(other, scopes, login), 401)
  }
})

/** A name that two backends know belongs to the first, and the log says so. */

import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { passwordOf } from '../support/directory-entries.ts'
import { startDockwarden } from '../support/dockwarden.ts'
import { describeWithParts } from '../support/parts.ts'
import { startSlapd } from '../support/slapd.ts'
import { logIn, openldap, startWith } from './directories.ts'
import { expectRefusal } from './refusal.ts'

test('who knows a name first decides about it, and the log of the start says whose it is', async () => {
  const users = (name: string) => `${name}:${bcrypt.hashSync(`of ${name}`, 4)}\n`
  await using server = await startDockwarden({
    config: {
      authentication: [
        { htpasswd: { name: 'old', file: 'old' } },
        { htpasswd: { name: 'new', file: 'new' } },
        'accounts',
      ],
    },
    files: { old: users('alice') + users('admin'), new: users('alice') + users('bob') },
  })
  const shared = () => server.log().filter(({ event }) => event === 'shared_names')
  await server.process.waitUntil('names', async () => shared().length === 2)
  expect(shared()).toEqual([
    expect.objectContaining({ level: 'warn', owner: 'old', other: 'new', names: ['alice'] }),
    expect.objectContaining({ owner: 'old', other: 'accounts', names: ['admin'], count: 1 }),
  ])
})

describeWithParts(
  'a directory behind other backends',
  ['slapd', 'ldapmodify', 'ldapsearch'],
  () => {
    test('B3: no spelling makes a person of the directory somebody else', async () => {
      await using slapd = await startSlapd()
      const user = { login_attributes: ['uid', 'mail'] }
      await using server = await startWith(
        [{ htpasswd: { file: 'htpasswd' } }, openldap(slapd.ldapsUrl, slapd.caFile, { user })],
        { htpasswd: `alice:${bcrypt.hashSync('of the file', 4)}\n` },
      )
      expect((await logIn(server, { user: 'alice', password: 'of the file' })).status).toBe(200)
      for (const name of ['alice', 'ALICE', 'Alice', 'alice@example.org']) {
        expectRefusal(await logIn(server, { user: name, password: passwordOf('alice') }), 401)
      }
      const reasons = () =>
        server.log().flatMap(({ user, reason }) => (user === 'ALICE' ? [reason] : []))
      await expect.poll(reasons).toEqual([expect.stringMatching(/alice is a name of htpasswd/)])
      for (const name of ['bob', 'BOB', 'bob@example.org']) {
        expect((await logIn(server, { user: name, password: passwordOf('bob') })).status).toBe(200)
      }
    })
  },
)

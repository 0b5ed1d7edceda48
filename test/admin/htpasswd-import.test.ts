import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AccountRegister } from '../../src/admin/account-register.ts'
import { importHtpasswd } from '../../src/admin/htpasswd-import.ts'
import { KyselyAccountRegister } from '../../src/storage/account-register.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { atEnd } from '../support/at-end.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const time = new Date('2026-02-03T04:05:06.789Z')
const clock = () => time

async function openRegister(): Promise<AccountRegister> {
  const path = join(temporaryFolder('import'), 'dockwarden.db')
  const database = await openDatabase({ path, clock })
  atEnd(() => void database.close())
  return new KyselyAccountRegister(database)
}

const bcrypt = `$2y$10$${'a'.repeat(53)}`
const cheapBcrypt = `$2y$05$${'a'.repeat(53)}`
const apr1 = `$apr1$salt$${'a'.repeat(22)}`
const sha1 = `{SHA}${'a'.repeat(27)}=`
const sha256 = `$5$rounds=6000$salt$${'a'.repeat(43)}`
const sha512 = `$6$salt$${'a'.repeat(86)}`

const whole = `# the team
anna:${bcrypt}
berta:${apr1}
cleo:${sha1}

dora:${sha256}
emil:${sha512}
fritz:${cheapBcrypt}
`

const importInto = (register: AccountRegister | undefined, text: string, isDryRun = false) =>
  importHtpasswd(Buffer.from(text), 'users', { register, clock, isDryRun })

test('every kind of hash that logs in from the file is taken over, and the weak ones are named', async () => {
  const register = await openRegister()
  const names = ['anna', 'berta', 'cleo', 'dora', 'emil', 'fritz']
  expect(await importInto(register, whole)).toEqual({
    added: names,
    existing: [],
    faults: [],
    weak: names.slice(1),
  })
  const accounts = await register.list()
  expect(accounts.map(({ name, passwordKind, groups }) => [name, passwordKind, groups])).toEqual([
    ['anna', 'bcrypt', []],
    ['berta', 'apr1', []],
    ['cleo', 'sha1', []],
    ['dora', 'sha256-crypt', []],
    ['emil', 'sha512-crypt', []],
    ['fritz', 'bcrypt', []],
  ])
  expect(new Set(accounts.map(({ id }) => id)).size).toBe(6)
})

test('a second time it finds nothing to do, and what was changed since stays', async () => {
  const register = await openRegister()
  await importInto(register, whole)
  await register.setPassword('berta', bcrypt, time)
  await register.changeGroups(['berta'], () => ['dev'], time)
  const before = await register.list()
  const again = await importInto(register, `${whole}gisela:${bcrypt}\n`)
  expect(again).toMatchObject({ added: ['gisela'], weak: [], faults: [] })
  expect(again.existing).toEqual(['anna', 'berta', 'cleo', 'dora', 'emil', 'fritz'])
  expect((await register.list()).filter(({ name }) => name !== 'gisela')).toEqual(before)
})

test('a dry run says the same and changes nothing, also where there is no database', async () => {
  const register = await openRegister()
  await importInto(register, `anna:${bcrypt}\n`)
  const dry = await importInto(register, whole, true)
  expect(dry).toMatchObject({
    existing: ['anna'],
    added: ['berta', 'cleo', 'dora', 'emil', 'fritz'],
  })
  expect(await register.list()).toHaveLength(1)
  expect(await importInto(register, whole)).toEqual(dry)
  expect((await importInto(undefined, whole, true)).added).toHaveLength(6)
})

test('what cannot be taken over is told by line, in order, with the reason and no hash', async () => {
  const register = await openRegister()
  const text = [
    `Anna:${bcrypt}`,
    'berta',
    `anna:${bcrypt}`,
    'cleo:plaintext-secret',
    `two words:${bcrypt}`,
    `j\u00fcrgen:${bcrypt}`,
    `anna:${sha1}`,
    `${'x'.repeat(65)}:${bcrypt}`,
    `__proto__:${bcrypt}`,
    `a/b:${bcrypt}`,
    `\u202ednna:${bcrypt}`,
  ].join('\n')
  const { added, faults } = await importInto(register, text)
  expect(added).toEqual(['anna'])
  expect(faults.map(({ line }) => line)).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10, 11])
  const messages = faults.map(({ message }) => message)
  for (const index of [0, 3, 4, 6, 7, 8, 9]) expect(messages[index]).toContain('is no account name')
  expect(messages[2]).toMatch(/cannot log in: it is plain text/)
  expect(messages.join()).not.toMatch(/plaintext-secret|aaaa/)
})

test('ten thousand users are taken over in seconds, and twice at once each of them once', async () => {
  const register = await openRegister()
  const text = Array.from({ length: 10_000 }, (_, index) => `user-${index}:${bcrypt}`).join('\n')
  const [one, other] = await Promise.all([importInto(register, text), importInto(register, text)])
  expect(one.added.length + other.added.length).toBe(10_000)
  expect(one.added.length + one.existing.length).toBe(10_000)
  expect(await register.list()).toHaveLength(10_000)
})

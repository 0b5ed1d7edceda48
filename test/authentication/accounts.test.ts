import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import { afterAll, expect, test } from 'vitest'
import type { AccountRegister } from '../../src/admin/account-register.ts'
import { createFirstAdmin, openAccounts } from '../../src/authentication/accounts.ts'
import { PasswordVerifier } from '../../src/authentication/password/verifier.ts'
import { isPersonName } from '../../src/authentication/person-name.ts'
import { isRepositoryName } from '../../src/protocol/access.ts'
import { Password } from '../../src/protocol/credentials.ts'
import { parseScopes } from '../../src/protocol/scope.ts'
import { KyselyAccountRegister } from '../../src/storage/account-register.ts'
import { KyselyAccountStore } from '../../src/storage/account-store.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { holdWriteLock, startModule } from '../storage/second-process.ts'
import { processorTimeOf } from '../support/processor-time.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { login } from './login.ts'

const clock = () => new Date('2026-02-03T04:05:06.789Z')
const passwords = new PasswordVerifier()
afterAll(() => passwords.close())

async function openStore(path = join(temporaryFolder('accounts'), 'dockwarden.db')) {
  const database = await openDatabase({ path, clock })
  const register = new KyselyAccountRegister(database)
  return { path, database, accounts: new KyselyAccountStore(database), register }
}

async function addAccount(
  register: AccountRegister,
  name: string,
  password: string,
): Promise<string> {
  const id = randomUUID()
  const passwordHash = await passwords.hash(new Password(password))
  expect(await register.add([{ id, name, passwordHash, groups: [], createdAt: clock() }])).toEqual([
    name,
  ])
  return id
}

async function setDisabled(database: Database, name: string, disabled: 0 | 1): Promise<void> {
  await database.write((transaction) =>
    transaction.updateTable('accounts').set({ disabled }).where('name', '=', name).execute(),
  )
}

async function removeAll(database: Database): Promise<void> {
  await database.write((transaction) => transaction.deleteFrom('accounts').execute())
}

test('the right password is accepted, and the subject is the account', async () => {
  const { accounts, database, register } = await openStore()
  const id = await addAccount(register, 'alice', 'correct horse')
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  expect(await login(backend, 'alice', 'correct horse')).toEqual({
    kind: 'accepted',
    subject: { id, name: 'alice', kind: 'user', groups: [], backend: 'own' },
  })
  await database.close()
})

test('a backend that a reload closes while it reads its hashes announces them no more', async () => {
  const { database, register } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  const announced: object[] = []
  const verifier = new (class extends PasswordVerifier {
    override announce(backend: object, hashes: Iterable<string>): void {
      announced.push(backend)
      super.announce(backend, hashes)
    }
  })()
  let whenRead = () => {}
  const accounts = new (class extends KyselyAccountStore {
    override async hashSamples(): Promise<readonly string[]> {
      const samples = await super.hashSamples()
      whenRead()
      return samples
    }
  })(database)
  const backend = await openAccounts({ name: 'own', accounts, passwords: verifier })
  expect(announced).toHaveLength(1)
  await addAccount(register, 'bob', 'battery staple')
  whenRead = () => backend.close()
  expect(await login(backend, 'bob', 'battery staple')).toMatchObject({ kind: 'accepted' })
  expect(announced).toHaveLength(1)
  await verifier.close()
  await database.close()
})

test('a wrong password is rejected, and a name that is not exactly one of ours is unknown', async () => {
  const { accounts, database, register } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  for (const password of ['correct horse ', 'Correct horse', 'x', 'correct horse'.repeat(20)]) {
    expect(await login(backend, 'alice', password), password).toEqual({
      kind: 'rejected',
      reason: 'wrong password',
      backend: 'own',
      isWrongPassword: true,
    })
  }
  const strangers = ['bob', 'Alice', 'ALICE', 'alice ', ' alice', 'alicе', 'alice%', '%', '_____']
  const hostile = ['alice\0', "' or 1=1 --", '\ud800', 'ａｌｉｃｅ', 'a'.repeat(1024), '__proto__']
  for (const username of [...strangers, ...hostile]) {
    expect(await login(backend, username, 'correct horse'), JSON.stringify(username)).toEqual({
      kind: 'unknown',
    })
  }
  await database.close()
})

test('a disabled account is refused at once, also after its password was right a moment ago', async () => {
  const { accounts, database, register } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  const loginNow = () => login(backend, 'alice', 'correct horse')
  expect(await loginNow()).toMatchObject({ kind: 'accepted' })
  await setDisabled(database, 'alice', 1)
  expect(await loginNow()).toEqual({
    kind: 'rejected',
    reason: 'the account is disabled',
    backend: 'own',
    isWrongPassword: false,
    tell: 'this account is disabled; ask whoever runs this registry',
  })
  await setDisabled(database, 'alice', 0)
  expect(await loginNow()).toMatchObject({ kind: 'accepted' })
  await database.close()
})

test('a disabled account takes as long to refuse as a wrong password', async () => {
  const { accounts, database, register } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  await addAccount(register, 'gone', 'correct horse')
  await setDisabled(database, 'gone', 1)
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  const median = async (username: string): Promise<number> => {
    const times: number[] = []
    for (let count = 0; count < 9; count++) {
      times.push(await processorTimeOf(() => login(backend, username, `wrong ${count}`)))
    }
    return times.toSorted((a, b) => a - b)[4] ?? 0
  }
  // An answer without the work of a hash takes a thousandth of the time.
  expect(await median('gone')).toBeGreaterThan((await median('alice')) / 3)
  await database.close()
})

test('who gets the name of a deleted account is another subject', async () => {
  const { accounts, database, register } = await openStore()
  const first = await addAccount(register, 'alice', 'one')
  await removeAll(database)
  const second = await addAccount(register, 'alice', 'two')
  expect(second).not.toBe(first)
  expect((await accounts.findByName('alice'))?.id).toBe(second)
  await database.close()
})

test('a name that is taken is not made again', async () => {
  const { accounts, database, register } = await openStore()
  const id = await addAccount(register, 'alice', 'one')
  const again = {
    id: randomUUID(),
    name: 'alice',
    passwordHash: 'x',
    groups: [],
    createdAt: clock(),
  }
  expect(await register.add([again])).toEqual([])
  expect((await accounts.findByName('alice'))?.id).toBe(id)
  await database.close()
})

test('accounts that cannot be read are no answer, never a "no"', async () => {
  const { accounts, database } = await openStore()
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  await database.close()
  await expect(login(backend, 'alice', 'x')).rejects.toThrow()
})

test('B15: logins go on while another process writes', async () => {
  const { path, accounts, database, register } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  await using _holder = await holdWriteLock(path)
  expect(await login(backend, 'alice', 'correct horse')).toMatchObject({ kind: 'accepted' })
  await database.close()
})

test('B32: there is no default password: two new databases get two, each strong and easy to copy', async () => {
  const made = []
  for (let count = 0; count < 2; count++) {
    const { accounts, database } = await openStore()
    const admin = await createFirstAdmin({ accounts, passwords, clock })
    expect(admin?.name).toBe('admin')
    // 26 of 31 characters are 128.8 bits; none is mistaken for another.
    expect(admin?.password).toMatch(/^[a-hjkmnp-z2-9]{26}$/)
    made.push(admin?.password)
    const backend = await openAccounts({ name: 'own', accounts, passwords })
    expect(await login(backend, 'admin', admin?.password ?? '')).toMatchObject({
      kind: 'accepted',
      subject: { name: 'admin' },
    })
    await database.close()
  }
  expect(new Set(made).size).toBe(2)
})

test('B32: the first admin is made once in the life of a database', async () => {
  const { path, accounts, database } = await openStore()
  expect(await createFirstAdmin({ accounts, passwords, clock })).toBeDefined()
  expect(await createFirstAdmin({ accounts, passwords, clock })).toBeUndefined()
  await removeAll(database)
  await database.close()
  const later = await openStore(path)
  expect(await createFirstAdmin({ ...later, passwords, clock })).toBeUndefined()
  expect(await later.accounts.findByName('admin')).toBeUndefined()
  await later.database.close()
})

test('no first admin is made where there have been accounts without it', async () => {
  const { accounts, database, register } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  expect(await createFirstAdmin({ accounts, passwords, clock })).toBeUndefined()
  expect(await accounts.findByName('admin')).toBeUndefined()
  await database.close()
})

test('of processes that start at once, one makes the first admin', async () => {
  const { path, database } = await openStore()
  await database.close()
  const starts = Array.from({ length: 3 }, () =>
    startModule(
      `import { createFirstAdmin } from './dist/authentication/accounts.js'
       import { PasswordVerifier } from './dist/authentication/password/verifier.js'
       import { KyselyAccountStore } from './dist/storage/account-store.js'
       import { openDatabase } from './dist/storage/database.js'
       const clock = () => new Date()
       const database = await openDatabase({ path, clock })
       const passwords = new PasswordVerifier()
       const accounts = new KyselyAccountStore(database)
       console.log((await createFirstAdmin({ accounts, passwords, clock }))?.name ?? 'nobody')
       await passwords.close()
       await database.close()`,
      path,
    ),
  )
  const exits = await Promise.all(starts.map((start) => start.exit()))
  expect(
    exits.map(({ code }) => code),
    starts.map(({ output }) => output).join(),
  ).toEqual([0, 0, 0])
  expect(starts.map(({ stdout }) => stdout.trim()).toSorted()).toEqual([
    'admin',
    'nobody',
    'nobody',
  ])
})

test('A7: the database holds a password only as its bcrypt hash', async () => {
  const { path, accounts, database } = await openStore()
  const admin = await createFirstAdmin({ accounts, passwords, clock })
  expect((await accounts.findByName('admin'))?.passwordHash).toMatch(/^\$2b\$10\$/)
  const folder = join(path, '..')
  const files = readdirSync(folder).map((file) => readFileSync(join(folder, file)))
  expect(files.length).toBeGreaterThan(1)
  for (const file of files) expect(file.includes(admin?.password ?? '')).toBe(false)
  await database.close()
})

test('every kind and cost of the stored hashes is told of', async () => {
  const { accounts, register, database } = await openStore()
  const tail = 'C6UzMDM.H6dfI/f/IKcEeO6cYn3nJ5mF5v0PzqB1Y8rJ1q2w3e4r5'
  const sha = 'x'.repeat(43)
  const hashes = [
    `$2b$10$${tail}`,
    `$2b$10$${tail}`,
    `$2b$12$${tail}`,
    `$2y$10$${tail}`,
    `$5$salt$${sha}`,
    `$5$rounds=5000$salt$${sha}`,
    `$5$rounds=60000$salt$${sha}`,
    `$5$rounds=1000000$salt$${sha}`,
    `$apr1$salt$${'y'.repeat(22)}`,
  ]
  for (const [index, passwordHash] of hashes.entries()) {
    const name = `user-${index}`
    await register.add([{ id: name, name, passwordHash, groups: [], createdAt: clock() }])
  }
  expect((await accounts.hashSamples()).toSorted()).toEqual([...new Set(hashes)].toSorted())
  await database.close()
})

test('A8: a dearer hash that another process stores makes every refusal as dear from the next login on', async () => {
  const { path, accounts, register, database } = await openStore()
  const add = (to: AccountRegister, name: string, cost: number) =>
    to.add([
      {
        id: randomUUID(),
        name,
        passwordHash: bcrypt.hashSync('right', cost),
        groups: [],
        createdAt: clock(),
      },
    ])
  await add(register, 'quick', 4)
  const verifier = new PasswordVerifier()
  const backend = await openAccounts({ name: 'own', accounts, passwords: verifier })
  const refusal = async (): Promise<number> => {
    const times: number[] = []
    for (let count = 0; count < 5; count++) {
      const work = async () => {
        expect(await backend.find('nobody')).toBeUndefined()
        await verifier.refuse(new Password(`wrong ${count}`))
      }
      times.push(await processorTimeOf(work))
    }
    return times.toSorted((a, b) => a - b)[2] ?? 0
  }
  const before = await refusal()
  // Another connection is what another process is to SQLite.
  const other = await openStore(path)
  await add(other.register, 'slow', 10)
  // 64 times the work of the hash itself; half of that allows for all the rest.
  expect(await refusal()).toBeGreaterThan(before * 4)
  // And no longer, once it is gone.
  expect(await other.register.remove('slow')).toBe(true)
  expect(await refusal()).toBeLessThan(before * 4)
  await other.database.close()
  await database.close()
  await verifier.close()
})

test('only a change of hashes makes the server look through all of them again', async () => {
  const { path, accounts, register, database } = await openStore()
  const other = await openStore(path)
  await addAccount(register, 'alice', 'correct horse')
  let before = await accounts.hashChanges()
  const steps: readonly (readonly [
    what: string,
    change: () => Promise<unknown>,
    counts: boolean,
  ])[] = [
    ['nothing', async () => {}, false],
    ['a group', () => other.register.changeGroups(['alice'], () => ['dev'], clock()), false],
    ['a group, here', () => register.changeGroups(['alice'], () => [], clock()), false],
    ['disabling', () => other.register.setDisabled('alice', true, clock()), false],
    ['an addition', () => addAccount(other.register, 'bob', 'correct horse'), true],
    ['an addition, here', () => addAccount(register, 'cleo', 'correct horse'), true],
    ['a password', () => other.register.setPassword('alice', 'x', clock()), true],
    ['a password, here', () => register.setPassword('alice', 'y', clock()), true],
    ['a removal', () => other.register.remove('alice'), true],
    ['a removal, here', () => register.remove('bob'), true],
  ]
  for (const [what, change, counts] of steps) {
    await change()
    const after = await accounts.hashChanges()
    expect(after !== before, what).toBe(counts)
    before = after
  }
  await other.database.close()
  await database.close()
})

test('the groups of an account are groups of the subject, and say where they came from', async () => {
  const { accounts, register, database } = await openStore()
  await addAccount(register, 'alice', 'correct horse')
  const backend = await openAccounts({ name: 'own', accounts, passwords })
  const groups = async () => {
    const verdict = await login(backend, 'alice', 'correct horse')
    return verdict?.kind === 'accepted' ? verdict.subject.groups : verdict
  }
  expect(await groups()).toEqual([])
  await register.changeGroups(['alice'], () => ['ops', 'dev'], clock())
  // The next login knows, also within the time for which the password need not be computed again.
  expect(await groups()).toEqual([
    { name: 'dev', origin: 'accounts' },
    { name: 'ops', origin: 'accounts' },
  ])
  await register.changeGroups(['alice'], () => ['ops'], clock())
  expect(await groups()).toEqual([{ name: 'ops', origin: 'accounts' }])
  expect(await register.remove('alice')).toBe(true)
  await addAccount(register, 'alice', 'correct horse')
  expect(await groups(), 'a name made anew').toEqual([])
  await database.close()
})

const names: readonly (readonly [name: string, holds: boolean])[] = [
  ['alice', true],
  ['a', true],
  ['7', true],
  ['ci-bot.eu_1', true],
  ['a'.repeat(64), true],
  ['a'.repeat(65), false],
  ['', false],
  ['Alice', false],
  ['älice', false],
  ['-a', false],
  ['a-', false],
  ['a..b', false],
  ['a.-b', false],
  ['.', false],
  ['..', false],
  ['a/b', false],
  ['a:b', false],
  ['a b', false],
  ['a\n', false],
  ['a\0', false],
  ['*', false],
]
for (const [name, holds] of names) {
  test(`${JSON.stringify(name.slice(0, 20))} of ${name.length} is ${holds ? 'an' : 'no'} account name`, () => {
    expect(isPersonName(name)).toBe(holds)
    if (!holds) return
    // A person can have a namespace of their name.
    expect(isRepositoryName(`${name}/app`)).toBe(true)
    expect(parseScopes([`repository:${name}/app:pull`]).malformed).toEqual([])
  })
}

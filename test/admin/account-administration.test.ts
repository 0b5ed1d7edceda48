import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { AccountAdministration } from '../../src/admin/account-administration.ts'
import { PasswordVerifier } from '../../src/authentication/password/verifier.ts'
import { AppError } from '../../src/errors.ts'
import { Password } from '../../src/protocol/credentials.ts'
import { KyselyAccountRegister } from '../../src/storage/account-register.ts'
import { KyselyAccountStore } from '../../src/storage/account-store.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { atEnd } from '../support/at-end.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let time = new Date('2026-02-03T04:05:06.789Z')
const clock = () => time
const passwords = new PasswordVerifier({ workers: 1 })
afterAll(() => passwords.close())

let path: string
let database: Database
let accounts: AccountAdministration
beforeEach(async () => {
  time = new Date('2026-02-03T04:05:06.789Z')
  path = join(temporaryFolder('administration'), 'dockwarden.db')
  ;({ database, accounts } = await open())
})

/** Another opening is what another process is to SQLite. */
async function open() {
  const opened = await openDatabase({ path, clock })
  atEnd(() => void opened.close())
  const register = new KyselyAccountRegister(opened)
  return {
    database: opened,
    accounts: new AccountAdministration({ register, passwords, clock }),
  }
}

const given = (text: string) => async () => new Password(text)
const good = given('correct horse')
const never = async (): Promise<Password> => {
  throw new TypeError('a password was asked for')
}
const refusal = async (work: Promise<unknown>): Promise<AppError> => {
  const error = await work.then(
    () => new Error('it was done'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(AppError)
  return error as AppError
}

test('a new account is enabled, in its groups, and shows no hash', async () => {
  const account = await accounts.add('alice', ['ops', 'dev', 'ops'], good)
  expect(account).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name: 'alice',
    isDisabled: false,
    groups: ['dev', 'ops'],
    passwordKind: 'bcrypt',
    isPasswordWeak: false,
    createdAt: time,
    passwordChangedAt: time,
  })
  expect(await accounts.show('alice')).toEqual(account)
  expect(await accounts.list()).toEqual([account])
  const stored = await new KyselyAccountStore(database).findByName('alice')
  expect(await passwords.verify(stored?.passwordHash ?? '', await good())).toBe(true)
})

const hostileNames = [
  ...['', ' ', 'Alice', 'alice ', 'al ice', 'älice', 'аlice', '-alice', 'alice-', 'a..b', 'a/b'],
  ...['a:b', 'a,b', 'a\nb', 'a\0b', '\u001b[2J', '../etc', '*', '%', "' or 1=1 --", '\ud800'],
  ...['a'.repeat(65), '__proto__', 'ａlice', 'alice\u202e'],
]

test('a name that is none is refused before anybody is asked for a password', async () => {
  for (const name of hostileNames) {
    const error = await refusal(accounts.add(name, [], never))
    expect([error.code, error.message], name).toEqual([
      'invalid_request',
      expect.stringContaining('is no account name: lower-case letters'),
    ])
  }
  expect(await accounts.list()).toEqual([])
})

test('a group that no rule could name is refused, wherever it is named', async () => {
  await accounts.add('alice', ['dev'], good)
  const hostile = ['', ' ', 'a b', 'a,b', 'a:b', '*', 'é', '-a', 'a-', 'a..b', '{a}', 'a\0']
  for (const group of [...hostile, 'g'.repeat(65), '\u001b[2J', 'dev\u200b']) {
    for (const work of [
      () => accounts.add('bob', [group], never),
      () => accounts.changeGroups(['alice'], { add: [group], remove: [] }),
      () => accounts.changeGroups(['alice'], { set: ['ops', group] }),
    ]) {
      const error = await refusal(work())
      expect([error.code, error.message], group).toEqual([
        'invalid_request',
        expect.stringContaining('is no group name'),
      ])
    }
  }
  expect((await accounts.show('alice')).groups).toEqual(['dev'])
})

test('a name that is taken is refused before anybody is asked, and left as it is', async () => {
  const before = await accounts.add('alice', ['dev'], good)
  expect(await refusal(accounts.add('alice', ['ops'], never))).toMatchObject({ code: 'conflict' })
  expect(await accounts.show('alice')).toEqual(before)
})

test('B26: a name that is taken while the password is typed is left as it is', async () => {
  const slow = async () => {
    await accounts.add('alice', ['first'], good)
    return new Password('another horse')
  }
  expect(await refusal(accounts.add('alice', ['second'], slow))).toMatchObject({ code: 'conflict' })
  expect((await accounts.show('alice')).groups).toEqual(['first'])
})

test('a name that nobody has is refused by everything that wants one, before anybody is asked', async () => {
  await accounts.add('alice', [], good)
  for (const name of [...hostileNames, 'bob']) {
    for (const work of [
      () => accounts.show(name),
      () => accounts.setPassword(name, never),
      () => accounts.setDisabled(name, true),
      () => accounts.setDisabled(name, false),
      () => accounts.remove(name),
      () => accounts.changeGroups([name], { add: ['dev'], remove: [] }),
      () => accounts.changeGroups(['alice', name], { set: ['dev'] }),
    ]) {
      const error = await refusal(work())
      expect([error.code, error.message], name).toEqual([
        'not_found',
        expect.stringContaining('there is no account'),
      ])
    }
  }
  expect(await accounts.list()).toMatchObject([{ name: 'alice', groups: [], isDisabled: false }])
})

describe('new passwords', () => {
  const longest = 'correct horse '.repeat(6).slice(0, 72)
  const refused: readonly (readonly [name: string, text: string, told: RegExp])[] = [
    ['A9: 73 bytes', `${longest}x`, /has 73 bytes; bcrypt reads 72 and would ignore the rest/],
    ['A9: 73 bytes in 37 characters', `${'é'.repeat(36)}x`, /has 73 bytes; bcrypt reads 72/],
    ['A9: far more', longest.repeat(28), /has 2016 bytes; bcrypt reads 72/],
    ['nothing', '', /fewer than 8/],
    ['seven characters', 'Sh0rt!x', /fewer than 8/],
    ['the name', 'bernadette', /user name/],
    ['a first try', 'Password123', /first that a guesser tries/],
    ['a NUL within', 'correct\0horse', /control characters/],
    ['a tab within', 'correct\thorse', /control characters/],
    ['an escape within', 'correct\u001bhorse', /control characters/],
  ]
  for (const [name, text, told] of refused) {
    test(`${name}: refused with the reason, which does not show it, and nothing has changed`, async () => {
      for (const [work, after] of [
        [() => accounts.add('bernadette', [], given(text)), []],
        [
          async () => {
            await accounts.add('bernadette', [], good)
            time = new Date('2026-03-03T00:00:00.000Z')
            await accounts.setPassword('bernadette', given(text))
          },
          [{ passwordChangedAt: new Date('2026-02-03T04:05:06.789Z') }],
        ],
      ] as const) {
        const error = await refusal(work())
        expect(error.code).toBe('invalid_request')
        expect(error.message).toMatch(told)
        if (text !== '') expect(error.message).not.toContain(text)
        expect(await accounts.list()).toMatchObject(after)
      }
    })
  }

  test('A9: 72 bytes are taken, and every one of them counts', async () => {
    await accounts.add('alice', [], given(longest))
    const stored = (await new KyselyAccountStore(database).findByName('alice'))?.passwordHash ?? ''
    expect(await passwords.verify(stored, new Password(longest))).toBe(true)
    expect(await passwords.verify(stored, new Password(`${longest.slice(0, 71)}x`))).toBe(false)
    expect(await passwords.verify(stored, new Password(`${longest}x`))).toBe(false)
  })

  test('a change has its time, and nothing else of the account changes', async () => {
    const before = await accounts.add('alice', ['dev'], good)
    time = new Date('2026-03-03T00:00:00.000Z')
    const after = await accounts.setPassword('alice', given('another horse'))
    expect(after).toEqual({ ...before, passwordChangedAt: time })
  })

  test('a disabled account stays disabled when it gets a new password', async () => {
    await accounts.add('alice', [], good)
    await accounts.setDisabled('alice', true)
    expect(await accounts.setPassword('alice', given('another horse'))).toMatchObject({
      isDisabled: true,
    })
  })
})

test('disabling and enabling twice is once', async () => {
  await accounts.add('alice', [], good)
  for (const isDisabled of [true, true, false, false]) {
    expect(await accounts.setDisabled('alice', isDisabled)).toMatchObject({ isDisabled })
  }
})

test('a name that is made anew has another id and none of the groups', async () => {
  const first = await accounts.add('alice', ['dev'], good)
  await accounts.setDisabled('alice', true)
  expect(await accounts.remove('alice')).toMatchObject({ id: first.id, groups: ['dev'] })
  expect(await accounts.listGroups()).toEqual([])
  const second = await accounts.add('alice', [], good)
  expect(second).toMatchObject({ isDisabled: false, groups: [] })
  expect(second.id).not.toBe(first.id)
})

describe('groups', () => {
  beforeEach(async () => {
    await accounts.add('alice', ['dev'], good)
    await accounts.add('bob', ['dev', 'ops'], good)
  })
  const groupsOf = async (name: string) => (await accounts.show(name)).groups

  test('adding and removing go together, and what is there already is no fault', async () => {
    await accounts.changeGroups(['bob'], { add: ['dev', 'qa'], remove: ['ops'] })
    expect(await groupsOf('bob')).toEqual(['dev', 'qa'])
  })

  test('all of them are set at once, or none', async () => {
    await accounts.changeGroups(['bob'], { set: ['qa', 'a', 'qa'] })
    expect(await groupsOf('bob')).toEqual(['a', 'qa'])
    await accounts.changeGroups(['bob'], { set: [] })
    expect(await groupsOf('bob')).toEqual([])
  })

  test('one that an account is not in is refused, and then nobody has lost it', async () => {
    const error = await refusal(
      accounts.changeGroups(['bob', 'alice'], { add: ['qa'], remove: ['ops'] }),
    )
    expect(error).toMatchObject({
      code: 'not_found',
      message: 'alice is not in the group "ops"; it is in dev',
    })
    expect(await groupsOf('bob')).toEqual(['dev', 'ops'])
  })

  test('a group exists while it has a member', async () => {
    expect(await accounts.listGroups()).toEqual([
      { name: 'dev', members: ['alice', 'bob'] },
      { name: 'ops', members: ['bob'] },
    ])
    expect(await accounts.showGroup('ops')).toEqual({ name: 'ops', members: ['bob'] })
    await accounts.changeGroups(['bob'], { add: [], remove: ['ops'] })
    expect(await refusal(accounts.showGroup('ops'))).toMatchObject({ code: 'not_found' })
  })

  test('B26: of changes at once by several processes none is lost', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `group-${index}`)
    const others = await Promise.all([open(), open(), open()])
    await Promise.all(
      names.map((name, index) =>
        others[index % 3]?.accounts.changeGroups(['alice'], { add: [name], remove: [] }),
      ),
    )
    expect(await groupsOf('alice')).toEqual(['dev', ...names].toSorted())
  })
})

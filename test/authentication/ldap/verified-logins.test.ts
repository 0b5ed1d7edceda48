/** What is remembered of logins, without a directory. */

import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { VerifiedLogins } from '../../../src/authentication/ldap/verified-logins.ts'
import { Password } from '../../../src/protocol/credentials.ts'

const password = new Password('secret')
const logins = (time = 60_000) => new VerifiedLogins<{ readonly name: string }>(time)

test('a password is remembered for its account and its stamp alone', () => {
  const verified = logins()
  verified.keepPassword('id', 'stamp', password, performance.now())
  expect(verified.remembers('id', 'stamp', password)).toBe(true)
  expect(verified.remembers('id', 'another', password)).toBe(false)
  expect(verified.remembers('other', 'stamp', password)).toBe(false)
  expect(verified.remembers('id', 'stamp', new Password('secret '))).toBe(false)
})

test('an account and a password that are parted elsewhere are another pair', () => {
  const verified = logins()
  verified.keepPassword('ab', '', new Password('c'), performance.now())
  expect(verified.remembers('a', '', new Password('bc'))).toBe(false)
})

test('the time counts from when the directory was asked', () => {
  const verified = logins(1_000)
  const asked = performance.now() - 1_500
  verified.keepPassword('id', '', password, asked)
  verified.keepPerson('alice', { name: 'alice' }, asked)
  expect(verified.remembers('id', '', password)).toBe(false)
  expect(verified.person('alice')).toBeUndefined()
})

test('a no forgets the password that it was said to, and no other', () => {
  const verified = logins()
  verified.keepPassword('id', '', password, performance.now())
  verified.forgetPassword('id', new Password('wrong'))
  expect(verified.remembers('id', '', password)).toBe(true)
  verified.forgetPassword('id', password)
  expect(verified.remembers('id', '', password)).toBe(false)
})

test('the same password of one account is checked once at a time, another account apart', async () => {
  const verified = logins()
  let running = 0
  let most = 0
  let checks = 0
  const check = async () => {
    checks += 1
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running -= 1
    return checks
  }
  const same = Array.from({ length: 20 }, () => verified.share('id', password, check))
  expect(new Set(await Promise.all(same))).toEqual(new Set([1]))
  expect([checks, most]).toEqual([1, 1])
  const apart = ['a', 'b', 'c'].map((account) => verified.share(account, password, check))
  await Promise.all(apart)
  expect([checks, most]).toEqual([4, 3])
})

test('a check that could not be answered is no answer for whoever comes later', async () => {
  const verified = logins()
  const fail = async () => {
    throw new Error('no answer')
  }
  await expect(verified.share('id', password, fail)).rejects.toThrow('no answer')
  expect(await verified.share('id', password, async () => 'yes')).toBe('yes')
})

test('at most 10,000 people are kept', () => {
  const verified = logins()
  for (let index = 0; index < 10_001; index += 1)
    verified.keepPerson(`person-${index}`, { name: 'x' }, performance.now())
  expect(verified.person('person-0')).toBeUndefined()
  expect(verified.person('person-10000')).toBeDefined()
})

test('a person whose time has ended is let go, though nobody asks again', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const verified = logins(20)
  const keep = (): WeakRef<object> => {
    const person = { name: 'alice' }
    verified.keepPerson('alice', person, performance.now())
    return new WeakRef(person)
  }
  const kept = keep()
  await expect
    .poll(async () => {
      // What a WeakRef gives is held until the end of its turn.
      await sleep(10)
      collect()
      return kept.deref() === undefined
    })
    .toBe(true)
})

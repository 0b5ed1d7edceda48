import { expect, test } from 'vitest'
import { passwordFault } from '../../../src/authentication/password/password-policy.ts'
import { randomPassword } from '../../../src/authentication/password/random-password.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { processorTime } from '../../support/processor-time.ts'

const fault = (text: string, name = 'alice') => passwordFault(new Password(text), name)

test.each([
  ['', /fewer than 8/],
  ['Sh0rt!x', /fewer than 8/],
  // Seven characters, though 14 bytes and 14 units of UTF-16.
  ['ééééééé', /fewer than 8/],
  ['😀😁😂🤣😃😄😅', /fewer than 8/],
])('%j is too short: ASVS 6.2.1', (text, told) => {
  expect(fault(text)).toMatch(told)
})

test.each([
  ['bernadette', 'bernadette'],
  ['bernadette', 'BERNADETTE'],
  ['bernadette', 'Bernadette1'],
  ['bernadette', '!!bernadette!!'],
  ['bernadette', '2026Bernadette'],
  ['bernadette', 'ettedanreb'],
  ['bernadette', 'bernadettebernadette'],
  ['ci-bot.eu_1', 'ci-bot.eu_1'],
  ['ci-bot.eu_1', 'CI-BOT.EU_1'],
  ['ci-bot.eu_1', '1_ue.tob-ic'],
  ['bernadette', 'ｂｅｒｎａｄｅｔｔｅ'],
])('for %s, %j is little more than the name', (name, text) => {
  expect(fault(text, name)).toMatch(/user name/)
})

test.each([
  'password',
  'PassWord',
  'password1',
  'Password123!',
  'passwordpassword',
  'P@ssw0rd!',
  '12345678',
  '1234567890',
  '87654321',
  'abcdefgh',
  'aaaaaaaa',
  '________',
  'qwertyuiop',
  'Administrator1',
  'dockwarden',
  'docker123',
  'changeme!',
  '1q2w3e4r',
])('%j is one of the first tries', (text) => {
  expect(fault(text)).toMatch(/first that a guesser tries/)
})

test.each([
  'correct horse',
  'kein Pferd ist mir bekannt',
  'alice in wonderland',
  'ecilaxalice',
  'a8f3kd02',
  '  spaces count  ',
  'пароль-который-длинный',
  '密码密码很长很长的密码',
  'x'.repeat(36) + 'y'.repeat(36),
])('%j is a password', (text) => {
  expect(fault(text)).toBeUndefined()
})

test('a password that was made for somebody is always one', () => {
  for (let count = 0; count < 200; count++) {
    expect(passwordFault(randomPassword(), 'alice')).toBeUndefined()
  }
})

test('A7: no reason shows the password', () => {
  for (const text of ['Sh0rt!x', 'Password123!', 'bernadette']) {
    const told = fault(text, 'bernadette') ?? ''
    expect(told).not.toBe('')
    expect(told).not.toContain(text)
  }
})

test('a hostile password takes no time to judge', () => {
  const start = processorTime()
  for (const text of [
    'a'.repeat(4096),
    'ab'.repeat(2048),
    `${'a'.repeat(4095)}b`,
    '\ud800'.repeat(99),
  ]) {
    fault(text)
  }
  expect(processorTime() - start).toBeLessThan(500)
})

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { credentials, Password, parseBasicCredentials } from '../../src/protocol/credentials.ts'
import { fc } from '../support/fast-check.ts'

const basic = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`
const read = (header: string) => {
  const found = parseBasicCredentials(header)
  return found && [found.username, found.password.reveal()]
}

describe('B34: a Basic header that is in the scheme', () => {
  test.each([
    ['plain', basic('alice:secret'), ['alice', 'secret']],
    ['the name ends at the first colon', basic('alice:a:b:c'), ['alice', 'a:b:c']],
    ['the bytes are UTF-8', basic('zoë:pässwörd'), ['zoë', 'pässwörd']],
    ['the scheme in any case', basic('a:b').replace('Basic', 'bAsIc'), ['a', 'b']],
    ['several spaces after the scheme', basic('a:b').replace(' ', '   '), ['a', 'b']],
    ['padding left out', basic('a:b1').replace(/=+$/, ''), ['a', 'b1']],
    ['spaces within', basic('a b: c '), ['a b', ' c ']],
    ['a password of 1,024 characters', basic(`a:${'x'.repeat(1024)}`), ['a', 'x'.repeat(1024)]],
    ['a byte order mark is part of the name', basic('\ufeffa:b'), ['\ufeffa', 'b']],
  ])('%s', (_name, header, expected) => {
    expect(read(header)).toEqual(expected)
  })
})

describe('B34: a Basic header that nobody can have', () => {
  test.each([
    ['another scheme', 'Bearer abc'],
    ['no credentials', 'Basic'],
    ['empty credentials', 'Basic '],
    ['no colon', basic('alice')],
    ['empty name', basic(':token')],
    ['empty password', basic('alice:')],
    ['both empty', basic(':')],
    ['base64url', 'Basic YTo_Pz8_'],
    ['spaces inside', 'Basic YTp iOmM='],
    ['text behind the padding', 'Basic YTpi====YTpi'],
    ['rubbish behind the padding', 'Basic YTo=!'],
    ['a single character', 'Basic Y'],
    ['not UTF-8', basic(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))],
    ['overlong UTF-8', basic(Buffer.from([0x61, 0x3a, 0xc0, 0xaf]))],
    ['a NUL in the password', basic('alice:sec\u0000ret')],
    ['a line feed in the name', basic('ali\nce:secret')],
    ['DEL', basic('alice:\u007f')],
    ['a name of 1,025 characters', basic(`${'x'.repeat(1025)}:a`)],
    ['a password of 1,025 characters', basic(`a:${'x'.repeat(1025)}`)],
    ['two schemes', `Basic ${basic('a:b')}`],
  ])('%s', (_name, header) => {
    expect(parseBasicCredentials(header)).toBeUndefined()
  })
})

test('B34: no header makes the parser throw, and what it reads is what was encoded', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (header) => void parseBasicCredentials(header)),
  )
  fc.assert(
    fc.property(fc.string(), fc.string(), (name, password) => {
      fc.pre(credentials(name, password) !== undefined)
      expect(read(basic(`${name}:${password}`))).toEqual([name, password])
    }),
  )
})

test('A7: a password prints as stars however it is printed', () => {
  const password = new Password('hunter2')
  const printed = [
    String(password),
    `${password}`,
    JSON.stringify({ password }),
    inspect(password),
    inspect({ deep: { password } }, { showHidden: true, depth: 9 }),
  ]
  for (const text of printed) {
    expect(text).toContain('***')
    expect(text).not.toContain('hunter2')
  }
})

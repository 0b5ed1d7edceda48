import { describe, expect, test } from 'vitest'
import {
  diagnosticText,
  type LdapMessage,
  MessageFault,
  MessageReader,
} from '../../../src/authentication/ldap/ldap-message.ts'
import { fc } from '../../support/fast-check.ts'
import {
  bindResponse,
  element,
  extendedResponse,
  message,
  searchDone,
  searchEntry,
  searchReference,
} from '../../support/ldap-messages.ts'
import { processorTime } from '../../support/processor-time.ts'

function readAll(...chunks: readonly Buffer[]): readonly LdapMessage[] {
  const reader = new MessageReader()
  return chunks.flatMap((chunk) => reader.read(chunk))
}

const number = (value: number, tag = 0x02): Buffer => element(tag, Buffer.from([value]))
const text = (value = ''): Buffer => element(0x04, value)
const control = element(0x30, text('1.2.3'), number(0xff, 0x01), text('value'))
const result = [number(49, 0x0a), text(), text('no')]

const good: Readonly<Record<string, Buffer>> = {
  'a bind response': bindResponse(2, 49, 'data 52e\0'),
  'an entry': searchEntry(3, 'uid=a', { mail: ['a@x', 'b@x'], sn: [], photo: [Buffer.alloc(130)] }),
  'a reference': searchReference(3, 'ldap://a', 'ldap://b'),
  'the end of a search': searchDone(3, 4, 'enough'),
  'an extended response': extendedResponse(1, 0),
  'a result with a referral': message(3, element(0x65, ...result, element(0xa3, text('ldap://a')))),
  'a bind response with server credentials': message(
    2,
    element(0x61, ...result, element(0x87, 'x')),
  ),
  'a control': element(0x30, number(2), element(0x61, ...result), element(0xa0, control)),
}

for (const [name, bytes] of Object.entries(good)) {
  test(`${name} is read, however it is cut`, () => {
    const whole = readAll(bytes)
    expect(whole).toHaveLength(1)
    expect(readAll(...[...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole)
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(readAll(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole)
    }
    expect(readAll(Buffer.concat([bytes, bytes, bytes]))).toHaveLength(3)
  })
}

test('a result is its code and its words, without what could forge a log line', () => {
  const [{ id, result } = {}] = readAll(bindResponse(7, 49, 'data 532\0\n\u001b[31mroot\u202e'))
  expect(id).toBe(7)
  expect(result).toEqual({ code: 49, diagnostic: 'data 532 [31mroot' })
  expect(diagnosticText('x'.repeat(100_000)).length).toBeLessThan(310)
})

const entry = (...attributes: readonly Buffer[]): Buffer =>
  message(3, element(0x64, text('uid=a'), element(0x30, ...attributes)))
/** An element whose length says more than is there. */
const tooLong = (tag: number): Buffer => Buffer.from([tag, 0x7f])

const bad: Readonly<Record<string, Buffer>> = {
  HTTP: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  zeros: Buffer.alloc(10),
  'two gigabytes announced': Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]),
  'a length of five bytes': Buffer.from([0x30, 0x85, 0, 0, 0, 0, 1]),
  'a length without an end': Buffer.from([0x30, 0x80, 0, 0]),
  'nothing in the envelope': Buffer.from([0x30, 0]),
  'no message id': element(0x30, element(0x61, ...result)),
  'a message id of five bytes': element(
    0x30,
    element(0x02, Buffer.alloc(5)),
    element(0x61, ...result),
  ),
  'no operation': element(0x30, number(2)),
  'an unknown operation': message(2, element(0x79)),
  // ldapts takes the result code 0, success, for what it does not find.
  'a bind response without a result': message(2, element(0x61)),
  'a bind response of a code without bytes': message(
    2,
    element(0x61, element(0x0a), text(), text()),
  ),
  // Each of these keeps ldapts in an endless loop.
  'a bind response with a trailer that is too long': message(
    2,
    element(0x61, ...result, tooLong(0x87)),
  ),
  'an entry with an attribute that is too long': entry(tooLong(0x30)),
  'an entry that ends within a header': entry(Buffer.from([0x30])),
  'values that are too long': entry(element(0x30, text('mail'), tooLong(0x31))),
  'a value that is too long': entry(element(0x30, text('mail'), element(0x31, tooLong(0x04)))),
  'a control that is too long': element(
    0x30,
    number(2),
    element(0x61, ...result),
    element(0xa0, tooLong(0x30)),
  ),
  'a reference that is too long': message(3, element(0x73, tooLong(0x04))),
  'something behind an attribute': entry(element(0x30, text('mail'), element(0x31), text())),
  'something behind the controls': element(
    0x30,
    number(2),
    element(0x61, ...result),
    element(0xa0),
    text(),
  ),
  'a value of another kind': entry(element(0x30, text('mail'), element(0x31, number(1)))),
}

describe('refused:', () => {
  for (const [name, bytes] of Object.entries(bad)) {
    test(name, () => expect(() => readAll(bytes)).toThrow(MessageFault))
  }

  test('B9: more than a megabyte in answer to one request', () => {
    const reader = new MessageReader()
    const big = searchEntry(3, 'uid=a', { photo: [Buffer.alloc(600 * 1024)] })
    reader.read(big)
    expect(() => reader.read(big)).toThrow(/more than 1048576 bytes/)
    reader.startAnswer()
    expect(() => new MessageReader().read(big)).not.toThrow()
  })

  test('B9: more parts than any person has, however small', () => {
    const values = Array<string>(40_000).fill('')
    expect(() => readAll(searchEntry(3, 'uid=a', { mail: values }))).toThrow(
      /more than 32768 parts/,
    )
  })
})

test('whatever bytes come, they are read, waited for or refused', () => {
  const messages = Object.values(good)
  const mutation = fc.record({ at: fc.nat(), to: fc.nat(255), isCut: fc.boolean() })
  const mutated = fc
    .tuple(fc.constantFrom(...messages), fc.array(mutation, { minLength: 1, maxLength: 4 }))
    .map(([bytes, mutations]) => {
      let copy: Buffer = Buffer.from(bytes)
      for (const { at, to, isCut } of mutations) {
        copy[at % copy.length] = to
        if (isCut) copy = Buffer.concat([copy.subarray(0, at % copy.length), Buffer.from([to])])
      }
      return copy
    })
  const any = fc.oneof(
    mutated,
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(any, (bytes) => {
      try {
        readAll(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(MessageFault)
      }
    }),
    { numRuns: 5000 },
  )
})

test('a megabyte that comes byte by byte is no more work than one that comes at once', () => {
  const big = searchEntry(3, 'uid=a', { photo: [Buffer.alloc(500 * 1024)] })
  const start = processorTime()
  const reader = new MessageReader()
  let read = 0
  for (let at = 0; at < big.length; at += 1) read += reader.read(big.subarray(at, at + 1)).length
  expect(read).toBe(1)
  // Joining what is there at each byte takes minutes.
  expect(processorTime() - start).toBeLessThan(15_000)
})

import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkHtpasswd, parseHtpasswd } from '../../../src/authentication/htpasswd/htpasswd-file.ts'
import { fc } from '../../support/fast-check.ts'
import { processorTime } from '../../support/processor-time.ts'

const tail = 'UhBG0SpKrSUsfAQVIPQ3O.gEpvuYpWU4h3Jup4GzKJi8BeTJ4w0rS'
const good = `$2y$10$${tail}`
const apr1 = '$apr1$saltsalt$J2IfVfZr4sJUOICwIcPGI1'

function parse(content: string | Buffer) {
  const { entries, faults } = parseHtpasswd(Buffer.from(content), '/etc/htpasswd')
  const users = [...entries].map(([name, { hash }]) => (hash === undefined ? `${name}!` : name))
  return { users, faults: faults.map(({ line, message }) => `${line}: ${message}`) }
}

describe('what is read', () => {
  test.each([
    ['one line', `alice:${good}`, ['alice']],
    ['lines that end in LF', `alice:${good}\nbob:${apr1}\n`, ['alice', 'bob']],
    ['lines that end in CR LF', `alice:${good}\r\nbob:${apr1}\r\n`, ['alice', 'bob']],
    ['comments and blank lines', `# staff\n\n  \n#x:y\nalice:${good}\n`, ['alice']],
    ['white space around a line', `  alice:${good} \t\n`, ['alice']],
    ['a byte order mark', `\ufeffalice:${good}\n`, ['alice']],
    ['what follows a second colon', `alice:${good}:Alice A.:x\n`, ['alice']],
    ['names in UTF-8', `jürgen:${good}\n李:${good}\n`, ['jürgen', '李']],
    ['a byte order mark as part of a name', `a:${good}\n\ufeffa:${good}\n`, ['a', '\ufeffa']],
    ['names with spaces and signs', `a b@c.d:${good}\n-x:${good}\n`, ['a b@c.d', '-x']],
    [
      'names that objects have',
      `__proto__:${good}\nconstructor:${good}\n`,
      ['__proto__', 'constructor'],
    ],
    ['names that differ in case', `Alice:${good}\nalice:${good}\n`, ['Alice', 'alice']],
    [
      'a comment in Latin-1',
      Buffer.from(`# f\u00fcr\nalice:${good}:\u00fc\n`, 'latin1'),
      ['alice'],
    ],
    ['nothing', '', []],
  ])('%s', (_case, content, users) => {
    expect(parse(content)).toEqual({ users, faults: [] })
  })
})

const secret = 'hunter2-in-plain'

/** B19: every row stands between two good lines, which must load; `!` marks a name that nobody can use. */
const malformed: readonly (readonly [
  name: string,
  line: string | Buffer,
  users: string[],
  fault: string,
])[] = [
  ['no colon', secret, [], 'no colon'],
  ['a hash alone', good, [], 'no colon'],
  ['an empty user', `:${good}`, [], 'it is empty'],
  ['only a colon', ':', [], 'it is empty'],
  ['an empty hash', 'eve:', ['eve!'], 'no hash'],
  ['plain text', `eve:${secret}`, ['eve!'], 'plain text'],
  ['plain text with a colon', `eve:${secret}:x`, ['eve!'], 'plain text'],
  ['a locked-out user', 'eve:!', ['eve!'], 'plain text'],
  ['DES crypt', 'eve:rqXexS6ZhobKA', ['eve!'], 'DES crypt'],
  ['MD5 crypt', 'eve:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/', ['eve!'], 'unknown kind'],
  ['yescrypt', 'eve:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agC', ['eve!'], 'unknown kind'],
  ['argon2', 'eve:$argon2id$v=19$m=65536,t=2,p=1$c29t$RdescudvJCsg', ['eve!'], 'unknown kind'],
  ['salted SHA', 'eve:{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', ['eve!'], 'unknown kind'],
  ['$2$', `eve:$2$10$${tail}`, ['eve!'], 'only $2a$'],
  ['$2x$', `eve:$2x$10$${tail}`, ['eve!'], 'only $2a$'],
  ['$2z$', `eve:$2z$10$${tail}`, ['eve!'], 'only $2a$'],
  ['bcrypt cost 3', `eve:$2y$03$${tail}`, ['eve!'], 'lowest is 4'],
  ['bcrypt cost 15', `eve:$2y$15$${tail}`, ['eve!'], 'above 14'],
  ['bcrypt cost 31', `eve:$2y$31$${tail}`, ['eve!'], 'above 14'],
  ['bcrypt cost 99', `eve:$2y$99$${tail}`, ['eve!'], 'above 14'],
  ['bcrypt cost of letters', `eve:$2y$xx$${tail}`, ['eve!'], 'damaged'],
  ['bcrypt cut short', `eve:${good.slice(0, -1)}`, ['eve!'], 'damaged'],
  ['bcrypt with a tail', `eve:${good}x`, ['eve!'], 'damaged'],
  ['a space before the hash', `eve: ${good}`, ['eve!'], 'plain text'],
  ['two users on a line', `eve:${good} mallory:${good}`, ['eve!'], 'damaged'],
  ['too many rounds', 'eve:$6$rounds=999999999$salt$x', ['eve!'], 'damaged'],
  ['an empty {SHA}', 'eve:{SHA}', ['eve!'], 'damaged'],
  ['NUL in the name', `e\0ve:${good}`, [], 'control characters'],
  ['NUL in the hash', `eve:${good}\0`, ['eve!'], 'damaged'],
  ['a tab in the name', `e\tve:${good}`, [], 'control characters'],
  ['lines that end in CR alone', `eve:${good}\rmallory:${good}`, ['eve!'], 'damaged'],
  ['a name in Latin-1', Buffer.from(`\u00e9ve:${good}`, 'latin1'), [], 'not UTF-8'],
  ['overlong UTF-8', Buffer.from(`\u00c0\u00afeve:${good}`, 'latin1'), [], 'not UTF-8'],
  ['a name of 1025 characters', `${'e'.repeat(1025)}:${good}`, [], 'too long'],
  ['a line of a megabyte', 'e'.repeat(1 << 20), [], 'no colon'],
  ['a hash of a megabyte', `eve:${'$2y$10$'.repeat(1 << 17)}`, ['eve!'], 'damaged'],
  ['hash and user swapped', `${good}:eve`, [], 'looks like a hash'],
  ['a user twice', `first:${apr1}`, [], 'on line 1 already'],
  ['a user twice, unusable', `first:${secret}`, [], 'on line 1 already'],
]

describe('B19: a malformed line is reported by its number, and costs nobody else anything', () => {
  test.each(malformed)('%s', (_case, line, users, fault) => {
    const content = Buffer.concat([
      Buffer.from(`first:${good}\n# a comment\n`),
      Buffer.from(line),
      Buffer.from(`\nlast:${good}\n`),
    ])
    const result = parse(content)
    expect(result.users).toEqual(['first', ...users, 'last'])
    expect(result.faults).toHaveLength(1)
    expect(result.faults[0]).toMatch(/^3: /)
    expect(result.faults[0]).toContain(fault)
    for (const hidden of [secret, tail, good, 'J2IfVfZr4sJUOICwIcPGI1', 'rqXexS6ZhobKA']) {
      expect(result.faults[0]).not.toContain(hidden)
    }
    expect(result.faults[0]?.length).toBeLessThan(400)
  })

  test('the advice is a command that works as it is', () => {
    const { faults } = parse(`bob:x\nit's me:x\n`)
    expect(faults[0]).toContain('htpasswd -B -C 10 /etc/htpasswd bob')
    expect(faults[1]).toContain(`htpasswd -B -C 10 /etc/htpasswd 'it'\\''s me'`)
  })

  test('10 MB of users load, and 10 MB of rubbish is given up, within a second or two', () => {
    const users = Array.from({ length: 140_000 }, (_, index) => `user${index}:${good}\n`).join('')
    const start = processorTime()
    expect(parse(users).users).toHaveLength(140_000)
    for (const rubbish of ['x\n'.repeat(5 << 20), ':'.repeat(10 << 20), '\0'.repeat(10 << 20)]) {
      const { faults } = parse(`${rubbish}\n${'x\n'.repeat(2000)}`)
      expect(faults).toHaveLength(1001)
      expect(faults.at(-1)).toContain('no htpasswd file')
    }
    expect(processorTime() - start).toBeLessThan(4_000)
  })
})

test('a check names the line, and says when the file cannot be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'htpasswd-'))
  const file = join(folder, 'htpasswd')
  writeFileSync(file, `alice:${good}\n\nbob:${secret}\n`)
  expect(checkHtpasswd(file)).toEqual([
    { line: 3, message: expect.stringContaining('"bob" cannot log in: it is plain text') },
  ])
  const misconfigured = (message: string) =>
    expect.objectContaining({ code: 'misconfigured', message: expect.stringContaining(message) })
  const missing = join(folder, 'missing')
  expect(() => checkHtpasswd(missing)).toThrow(misconfigured(`${missing} does not exist`))
  expect(() => checkHtpasswd(folder)).toThrow(misconfigured(folder))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const endless of [pipe, '/dev/zero']) {
    expect(() => checkHtpasswd(endless)).toThrow(misconfigured(`${endless} is a pipe or a device`))
  }
})

describe('any bytes at all', () => {
  const line = fc.oneof(
    fc.constantFrom('', '#', ':', `alice:${good}`, `bob:${apr1}`, 'eve:', '\ufeff', '\0', '\r'),
    fc.string(),
    fc.string().map((name) => `${name}:${good}`),
    fc.string().map((hash) => `alice:${hash}`),
  )
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(line, { maxLength: 20 }).map((lines) => Buffer.from(lines.join('\n'))),
  )

  test('are read without a throw; each line that says something is an entry, a fault or both', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const { entries, faults } = parseHtpasswd(bytes, 'f')
        const lines = bytes.toString('latin1').split('\n').length
        const faulty = new Set(faults.map(({ line }) => line))
        expect(faulty.size).toBe(faults.length)
        for (const { line } of faults) expect(line >= 1 && line <= lines).toBe(true)
        for (const [name, entry] of entries) {
          expect(name).not.toMatch(/[:\n]/)
          // Nobody whose line has a fault can log in by it.
          expect(entry.hash === undefined).toBe(faulty.has(entry.line))
        }
      }),
      { numRuns: 5_000 },
    )
  })

  test('never change what a good line before them says', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const { entries } = parseHtpasswd(
          Buffer.concat([Buffer.from(`first:${good}\n`), bytes]),
          'f',
        )
        expect(entries.get('first')).toMatchObject({
          line: 1,
          hash: { kind: 'bcrypt', text: good },
        })
      }),
      { numRuns: 2_000 },
    )
  })
})

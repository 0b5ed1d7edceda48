import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bcrypt = `$2y$10$${'a'.repeat(53)}`
const apr1 = `$apr1$salt$${'a'.repeat(22)}`

function siteWith(htpasswd: string): { readonly folder: string; readonly file: string } {
  const folder = temporaryFolder('import')
  const file = join(folder, 'users')
  writeFileSync(file, htpasswd)
  return { folder, file }
}

test('a dry run tells what would be done, and makes nothing', async () => {
  const { folder } = siteWith(`alice:${bcrypt}\nbob:${apr1}\n`)
  const dry = await command(folder, ['import', 'htpasswd', 'users', '--dry-run'])
  expect(dry).toMatchObject({
    code: 0,
    stdout:
      'would be added: 2 (alice, bob)\nquick to guess against, so set new ones with `dockwarden user password`: 1 (bob)\n',
    stderr: '',
  })
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

test('users are taken over, and who is there already is left alone and told of', async () => {
  const { folder } = siteWith(`alice:${bcrypt}\nbob:${bcrypt}\n`)
  const alice = await commandJson(folder, ['user', 'add', 'alice', '--generate'])
  const { code, stdout } = await command(folder, ['import', 'htpasswd', 'users'])
  expect([code, stdout]).toEqual([
    0,
    'added: 1 (bob)\nleft as they are, because there are such accounts: 1 (alice)\n',
  ])
  const { password: _password, ...before } = alice
  expect(await commandJson(folder, ['user', 'show', 'alice'])).toEqual(before)
  expect((await command(folder, ['import', 'htpasswd', 'users'])).stdout).toMatch(/^added: none\n/)
})

test('a line that cannot be taken over is told with its place, and fails the command, not the others', async () => {
  const { folder, file } = siteWith(
    `Alice:${bcrypt}\nbob:${bcrypt}\ncleo:secret-plaintext\nx\n\u009b2J\u202edave:x\n`,
  )
  const { code, stdout, stderr } = await command(folder, ['import', 'htpasswd', 'users'])
  expect([code, stdout]).toEqual([1, 'added: 1 (bob)\nlines that cannot be taken over: 4\n'])
  const told = stderr.trim().split('\n').slice(1)
  expect(told).toEqual([
    expect.stringContaining(`${file}:1: "Alice" is no account name: lower-case`),
    expect.stringContaining(`${file}:3: "cleo" cannot log in`),
    expect.stringContaining(`${file}:4: there is no colon`),
    // What would clear the screen and turn the line around.
    expect.stringContaining(`${file}:5: "\\u009b2J\\u202edave" cannot log in`),
  ])
  expect(stderr).not.toContain('secret-plaintext')
})

test('--json', async () => {
  const { folder } = siteWith(`alice:${bcrypt}\nbob:${apr1}\nBert:${bcrypt}\n`)
  const { code, stdout } = await command(folder, ['import', 'htpasswd', 'users', '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toEqual({
    dry_run: false,
    added: ['alice', 'bob'],
    existing: [],
    faults: [{ line: 3, message: expect.stringContaining('is no account name') }],
    weak: ['bob'],
  })
})

test('a long list is cut short', async () => {
  const { folder } = siteWith(
    Array.from({ length: 50 }, (_, index) => `user-${index}:${bcrypt}\n`).join(''),
  )
  const { stdout } = await command(folder, ['import', 'htpasswd', 'users'])
  expect(stdout).toMatch(/^added: 50 \(user-0, .*, user-19, and 30 more\)\n$/)
})

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { command } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const hash = `$2y$10$${'a'.repeat(53)}`

function folderWith(content: string): string {
  const folder = temporaryFolder('import-docker-auth')
  writeFileSync(join(folder, 'auth.yml'), content)
  return folder
}

const plain = `users: { alice: { password: "${hash}" } }\nacl: [{ match: { account: alice, name: "a/*" }, actions: ["*"] }]\n`

test('what can be said as it was is written, is a good configuration, and the exit code is 0', async () => {
  const folder = folderWith(plain)
  const args = ['import', 'docker_auth', 'auth.yml', '--out', 'new.yml', '--htpasswd', 'users']
  const { code, stdout, stderr } = await command(folder, args)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^carried over: rules 1; 1 users\n/)
  expect(stdout).toMatch(
    /proof: \d+ requests put to both: \d+ with the same answer, 0 with another/,
  )
  expect(await command(folder, ['check', '--config', 'new.yml'])).toMatchObject({ code: 0 })
  expect(readFileSync(join(folder, 'users'), 'utf8')).toBe(`alice:${hash}\n`)
  expect(statSync(join(folder, 'users')).mode & 0o777).toBe(0o600)
})

test('without --out the configuration is on standard output, and no hash is anywhere', async () => {
  const folder = folderWith(plain)
  const { code, stdout, stderr } = await command(folder, ['import', 'docker_auth', 'auth.yml'])
  expect(code).toBe(0)
  expect(stdout).toContain('on: ["a/*"]')
  expect(stdout).toContain('  - accounts\n')
  expect(stderr).toContain('proof: ')
  expect(stdout + stderr).not.toContain('$2y$')
})

test('what is less than it was is told, with the exit code 1', async () => {
  const folder = folderWith(
    'users: { alice: { password: x } }\nacl: [{ match: { account: alice, name: "/^(ab)+$/" }, actions: ["*"] }]\n',
  )
  const { code, stdout } = await command(folder, [
    'import',
    'docker_auth',
    'auth.yml',
    '--out',
    'new.yml',
  ])
  expect(code).toBe(1)
  expect(stdout).toContain('rule 1: could not be carried over, because it repeats something')
  expect(readFileSync(join(folder, 'new.yml'), 'utf8')).toContain(
    '# CHANGED: could not be carried over',
  )
  expect(stdout).toContain('Dockwarden gives less: pull, push, delete')
})

test('--json is the whole report', async () => {
  const folder = folderWith(plain)
  const { stdout } = await command(folder, [
    'import',
    'docker_auth',
    'auth.yml',
    '--service',
    'hub',
    '--json',
  ])
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    carried_over: { users: ['alice'], rules: [1] },
    proof: { differences: [] },
  })
  expect(report.config).toContain('- { name: "hub", token_lifetime: 900s }')
})

test('a file that is there is not replaced', async () => {
  const folder = folderWith(plain)
  writeFileSync(join(folder, 'new.yml'), 'mine')
  const { code, stderr } = await command(folder, [
    'import',
    'docker_auth',
    'auth.yml',
    '--out',
    'new.yml',
  ])
  expect([code, stderr]).toEqual([
    1,
    `dockwarden: ${join(folder, 'new.yml')}: it is there already; name another, or remove it\n`,
  ])
  expect(readFileSync(join(folder, 'new.yml'), 'utf8')).toBe('mine')
})

test('of the two files both are written or none', async () => {
  const folder = folderWith(plain)
  const write = (...args: readonly string[]) =>
    command(folder, ['import', 'docker_auth', 'auth.yml', '--htpasswd', 'users', ...args])
  expect(await write('--out', 'missing/new.yml')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('missing/new.yml: it cannot be written (ENOENT)'),
  })
  expect(existsSync(join(folder, 'users'))).toBe(false)
  expect(await write('--out', './users')).toMatchObject({
    code: 1,
    stderr: `dockwarden: --out and --htpasswd both name ${join(folder, 'users')}; name two files\n`,
  })
  expect(existsSync(join(folder, 'users'))).toBe(false)
  expect((await write('--out', 'new.yml')).code).toBe(0)
})

test('a rule that docker_auth never gets to is no loss, whatever it says', async () => {
  const folder = folderWith(
    `users: { ci: { password: "${hash}" } }
acl:
  - { match: { account: "/.+/" }, actions: ["pull"] }
  - { match: { account: "/^ci.*/", name: "/^(ab)+$/" }, actions: ["push", "pull"] }
`,
  )
  const { code, stderr } = await command(folder, ['import', 'docker_auth', 'auth.yml'])
  expect(stderr).toContain('  - rule 2: docker_auth never gets to it')
  expect(stderr).not.toContain('gives less')
  expect(code).toBe(0)
})

test('a service without a name is refused', async () => {
  const args = ['import', 'docker_auth', 'auth.yml', '--service', '']
  expect(await command(folderWith(plain), args)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('It is empty; name the service'),
  })
})

test('a file that docker_auth would not start with is refused with its line, and nothing is written', async () => {
  const folder = folderWith(
    'users: { alice: {} }\nacl:\n  - { match: { name: "/(/" }, actions: [] }\n',
  )
  const args = ['import', 'docker_auth', 'auth.yml', '--out', 'new.yml', '--htpasswd', 'users']
  const { code, stderr } = await command(folder, args)
  expect(code).toBe(1)
  expect(stderr).toMatch(/auth\.yml:3:\d+: "\/\(\/" is no regular expression/)
  expect(['new.yml', 'users'].filter((name) => existsSync(join(folder, name)))).toEqual([])
})

test('a file of some megabytes is refused before it is read as YAML', async () => {
  const folder = folderWith(`${plain}${'# nothing\n'.repeat(300_000)}`)
  const { code, stderr } = await command(folder, ['import', 'docker_auth', 'auth.yml'])
  expect([code, stderr]).toEqual([1, expect.stringContaining('is larger than 1 MiB')])
})

test('whatever stands in the file cannot move the cursor or leave its comment', async () => {
  const folder = folderWith(
    `users: { "a\\u001b[2Jb": {} }\nacl: [{ match: { name: "x\\n- y: z" }, actions: [], comment: "\\u001b]0;a\\nrules: []", "k\\u202e": 1 }]\n`,
  )
  const { stdout, stderr } = await command(folder, ['import', 'docker_auth', 'auth.yml'])
  expect(stdout + stderr).not.toContain('\u001b')
  expect(stdout + stderr).not.toContain('\u202e')
})

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { command } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const proxy = 'proxy_pass http://127.0.0.1:5000;'
const auth = (file: string) => `auth_basic "x"; auth_basic_user_file ${file};`

function folderWith(site: string): string {
  const folder = temporaryFolder('import-nginx')
  writeFileSync(join(folder, 'users'), 'alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')
  writeFileSync(join(folder, 'admins'), 'root:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')
  writeFileSync(join(folder, 'site.conf'), `server { server_name hub.example.com; ${site} }`)
  return folder
}

test('a site becomes a good configuration, with the exit code 0', async () => {
  const folder = folderWith(`location /v2/ { ${proxy} limit_except GET HEAD { ${auth('users')} } }`)
  const { code, stdout, stderr } = await command(folder, [
    'import',
    'nginx',
    'site.conf',
    '--out',
    'new.yml',
  ])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^carried over: 3 rules\nto know:\n/)
  expect(stdout).toContain("users is relative to nginx's own folder")
  expect(await command(folder, ['check', '--config', 'new.yml'])).toMatchObject({ code: 0 })
})

test('what is not followed is told, on standard error where the configuration is on standard output', async () => {
  const folder = folderWith(`location /v2/ { ${proxy} auth_request /check; }`)
  const { code, stdout, stderr } = await command(folder, [
    'import',
    'nginx',
    'site.conf',
    '--service',
    'hub',
  ])
  expect(code).toBe(1)
  expect(stdout).toContain('- { name: "hub" }')
  expect(stdout).toContain('rules: []')
  expect(stderr).toContain(
    'pull is left out; line 1: what "auth_request /check" does is not followed',
  )
})

test('what stands in the file makes no line of the report', async () => {
  const folder = folderWith(`location /v2/ { ${proxy} } location "/v2/x\nwritten: y" { ${proxy} }`)
  const { stderr } = await command(folder, ['import', 'nginx', 'site.conf'])
  expect(stderr).toContain('location /v2/x\\nwritten: y (line 1)')
  expect(stderr).not.toMatch(/^written/m)
})

test('the people of two files are read, each a group', async () => {
  const folder = folderWith(
    `location /v2/ { ${auth('users')} ${proxy} } location /v2/ops/ { ${auth('admins')} ${proxy} }`,
  )
  const { code, stdout } = await command(folder, ['import', 'nginx', 'site.conf', '--json'])
  expect(code).toBe(0)
  const { config, files, rules } = JSON.parse(stdout)
  expect(rules[0]).toMatchObject({ may: ['*'], may_not: [] })
  expect(files).toEqual(['users', 'admins'])
  expect(config).toContain('groups:\n  "file-1": ["alice"]\n  "file-2": ["root"]\n')
  expect(config).toContain('who: ["group:file-2"]')
})

test('a file that is there is not replaced, and one that is no configuration is refused with its line', async () => {
  const folder = folderWith('location /v2/ { }')
  writeFileSync(join(folder, 'new.yml'), 'mine')
  const twice = await command(folder, ['import', 'nginx', 'site.conf', '--out', 'new.yml'])
  expect([twice.code, readFileSync(join(folder, 'new.yml'), 'utf8')]).toEqual([1, 'mine'])
  writeFileSync(join(folder, 'site.conf'), 'server {\n}\n}')
  const { code, stderr } = await command(folder, ['import', 'nginx', 'site.conf'])
  expect([code, stderr]).toEqual([
    1,
    `dockwarden: ${join(folder, 'site.conf')}:3:1: this } closes nothing\n`,
  ])
})

/** "The rules": each sentence of the example, and of the text below it, asked of the real server. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { granted, passwordHash } from './ask-token.ts'
import { writeNamedFiles } from './named-files.ts'
import { readme, root } from './readme.ts'

const users = ['alice', 'bob', 'carol', 'ci', 'dave']
const htpasswd = users.map((user) => `${user}:${passwordHash}\n`).join('')

/** `dockwarden check` of a text, beside the files that it names. */
async function check(text: string) {
  const folder = temporaryFolder('check')
  await writeNamedFiles(folder, text)
  writeFileSync(join(folder, 'htpasswd'), htpasswd)
  writeFileSync(join(folder, 'dockwarden.yml'), text)
  return await run(process.execPath, [program, 'check'], { cwd: folder })
}

describe('the example', () => {
  let server: Dockwarden
  beforeAll(async () => {
    server = await startDockwarden({
      config: { ...parse(readme.rules), authentication: [{ htpasswd: { file: 'htpasswd' } }] },
      files: { htpasswd },
    })
  })
  afterAll(() => server?.stop())

  test('loads as it stands', async () => {
    const { code, output } = await check(readme.rules)
    expect(output).toContain('ok')
    expect(code).toBe(0)
  })

  const all = 'pull,push,delete'
  test.each<[string, string | null, string, string]>([
    // everybody reads the public images, also without a login
    ['nobody in particular', null, `repository:public/nginx:${all}`, 'pull'],
    ['somebody without a rule', 'dave', `repository:public/team/app:${all}`, 'pull'],
    ['the folder itself', null, `repository:public:${all}`, ''],
    // developers push their own
    ['a developer', 'alice', `repository:dev/app:${all}`, all],
    ['a developer, deeper', 'bob', `repository:dev/app/web:${all}`, all],
    ['a developer, one segment', 'bob', `repository:sandbox/app:${all}`, all],
    ['a developer, two where one is meant', 'bob', `repository:sandbox/app/web:${all}`, ''],
    ['no developer', 'dave', `repository:dev/app:${all}`, ''],
    ['not signed in', null, `repository:dev/app:${all}`, ''],
    // nobody changes a release
    ['a developer at a release', 'alice', `repository:dev/releases/app:${all}`, 'pull'],
    // the build server pushes the api, and reads all
    ['the build server', 'ci', `repository:prod/api:${all}`, 'pull,push'],
    ['the build server, the other', 'ci', `repository:prod/web:${all}`, 'pull,push'],
    ['the build server, a third', 'ci', `repository:prod/db:${all}`, 'pull'],
    ['the build server, half a name', 'ci', `repository:prod/apis:${all}`, 'pull'],
    // auditors list the catalog
    ['an auditor', 'carol', 'registry:catalog:*', '*'],
    ['an auditor at an image', 'carol', `repository:dev/app:${all}`, ''],
    ['somebody else at the catalog', 'alice', 'registry:catalog:*', ''],
  ])('%s (%s) asks for %s and gets "%s"', async (_name, user, scope, actions) => {
    expect(await granted(server, user, scope)).toBe(actions)
  })
})

describe('the text below it', () => {
  const rules = `
    - { who: ["user:alice"], may: [pull], on: [sum] }
    - { who: [anyone], may: [delete], on: [sum] }
    - { who: [anyone], may_not: [push], on: [kept] }
    - { who: [anyone], may: [push], on: [kept, inbox, secret] }
    - { who: [anyone], may_not: [pull], on: [secret] }
    - { who: [anonymous], may: [pull], on: [strangers] }
    - { who: [authenticated], may: [pull], on: [members] }
    - { who: [anyone], may: ["*"], on: [free] }
    - { who: [anyone], may: [pull], on: ["v?", "web*/main"] }
  `
  let server: Dockwarden
  beforeAll(async () => {
    const config = { rules: parse(rules), authentication: [{ htpasswd: { file: 'htpasswd' } }] }
    server = await startDockwarden({ config, files: { htpasswd } })
  })
  afterAll(() => server?.stop())

  test.each<[string, string | null, string, string]>([
    ['nothing is allowed that no rule allows', 'alice', 'repository:other:pull', ''],
    ['allows add up', 'alice', 'repository:sum:pull,delete', 'pull,delete'],
    ['one may_not wins, also when it stands first', 'alice', 'repository:kept:pull,push', 'pull'],
    ['anonymous is nobody signed in', null, 'repository:strangers:pull', 'pull'],
    ['anonymous is not alice', 'alice', 'repository:strangers:pull', ''],
    ['authenticated is anybody signed in', 'dave', 'repository:members:pull', 'pull'],
    ['authenticated is not nobody', null, 'repository:members:pull', ''],
    ['push brings pull along', null, 'repository:inbox:pull', 'pull'],
    ['"*" is the three', null, 'repository:free:pull,push,delete', 'pull,push,delete'],
    ['who may not pull may not push', 'alice', 'repository:secret:pull,push', ''],
    ['? is one character', null, 'repository:v1:pull', 'pull'],
    ['? is not two', null, 'repository:v12:pull', ''],
    ['* is any part of a segment', null, 'repository:web-2/main:pull', 'pull'],
    ['* is not two segments', null, 'repository:web/2/main:pull', ''],
  ])('%s', async (_name, user, scope, actions) => {
    expect(await granted(server, user, scope)).toBe(actions)
  })

  test.each([
    ['the catalog takes only "*"', 'may: [pull], on: ["registry:catalog"]', 'may: ["*"]'],
    ['there are no regular expressions', 'may: [pull], on: ["^prod/.*$"]', 'prod'],
    ['an action that is none', 'may: [pul], on: ["a"]', 'pull'],
  ])('%s: `dockwarden check` says where', async (_name, rule, told) => {
    const { code, output } = await check(`rules:\n  - { who: [anyone], ${rule} }\n`)
    expect(output).toMatch(/dockwarden\.yml:2:\d+: /)
    expect(output).toContain(told)
    expect(code).toBe(1)
  })
})

test('the file that explains every key loads, with the files that it names', async () => {
  const example = readFileSync(join(root, 'deploy/dockwarden.example.yml'), 'utf8')
  const { code, output } = await check(example.replace('auth/htpasswd', 'htpasswd'))
  expect(output).toContain('ok')
  expect(code).toBe(0)
})

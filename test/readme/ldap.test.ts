/** Directories in README.md and docs/ldap.md: every block loads, and that of OpenLDAP serves a real one. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { people, serviceAccount, suffix } from '../support/directory-entries.ts'
import { program, startDockwarden } from '../support/dockwarden.ts'
import { describeWithParts } from '../support/parts.ts'
import { run } from '../support/process.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { granted, password } from './ask-token.ts'
import { fencedBlocks, tableRows } from './markdown.ts'
import { writeNamedFiles } from './named-files.ts'
import { readme, root } from './readme.ts'

const document = readFileSync(join(root, 'docs/ldap.md'), 'utf8')
const blocks = fencedBlocks(document)
  .filter(({ language }) => language === 'yaml')
  .map(({ heading, text }, index) => [`${heading} (block ${index + 1})`, text] as const)
const [, openldap = ''] = blocks.find(([name]) => name.startsWith('OpenLDAP')) ?? []

describeWithParts('every block loads as it stands', ['openssl'], () => {
  const documented: readonly (readonly [string, string])[] = [
    ['README.md', readme.directory],
    ...blocks,
  ]
  test.each(documented)('%s', async (_name, text) => {
    const folder = temporaryFolder('check')
    await writeNamedFiles(folder, text)
    writeFileSync(join(folder, 'dockwarden.yml'), text)
    const { code, output } = await run(process.execPath, [program, 'check'], { cwd: folder })
    expect(output).toMatch(/backends: (accounts, )?ldap;/)
    expect(code).toBe(0)
  })
})

test('six lines lead to a login, a seventh names the CA, as both documents say', () => {
  const linesOf = (text: string) => text.trim().split('\n').length
  expect(linesOf(readme.directory)).toBe(6)
  for (const [name, text] of blocks) expect(linesOf(text), name).toBeLessThanOrEqual(7)
  expect(document).toMatch(/^Six lines of `dockwarden.yml` lead /m)
})

test('the least rights at an OpenLDAP are those of the example directory', () => {
  const [rights] = fencedBlocks(document).filter(({ text }) => text.startsWith('access to'))
  const example = readFileSync(join(root, 'deploy/openldap/slapd.conf'), 'utf8')
  expect(example.endsWith(rights?.text ?? '-')).toBe(true)
})

test('what a person is told, is told in these words', () => {
  const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
    .join()
  const told = tableRows(document, 'What a person is told').flatMap(([, reads = '']) =>
    [...reads.matchAll(/`([^`]+)`/g)].map(([, sentence = '']) => sentence),
  )
  expect(told).toContain('Your account is disabled.')
  for (const sentence of told) expect(source).toContain(`'${sentence}'`)
})

describeWithParts('against a real OpenLDAP', ['slapd', 'ldapmodify'], () => {
  let slapd: Slapd
  beforeAll(async () => {
    slapd = await startSlapd()
    for (const person of ['alice', 'bob'] as const)
      await slapd.setPassword(people[person], password)
  })
  afterAll(() => slapd?.stop())

  /** With the addresses and the suffix of ours, and its account's password where the block looks for it. */
  async function startWith(text: string, rules: readonly unknown[] = []) {
    const folder = temporaryFolder('server')
    writeFileSync(join(folder, 'ldap-password'), serviceAccount.password, { mode: 0o600 })
    const ours = text
      .replaceAll('dc=example,dc=com', suffix)
      .replaceAll('ldaps://ldap.example.com', slapd.ldapsUrl)
      .replaceAll('ldap-ca.crt', slapd.caFile)
    return await startDockwarden({ folder, config: { ...parse(ours), rules } })
  }

  test('the block of docs/ldap.md, with addresses of its own, signs people in', async () => {
    const rules = [{ who: ['group:developers'], may: ['push'], on: ['developers/**'] }]
    await using server = await startWith(openldap, rules)
    const asked = (person: string, repository: string) =>
      granted(server, person, `repository:${repository}:pull,push`)
    expect(await asked('alice', 'developers/app')).toBe('pull,push')
    expect(await asked('alice', 'other/app')).toBe('')
    expect(await asked('bob', 'developers/app')).toBe('')
    await expect(asked('nobody', 'developers/app')).rejects.toThrow('401')
  })
})

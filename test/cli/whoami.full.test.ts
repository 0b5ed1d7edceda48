/** `dockwarden whoami`: who somebody is to the rules, at every kind of backend. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command, commandJson } from '../support/command.ts'
import { passwordOf, serviceAccount, suffix } from '../support/directory-entries.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder('whoami')
let slapd: Slapd
let carol: Record<string, unknown>

beforeAll(async () => {
  slapd = await startSlapd()
  writeFileSync(join(folder, 'users'), `dora:${hashSync(passwordOf('dora'), 4)}\n`)
  writeFileSync(join(folder, 'secret'), serviceAccount.password, { mode: 0o600 })
  writeFileSync(
    join(folder, 'dockwarden.yml'),
    `authentication:
  - htpasswd: { file: users }
  - accounts
  - ldap:
      name: corp
      preset: openldap
      urls: ${slapd.ldapsUrl}
      base: ${suffix}
      bind: { dn: "${serviceAccount.dn}", password_file: secret }
      tls: { ca_file: ${slapd.caFile} }
groups: { night-shift: [dora, carol-admin] }
rules:
  - { name: everybody reads, who: [authenticated], may: [pull], on: [public/**] }
  - { name: the night shift pushes, who: ["group:night-shift"], may: [push], on: [nightly/**] }
  - { name: nobody deletes, who: [anyone], may_not: [delete], on: [releases/**] }
  - { name: strangers, who: [anonymous], may: [pull], on: [hello] }
  - { name: dora reads the mirror, who: ["user:dora"], may: [pull], on: [cache/**], when: { service: mirror } }
services: [{ name: registry }, { name: mirror }]
`,
  )
  const args = ['user', 'add', 'carol-admin', '--group', 'ops', '--password-stdin']
  carol = await commandJson(folder, args, { input: passwordOf('carol-admin') })
})
afterAll(async () => {
  await slapd?.stop()
})

const whoami = (name: string, password: string, ...args: readonly string[]) =>
  command(folder, ['whoami', name, '--password-stdin', ...args], { input: password })

test('a user of an htpasswd file', async () => {
  const { code, stdout, stderr } = await whoami('dora', passwordOf('dora'))
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toBe(`name     dora
id       htpasswd:dora
backend  htpasswd
groups:
  night-shift  groups of dockwarden.yml
rules:
  dockwarden.yml:13  everybody reads         authenticated may pull on public/**
  dockwarden.yml:14  the night shift pushes  group:night-shift may push on nightly/**
  dockwarden.yml:15  nobody deletes          anyone may not delete on releases/**
  dockwarden.yml:17  dora reads the mirror   user:dora may pull on cache/**; for the service mirror
`)
})

test('an account', async () => {
  const { stdout } = await whoami('carol-admin', passwordOf('carol-admin'), '--json')
  expect(JSON.parse(stdout)).toEqual({
    name: 'carol-admin',
    id: carol['id'],
    backend: 'accounts',
    groups: [
      { name: 'ops', origin: 'accounts' },
      { name: 'night-shift', origin: 'groups of dockwarden.yml' },
    ],
    rules: [
      expect.objectContaining({ name: 'everybody reads' }),
      {
        name: 'the night shift pushes',
        origin: 'dockwarden.yml:14',
        because: ['group:night-shift'],
        may: ['push'],
        may_not: [],
        on: ['nightly/**'],
        when: null,
      },
      expect.objectContaining({ name: 'nobody deletes', may_not: ['delete'] }),
    ],
  })
})

test('rules that are kept in the database speak as well', async () => {
  const args = ['rule', 'add', '--who', 'user:dora', '--may', 'push', '--on', 'hotfix']
  await command(folder, [...args, '--until', '2090-01-01'])
  const { stdout } = await whoami('dora', passwordOf('dora'))
  expect(stdout).toMatch(/^ {2}rule 1 +rule 1 +user:dora may push on hotfix; until 2090-01-01$/m)
  await command(folder, ['rule', 'remove', '1'])
})

test('a person of a directory, by any spelling', async () => {
  const { code, stdout } = await whoami('ALICE', passwordOf('alice'), '--service', 'registry')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^name +alice\nid +corp:[0-9a-f-]{36}\nbackend +corp\n/)
  expect(stdout).toMatch(/^ {2}developers +member of cn=developers,ou=groups,/m)
})

test('a refusal has the reason that the log would show', async () => {
  const said = async (name: string, password: string) => {
    const { code, stdout, stderr } = await whoami(name, password)
    expect([code, stdout]).toEqual([1, ''])
    return stderr
  }
  const wrong = 'a wrong password'
  expect(await said('dora', wrong)).toBe('dockwarden: refused by htpasswd: wrong password\n')
  expect(await said('carol-admin', wrong)).toMatch(/refused by accounts: wrong password/)
  expect(await said('alice', wrong)).toMatch(/refused by corp: wrong password \(code 49/)
  expect(await said('mallory', wrong)).toMatch(/refused: no backend knows the name mallory/)
  slapd.freeze()
  try {
    expect(await said('bob', passwordOf('bob'))).toContain(
      `${slapd.ldapsUrl} gave no end of the TLS handshake within 2000 ms`,
    )
  } finally {
    slapd.thaw()
  }
})

test('it counts against nobody, and writes nothing', async () => {
  const database = join(folder, 'data', 'dockwarden.db')
  const before = readFileSync(database)
  for (let guess = 0; guess < 12; guess += 1) await whoami('carol-admin', `guess ${guess}`)
  const { code } = await whoami('carol-admin', passwordOf('carol-admin'))
  expect(code).toBe(0)
  expect(readFileSync(database)).toEqual(before)
})

test('where there is no database, none is made', async () => {
  const empty = temporaryFolder('whoami')
  const { code, stderr } = await command(empty, ['whoami', 'admin', '--password-stdin'], {
    input: 'x',
  })
  expect(code).toBe(1)
  expect(stderr).toContain('is not there, so there are no accounts')
  expect(existsSync(join(empty, 'data'))).toBe(false)
})

test('with --service, rules for another one are left out', async () => {
  const rulesOf = async (service: string) => {
    const { stdout } = await whoami('dora', passwordOf('dora'), '--service', service, '--json')
    return (JSON.parse(stdout) as { rules: readonly { name: string }[] }).rules
  }
  const ofMirror = expect.objectContaining({ name: 'dora reads the mirror' })
  expect(await rulesOf('mirror')).toContainEqual(ofMirror)
  expect(await rulesOf('registry')).not.toContainEqual(ofMirror)
})

test('a service that no token is issued for is refused', async () => {
  const { code, stderr } = await whoami('dora', passwordOf('dora'), '--service', 'other')
  expect([code, stderr]).toEqual([
    1,
    'dockwarden: no tokens are issued for other; "services" names registry, mirror\n',
  ])
})

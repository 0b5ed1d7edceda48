/** `dockwarden ldap check` at real Active Directory and 389 Directory servers. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server389, start389ds } from '../support/389ds.ts'
import { command } from '../support/command.ts'
import { passwordOf, serviceAccount, suffix } from '../support/directory-entries.ts'
import { describeAsRoot, describeWithParts, requirePart } from '../support/parts.ts'
import { type RunResult, run } from '../support/process.ts'
import { type Samba, startSamba } from '../support/samba.ts'
import {
  domainPeople,
  domainServiceAccount,
  domainSuffix,
  lockoutThreshold,
} from '../support/samba-entries.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Keys of the entry, each on a line of its own, the first on the third. */
async function check(
  keys: Readonly<Record<string, string>>,
  password: string,
  ...args: readonly string[]
): Promise<RunResult> {
  const folder = temporaryFolder('ldap-check')
  const lines = Object.entries(keys).map(([key, value]) => `      ${key}: ${value}\n`)
  writeFileSync(
    join(folder, 'dockwarden.yml'),
    `authentication:\n  - ldap:\n${lines.join('')}rules:\n  - { name: developers push, who: ["group:developers"], may: [push], on: ["dev/**"] }\n`,
  )
  writeFileSync(join(folder, 'secret'), password, { mode: 0o600 })
  return await command(folder, ['ldap', 'check', ...args])
}

describeAsRoot('Active Directory', ['samba', 'samba-tool', 'ldapmodify', 'ldapsearch'], () => {
  let samba: Samba
  beforeAll(async () => {
    samba = await startSamba()
  })
  afterAll(async () => await samba?.stop())

  const checkDomain = (
    changes: Readonly<Record<string, string>>,
    password = domainServiceAccount.password,
    ...args: readonly string[]
  ) => {
    const keys = {
      preset: 'active_directory',
      urls: samba.ldapsUrl,
      base: domainSuffix,
      bind: `{ dn: "${domainServiceAccount.dn}", password_file: secret }`,
      tls: `{ ca_file: ${samba.caFile}, server_name: ${samba.serverName} }`,
      ...changes,
    }
    return check(keys, password, ...args)
  }

  test('is known as such, and a person is told with nested and primary groups', async () => {
    const { code, stdout } = await checkDomain({}, undefined, '--as', 'AD\\alice')
    expect(stdout).toContain('kind Active Directory')
    expect(stdout).toContain(`dn ${domainPeople.alice}; name alice; id #`)
    expect(stdout).toMatch(/^ {2}company +member of CN=company,.*, or of a group in it$/m)
    expect(stdout).toMatch(/^ {2}domain users +primary group CN=Domain Users,/m)
    expect(stdout).toMatch(/developers push +group:developers may push on dev\/\*\*$/m)
    expect(code).toBe(0)
  })

  test.each([
    ['disabled', 'cannot log in: the account is disabled'],
    ['expired', 'cannot log in: the account has expired'],
    ['changing', 'cannot log in: the password must be changed first'],
  ])('what keeps somebody out is told before any password: %s', async (name, words) => {
    const { code, stdout } = await checkDomain({}, undefined, '--as', name)
    expect([code, stdout]).toEqual([1, expect.stringContaining(`${name} ${words}`)])
  })

  test('somebody who is locked is warned of', async () => {
    const args = ['-x', '-H', samba.ldapsUrl, '-D', domainPeople.forgetful, '-w', 'wrong']
    for (let guess = 0; guess <= lockoutThreshold; guess += 1) {
      await run(requirePart('ldapsearch'), args, { env: { LDAPTLS_REQCERT: 'never' } })
    }
    const { stdout } = await checkDomain({}, undefined, '--as', 'forgetful')
    expect(stdout).toContain(`${domainPeople.forgetful} is locked`)
  })

  test('a bind in clear is refused, and the line is that of tls.mode', async () => {
    const changes = { urls: samba.url, tls: '{ mode: none }', allow_plaintext: 'true' }
    const { code, stdout } = await checkDomain(changes)
    expect(code).toBe(1)
    expect(stdout).toContain('dockwarden.yml:7 authentication[0].ldap.tls.mode: ')
    expect(stdout).toContain('answered the bind with result code 8 (strongerAuthRequired')
  })

  test('a certificate for another name is told with the line of the URL', async () => {
    const { code, stdout } = await checkDomain({ tls: `{ ca_file: ${samba.caFile} }` })
    expect(code).toBe(1)
    expect(stdout).toContain('dockwarden.yml:4 authentication[0].ldap.urls: ')
    expect(stdout).toContain('has a certificate for another name')
  })

  test('a preset for another kind of directory is warned of', async () => {
    const { stdout } = await checkDomain({
      preset: 'openldap',
      user: '{ login_attributes: sAMAccountName, filter: (objectClass=user) }',
      groups: '{ filter: (objectClass=group) }',
    })
    expect(stdout).toContain('dockwarden.yml:3 authentication[0].ldap.preset: ')
    expect(stdout).toContain('write preset: active_directory')
  })

  test('a search account that is disabled is told with the code of the directory', async () => {
    const keys = { bind: `{ dn: "${domainPeople.disabled}", password_file: secret }` }
    const { code, stdout } = await checkDomain(keys, passwordOf('disabled'))
    expect(code).toBe(1)
    expect(stdout).toContain('dockwarden.yml:6 authentication[0].ldap.bind.password_file: ')
    expect(stdout).toMatch(/refused the search account CN=disabled,.* \(code 49: .*data 533/)
  })
})

const parts389 = [
  'ns-slapd',
  'certutil',
  'pk12util',
  'openssl',
  'ldapmodify',
  'ldapsearch',
] as const

describeWithParts('389 Directory Server', parts389, () => {
  let server: Server389
  beforeAll(async () => {
    server = await start389ds()
  })
  afterAll(async () => await server?.stop())

  test('is known as such, and a person is told', async () => {
    const keys = {
      preset: 'openldap',
      urls: server.ldapsUrl,
      base: suffix,
      bind: `{ dn: "${serviceAccount.dn}", password_file: secret }`,
      tls: `{ ca_file: ${server.caFile} }`,
      user: '{ id_attribute: nsUniqueId }',
    }
    const { code, stdout } = await check(keys, serviceAccount.password, '--as', 'alice')
    expect(stdout).toContain('kind 389 Project')
    expect(stdout).toMatch(/^ {2}developers +member of cn=developers,ou=groups,/m)
    expect(code).toBe(0)
    expect(stdout).not.toContain(passwordOf('alice'))
  })
})

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { LdapSettings } from '../../src/authentication/ldap/settings.ts'
import { faultsOf, folder, loadText } from './config-text.ts'

async function settingsOf(entry: string): Promise<LdapSettings> {
  const config = await loadText(`authentication:\n  - ldap:\n${indented(entry)}`)
  const [backend] = config.authentication
  if (backend?.kind !== 'ldap') throw new Error('no ldap backend')
  return backend
}

function indented(entry: string): string {
  return entry.replace(/^(?=.)/gm, '      ')
}

const least = (preset: string) => `preset: ${preset}
urls: ldaps://dc1.example.com
base: dc=example,dc=com
bind: { dn: "cn=dockwarden,dc=example,dc=com", password_file: secrets/ldap }
`

describe('an ldap entry', () => {
  test('of four lines is whole: the preset says the rest', async () => {
    expect(await settingsOf(least('openldap'))).toEqual({
      kind: 'ldap',
      name: 'ldap',
      servers: [{ url: 'ldaps://dc1.example.com', host: 'dc1.example.com', port: 636 }],
      tls: {
        mode: 'ldaps',
        caFile: undefined,
        serverName: undefined,
        minVersion: 'TLSv1.2',
        clientCertificate: undefined,
      },
      deadlines: { connect: 2_000, operation: 3_000, login: 5_000 },
      load: { maxConcurrent: 16, queueLength: 64, queueWait: 1_000 },
      breaker: { failures: 3, open: 5_000 },
      bind: {
        kind: 'search',
        account: {
          dn: 'cn=dockwarden,dc=example,dc=com',
          password: { file: join(folder, 'secrets/ldap') },
        },
      },
      user: {
        bases: ['dc=example,dc=com'],
        scope: 'sub',
        filter: '(objectClass=person)',
        loginAttributes: ['uid'],
        domain: undefined,
        nameAttribute: 'uid',
        idAttribute: 'entryUUID',
      },
      accountState: 'openldap',
      groups: {
        mode: 'search',
        bases: ['dc=example,dc=com'],
        filter:
          '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
        memberAttributes: ['member', 'uniqueMember', 'memberUid'],
        nameAttribute: 'cn',
        nested: true,
        depth: 10,
        max: 1_000,
        map: [],
        required: [],
      },
      failedBinds: { max: 4, window: 900_000 },
      cacheTime: 60_000,
    })
  })

  test('has what each preset fills in', async () => {
    expect(await settingsOf(least('active_directory'))).toMatchObject({
      user: { loginAttributes: ['sAMAccountName', 'userPrincipalName'], idAttribute: 'objectGUID' },
      accountState: 'active_directory',
      groups: { mode: 'ad_nested' },
    })
    expect(await settingsOf(least('freeipa'))).toMatchObject({
      user: { idAttribute: 'ipaUniqueID' },
      groups: { mode: 'member_of', nested: false },
    })
  })

  test('can say otherwise than its preset, value by value', async () => {
    const entry = `name: corp
preset: openldap
urls: [ldap://dc1.example.com:3890, "ldap://[::1]", LDAP://127.0.0.1/]
base: dc=example,dc=com
bind: anonymous
tls: { mode: starttls, ca_file: ca.crt, server_name: dc.example.com, min_version: TLSv1.3, client_cert: a.crt, client_key: a.key }
user: { base: ["ou=people,dc=example,dc=com", "ou=guests,dc=example,dc=com"], scope: one, filter: (mail=*), login_attributes: mail, domain: CORP, name_attribute: uid, id_attribute: uidNumber }
groups: { mode: member_of, base: "ou=groups,dc=example,dc=com", filter: (cn=*), member_attributes: member, name_attribute: dn, nested: false, depth: 3, max: 50, map: [{ dn: "cn=a,dc=b", group: dev }], required: [dev] }
account_state: none
connect_timeout: 500ms
operation_timeout: 1s
login_deadline: 4s
max_concurrent: 4
queue: 0
queue_wait: 0s
breaker: { failures: 1, open: 10s }
failed_binds: { max: 2, window: 30m }
cache: 0s
`
    expect(await settingsOf(entry)).toEqual({
      kind: 'ldap',
      name: 'corp',
      servers: [
        { url: 'ldap://dc1.example.com:3890', host: 'dc1.example.com', port: 3890 },
        { url: 'ldap://[::1]', host: '::1', port: 389 },
        { url: 'LDAP://127.0.0.1', host: '127.0.0.1', port: 389 },
      ],
      tls: {
        mode: 'starttls',
        caFile: join(folder, 'ca.crt'),
        serverName: 'dc.example.com',
        minVersion: 'TLSv1.3',
        clientCertificate: { certFile: join(folder, 'a.crt'), keyFile: join(folder, 'a.key') },
      },
      deadlines: { connect: 500, operation: 1_000, login: 4_000 },
      load: { maxConcurrent: 4, queueLength: 0, queueWait: 0 },
      breaker: { failures: 1, open: 10_000 },
      bind: { kind: 'search', account: undefined },
      user: {
        bases: ['ou=people,dc=example,dc=com', 'ou=guests,dc=example,dc=com'],
        scope: 'one',
        filter: '(mail=*)',
        loginAttributes: ['mail'],
        domain: 'CORP',
        nameAttribute: 'uid',
        idAttribute: 'uidNumber',
      },
      accountState: 'none',
      groups: {
        mode: 'member_of',
        bases: ['ou=groups,dc=example,dc=com'],
        filter: '(cn=*)',
        memberAttributes: ['member'],
        nameAttribute: 'dn',
        nested: false,
        depth: 3,
        max: 50,
        map: [{ dn: 'cn=a,dc=b', group: 'dev' }],
        required: ['dev'],
      },
      failedBinds: { max: 2, window: 1_800_000 },
      cacheTime: 0,
    })
  })

  test('speaks StartTLS on ldap:// unless told otherwise, and nothing in the clear unless said aloud', async () => {
    const plain = least('openldap').replace('ldaps:', 'ldap:')
    expect((await settingsOf(plain)).tls.mode).toBe('starttls')
    expect(await ldapFaults(`${plain}tls: { mode: none }\n`)).toEqual([
      expect.stringContaining('tls.mode: would send passwords across the network unencrypted'),
    ])
    const aloud = `${plain}tls: { mode: none }\nallow_plaintext: true\n`
    expect((await settingsOf(aloud)).tls.mode).toBe('none')
    const loopback = `${plain}tls: { mode: none }\n`.replace('dc1.example.com', '127.0.0.1')
    expect((await settingsOf(loopback)).tls.mode).toBe('none')
  })

  test('can let people bind as themselves', async () => {
    const direct = least('openldap').replace(
      /bind:.*/,
      'bind: { user_template: "uid={user},dc=a" }',
    )
    expect((await settingsOf(direct)).bind).toEqual({ kind: 'direct', template: 'uid={user},dc=a' })
    for (const template of ['CORP\\{user}', 'CN={user},OU=a@b,DC=c']) {
      const domain = least('active_directory').replace(
        /bind:.*/,
        () => `bind: { user_template: '${template}' }`,
      )
      expect((await settingsOf(domain)).bind).toEqual({ kind: 'direct', template })
    }
  })
})

function ldapFaults(entry: string): Promise<readonly string[]> {
  return faultsOf(`authentication:\n  - ldap:\n${indented(entry)}`)
}

/** The mistake, what replaces what in the least entry, and a piece of its only fault. */
const mistakes: readonly (readonly [string, RegExp | string, string, string])[] = [
  ['no preset', /preset.*\n/, '', 'ldap.preset: is missing; name openldap'],
  ['unknown preset', 'preset: openldap', 'preset: ad', 'ldap.preset: must be openldap,'],
  ['no URL', /urls.*\n/, '', 'ldap.urls: is missing'],
  ['a host for a URL', 'ldaps://dc1', 'dc1', 'ldap.urls: "dc1.example.com" is no LDAP URL'],
  ['a path behind the host', '.com\n', '.com/dc=a\n', 'is no LDAP URL'],
  ['a password in the URL', 'dc1.', 'me:secret@dc1.', 'is no LDAP URL'],
  ['a port that is none', 'dc1.example.com', 'dc1.example.com:70000', 'is no LDAP URL'],
  [
    'two schemes',
    'ldaps://dc1.example.com',
    '[ldaps://a, ldap://b]',
    'ldap.urls: mixes ldap:// and ldaps://',
  ],
  ['no base', /base.*\n/, '', 'ldap.base: is missing'],
  ['a name for a base', 'dc=example,dc=com\n', 'example.com\n', 'is no distinguished name'],
  ['no bind', /bind.*\n/, '', 'ldap.bind: is missing'],
  ['a word for bind', /bind.*/, 'bind: nobody', 'the word anonymous'],
  ['no password', ', password_file: secrets/ldap', '', 'ldap.bind: has no password'],
  ['two passwords', 'password_file:', 'password: hunter2, password_file:', 'keep one of the two'],
  ['an empty bind', /bind.*/, 'bind: {}', 'ldap.bind: names nobody'],
  [
    'template and account',
    'password_file',
    'user_template: "uid={user}", password_file',
    'user_template: stands beside dn',
  ],
  [
    'template without the user',
    /bind.*/,
    'bind: { user_template: "uid=alice,dc=a" }',
    'must hold {user} once',
  ],
  [
    'the bare name as a template, which SASL would take for a mechanism',
    /bind.*/,
    'bind: { user_template: "{user}" }',
    'must hold {user} once, in a DN',
  ],
  [
    'a template by which Active Directory knows one person by two names',
    /preset.*\n([\s\S]*)bind.*/,
    'preset: active_directory\n$1bind: { user_template: "{user}@corp.example.com" }',
    'ldap.bind.user_template: lets people bind by sAMAccountName and by userPrincipalName, each with wrong passwords of its own until Active Directory locks the account; write "CORP\\\\{user}"',
  ],
  [
    'the same where only the account state is its',
    /bind.*/,
    'bind: { user_template: "CORP\\\\{user}@x" }\naccount_state: active_directory',
    'ldap.bind.user_template: lets people bind by sAMAccountName',
  ],
  ['StartTLS on ldaps', /$/, 'tls: { mode: starttls }\n', 'does not go with the URLs'],
  ['half a client certificate', /$/, 'tls: { client_key: a }\n', 'ldap.tls: has one of'],
  ['old TLS', /$/, 'tls: { min_version: TLSv1.1 }\n', 'must be TLSv1.2 or TLSv1.3'],
  [
    'no check of the certificate',
    /$/,
    'tls: { insecure_skip_verify: true }\n',
    'ldap.tls.insecure_skip_verify: no such key',
  ],
  ['broken filter', /$/, 'user: { filter: "(uid=" }\n', 'ldap.user.filter: is no LDAP filter'],
  ['no attribute', /$/, 'user: { name_attribute: "a b" }\n', 'is no attribute name'],
  ['a number in words', /$/, 'max_concurrent: many\n', 'must be a whole number from 1 to 1000'],
  ['too many', /$/, 'groups: { depth: 51 }\n', 'must be a whole number from 1 to 50'],
  ['a time without end', /$/, 'login_deadline: 1h\n', 'write 500ms to 10s'],
  ['a long belief', /$/, 'cache: 5m\n', 'write 0s to 60s'],
  ['one failed bind', /$/, 'failed_binds: { max: 1 }\n', 'must be a whole number from 2 to 100'],
  ['perhaps', /$/, 'allow_plaintext: perhaps\n', 'must be true or false'],
  ['a mistyped key', /$/, 'filtre: (a=b)\n', 'ldap.filtre: no such key'],
]

describe('an ldap entry is refused for', () => {
  test.each(mistakes)('%s', async (_name, written, instead, fault) => {
    const entry = least('openldap').replace(written, instead)
    expect(entry).not.toBe(least('openldap'))
    const faults = await ldapFaults(entry)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
    expect(faults[0]).not.toMatch(/hunter2|secret@/)
  })
})

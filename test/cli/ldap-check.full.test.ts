/** `dockwarden ldap check` at a real OpenLDAP server: each fault is named, with the line to change. */

import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tableRows } from '../readme/markdown.ts'
import { root } from '../readme/readme.ts'
import { atEnd } from '../support/at-end.ts'
import { type Certificate, makeCertificate } from '../support/certificate.ts'
import { command } from '../support/command.ts'
import {
  passwordOf,
  people,
  personLdif,
  serviceAccount,
  suffix,
} from '../support/directory-entries.ts'
import { freePort } from '../support/free-port.ts'
import { answering, speakingHttp, startHostileDirectory } from '../support/hostile-directory.ts'
import { bindResponse } from '../support/ldap-messages.ts'
import { startLdapProxy } from '../support/ldap-proxy.ts'
import { formatLdif } from '../support/ldif.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let slapd: Slapd
/** Its certificate has expired, and it shows nobody's memberOf, and nothing about itself. */
let expired: Slapd
/** Its certificate is for another name. */
let misnamed: Slapd

const twins = ['anna', 'anna'].map((uid, index) =>
  personLdif(uid, `cn=${uid} ${index},ou=people,${suffix}`),
)

/** More groups than slapd gives at once by itself. */
const crowd = Array.from({ length: 501 }, (_, index) =>
  formatLdif(`cn=crowd-${index},ou=contractors,${suffix}`, {
    objectClass: 'groupOfNames',
    cn: `crowd-${index}`,
    member: people.dave,
  }),
)

beforeAll(async () => {
  const start = async (certificate: Certificate) =>
    await startSlapd({ certificate, hidden: ['memberOf'], isRootHidden: true })
  const good = await makeCertificate([], undefined, 90)
  slapd = await startSlapd({ certificate: good, ldif: [...twins, ...crowd].join('') })
  expired = await start(await makeCertificate([], 'expired'))
  misnamed = await start(await makeCertificate(['ldap.example.org'], 'wrong name'))
})
afterAll(async () => {
  for (const each of [slapd, expired, misnamed]) await each?.stop()
})

/** Keys of the entry as they are written, each on a line of its own; undefined leaves one out. */
type Keys = Readonly<Record<string, string | undefined>>

/** The first line of the entry is the third of the file. */
function configuration(keys: Keys): string {
  const all = {
    preset: 'openldap',
    urls: slapd.ldapsUrl,
    base: suffix,
    bind: `{ dn: "${serviceAccount.dn}", password_file: secret }`,
    tls: `{ ca_file: ${slapd.caFile} }`,
    ...keys,
  }
  const lines = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [`      ${key}: ${value}`],
  )
  return [
    'authentication:',
    '  - ldap:',
    ...lines,
    'groups: { night-shift: [alice] }',
    'rules:',
    '  - { name: everybody reads, who: [authenticated], may: [pull], on: [public/**] }',
    '  - { name: developers push, who: ["group:developers"], may: [push], on: [dev/**] }',
    '  - { name: bob alone, who: ["user:bob"], may: [push], on: [bob/**] }',
    '',
  ].join('\n')
}

interface Site {
  readonly folder: string
  /** `dockwarden.yml:5` of the first line that begins with the key. */
  line(key: string): string
}

function site(keys: Keys = {}): Site {
  const folder = temporaryFolder('ldap-check')
  const text = configuration(keys)
  writeFileSync(join(folder, 'dockwarden.yml'), text)
  writeFileSync(join(folder, 'secret'), serviceAccount.password, { mode: 0o600 })
  writeFileSync(join(folder, 'wrong secret'), 'not the password', { mode: 0o600 })
  return {
    folder,
    line: (key) => {
      const lines = text.split('\n').map((each) => each.trimStart())
      const index = lines.findIndex((each) => each.startsWith(`${key}:`))
      return `dockwarden.yml:${index + 1}`
    },
  }
}

test('a directory that is right is all good, and nothing is left open', async () => {
  const { folder } = site()
  const { code, stdout, stderr } = await command(folder, ['ldap', 'check'])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('ldap (dockwarden.yml:2 authentication[0].ldap)')
  expect(stdout).toMatch(
    / {2}ok {7}tls +\d+ ms {2}mode ldaps; subject CN=Test server; issuer CN=Test CA; names DNS:localhost, .*; days left 89; protocol TLSv1\.3\n/,
  )
  expect(stdout).toContain(`as ${serviceAccount.dn}`)
  expect(stdout).toContain('kind OpenLDAP; naming contexts dc=example,dc=org')
  expect(stdout).toMatch(/\nall good\n$/)
  expect(stdout).not.toContain(serviceAccount.password)
  expect(slapd.connections()).toBe(0)
})

test('a person is told with groups, where each came from, and the rules that speak', async () => {
  const { folder, line } = site()
  const { code, stdout } = await command(folder, ['ldap', 'check', '--as', 'ALICE'])
  expect(code).toBe(0)
  expect(stdout).toContain(`dn ${people.alice}; name alice; id `)
  expect(stdout).toMatch(/developers +member of cn=developers,ou=groups,dc=example,dc=org\n/)
  expect(stdout).toMatch(/night-shift +groups of dockwarden\.yml\n/)
  expect(stdout).toMatch(
    /dockwarden\.yml:\d+ +developers push +group:developers may push on dev\/\*\*\n/,
  )
  expect(stdout).toContain('everybody reads')
  expect(stdout).not.toContain('bob alone')
  // Two groups are called admins, and she is in one of them.
  expect(stdout).toContain(
    `${line('- ldap')} authentication[0].ldap.groups: some groups do not count: there are several groups named admins`,
  )
})

interface Fault {
  readonly name: string
  readonly keys: () => Keys | Promise<Keys>
  readonly args?: readonly string[]
  readonly step: string
  /** The key to change, and the one whose line that is, where another. */
  readonly key: string
  readonly line?: string
  readonly words: string
}

/** TLS, and no LDAP behind it, of one version. */
async function startTls12(): Promise<string> {
  const { certificate, key } = await makeCertificate()
  const options = { cert: readFileSync(certificate), key: readFileSync(key) }
  const server = createServer({ ...options, maxVersion: 'TLSv1.2' }).listen(0, '127.0.0.1')
  atEnd(() => server.close())
  await once(server, 'listening')
  return `ldaps://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const faults: readonly Fault[] = [
  {
    name: 'wrong CA',
    keys: () => ({ tls: `{ ca_file: ${expired.caFile} }` }),
    step: 'tls',
    key: 'tls.ca_file',
    line: 'tls',
    words: 'has a certificate of a CA that is not trusted here',
  },
  {
    name: 'no CA',
    keys: () => ({ tls: undefined }),
    step: 'tls',
    key: 'tls.ca_file',
    line: '- ldap',
    words: 'has a certificate of a CA that is not trusted here',
  },
  {
    name: 'expired certificate',
    keys: () => ({ urls: expired.ldapsUrl, tls: `{ ca_file: ${expired.caFile} }` }),
    step: 'tls',
    key: 'urls',
    words:
      'has a certificate that is refused: certificate has expired (CERT_HAS_EXPIRED); renew it there',
  },
  {
    name: 'wrong host name',
    keys: () => ({ urls: misnamed.ldapsUrl, tls: `{ ca_file: ${misnamed.caFile} }` }),
    step: 'tls',
    key: 'urls',
    words: 'has a certificate for another name',
  },
  {
    name: 'wrong server name',
    keys: () => ({
      urls: `[${misnamed.ldapsUrl}]`,
      tls: `{ ca_file: ${misnamed.caFile}, server_name: dc1.example.org }`,
    }),
    step: 'tls',
    key: 'tls.server_name',
    line: 'tls',
    words: 'has a certificate for another name',
  },
  {
    name: 'wrong bind password',
    keys: () => ({ bind: `{ dn: "${serviceAccount.dn}", password_file: wrong secret }` }),
    step: 'bind',
    key: 'bind.password_file',
    line: 'bind',
    words: `refused the search account ${serviceAccount.dn} (code 49`,
  },
  {
    name: 'base that does not exist',
    keys: () => ({ base: 'dc=example,dc=com' }),
    step: 'people',
    key: 'base',
    words: 'result code 32 (noSuchObject: is the base right, and may the account see it?)',
  },
  {
    name: 'base with no entries',
    keys: () => ({ user: `{ base: "ou=policies,${suffix}", filter: (objectClass=person) }` }),
    step: 'people',
    key: 'user.filter',
    line: 'user',
    words: `has entries below ou=policies,${suffix}, and none that fits the filter of people`,
  },
  {
    name: 'base with nothing below it',
    keys: () => ({ user: `{ base: "uid=bob,ou=people,${suffix}", filter: (objectClass=device) }` }),
    step: 'people',
    key: 'user.base',
    line: 'user',
    words: `shows no entries below uid=bob,ou=people,${suffix}`,
  },
  {
    name: 'base with nothing below it, which the directory spells in other letters',
    keys: () => ({ user: `{ base: "UID=Bob,OU=people,${suffix}", filter: (objectClass=device) }` }),
    step: 'people',
    key: 'user.base',
    line: 'user',
    words: `shows no entries below UID=Bob,OU=people,${suffix}`,
  },
  {
    name: 'filter that matches two',
    keys: () => ({}),
    args: ['--as', 'anna'],
    step: 'person',
    key: 'base',
    words: 'the name anna is that of several entries',
  },
  {
    name: 'attribute that matches two',
    keys: () => ({ user: '{ login_attributes: [uid, mail] }' }),
    args: ['--as', 'shared@example.org'],
    step: 'person',
    key: 'user.login_attributes',
    line: 'user',
    words: `entries, so none of them can log in: ${people.carol}; ${people.dave}`,
  },
  {
    name: 'filter that leaves somebody out',
    keys: () => ({ user: '{ filter: "(&(objectClass=person)(!(uid=bob)))" }' }),
    args: ['--as', 'bob'],
    step: 'person',
    key: 'user.filter',
    line: 'user',
    words: `${people.bob} bears the name bob, and the filter of people leaves it out`,
  },
  {
    name: 'nobody of the name',
    keys: () => ({}),
    args: ['--as', 'mallory'],
    step: 'person',
    key: 'base',
    words: `shows nobody of the name mallory below ${suffix}, in uid`,
  },
  {
    name: 'memberOf missing',
    keys: () => ({
      urls: expired.url,
      tls: '{ mode: none }',
      groups: '{ mode: member_of }',
    }),
    step: 'groups',
    key: 'groups.mode',
    line: 'groups',
    words: 'shows memberOf of nobody, so nobody would be in any group; write groups.mode: search',
  },
  {
    name: 'no Active Directory with ad_nested',
    keys: () => ({ groups: '{ mode: ad_nested }' }),
    step: 'groups',
    key: 'groups.mode',
    line: 'groups',
    words: 'is no Active Directory, and does not know what groups.mode ad_nested asks for',
  },
  {
    name: 'wrong preset',
    keys: () => ({ preset: 'active_directory', user: '{ filter: (objectClass=person) }' }),
    step: 'groups',
    key: 'preset',
    words: 'is no Active Directory',
  },
  {
    name: 'attribute that the entry does not have',
    keys: () => ({ user: '{ id_attribute: objectGUID }' }),
    args: ['--as', 'bob'],
    step: 'person',
    key: 'user.id_attribute',
    line: 'user',
    words: `${people.bob} has no single objectGUID`,
  },
  {
    name: 'none of the required groups',
    keys: () => ({ groups: '{ required: [developers] }' }),
    args: ['--as', 'bob'],
    step: 'person',
    key: 'groups.required',
    line: 'groups',
    words: 'bob cannot log in: in none of the required groups: developers',
  },
  {
    name: 'more groups than may be',
    keys: () => ({ groups: '{ max: 1 }' }),
    args: ['--as', 'alice'],
    step: 'person',
    key: 'groups.max',
    line: 'groups',
    words: 'alice cannot log in: not all groups could be read: the person is in more than 1 groups',
  },
  {
    name: "the directory's size limit",
    keys: () => ({}),
    args: ['--as', 'dave'],
    step: 'person',
    key: 'base',
    words: "there are more of the person's groups than the directory gives at once",
  },
  {
    name: 'DNS failure',
    keys: () => ({ urls: 'ldaps://dc1.invalid' }),
    step: 'name',
    key: 'urls',
    words: 'cannot be found: the name dc1.invalid has no address',
  },
  {
    name: 'port closed',
    keys: async () => ({ urls: `ldaps://127.0.0.1:${await freePort()}` }),
    step: 'tcp',
    key: 'urls',
    words: 'refuses connections (ECONNREFUSED)',
  },
  {
    name: 'StartTLS refused',
    keys: async () => {
      const proxy = await startLdapProxy(slapd.port)
      proxy.fault = { kind: 'StartTLS refused' }
      return { urls: proxy.url }
    },
    step: 'tls',
    key: 'urls',
    words: 'refuses StartTLS',
  },
  {
    name: 'plaintext bind refused',
    keys: async () => {
      const refuse = answering(({ id }) => [bindResponse(id, 8, 'Transport encryption required.')])
      return { urls: (await startHostileDirectory(refuse)).url, tls: '{ mode: none }' }
    },
    step: 'bind',
    key: 'tls.mode',
    line: 'tls',
    words: 'result code 8 (strongerAuthRequired: it wants TLS)',
  },
  {
    name: 'secret that everybody can read',
    keys: () => ({ bind: `{ dn: "${serviceAccount.dn}", password_file: open secret }` }),
    step: 'files',
    key: 'bind.password_file',
    line: 'bind',
    words: 'is open to everybody on this machine (mode 0644); chmod o=',
  },
  {
    name: 'secret that is a folder, as Docker makes one for a missing file',
    keys: () => ({ bind: `{ dn: "${serviceAccount.dn}", password_file: folder }` }),
    step: 'files',
    key: 'bind.password_file',
    line: 'bind',
    words: 'cannot be read (EISDIR); it is a folder: name the file in it',
  },
  {
    name: 'CA file that is none',
    keys: () => ({ tls: '{ ca_file: secret }' }),
    step: 'files',
    key: 'tls.ca_file',
    line: 'tls',
    words: 'does not hold the certificates of CAs in PEM form',
  },
  {
    name: 'TLS too old',
    keys: async () => ({ urls: await startTls12(), tls: '{ min_version: TLSv1.3 }' }),
    step: 'tls',
    key: 'tls.min_version',
    line: 'tls',
    words: 'does not speak TLSv1.3 or newer',
  },
  {
    name: 'HTTP on the port, and TLS wanted',
    keys: async () => {
      const { port } = await startHostileDirectory(speakingHttp)
      return { urls: `ldaps://127.0.0.1:${port}` }
    },
    step: 'tls',
    key: 'urls',
    words: 'does not speak TLS on this port',
  },
  {
    name: 'HTTP on the port',
    keys: async () => ({ urls: (await startHostileDirectory(speakingHttp)).url }),
    step: 'tls',
    key: 'urls',
    words: 'sent something that is not LDAP',
  },
  {
    name: 'ldaps:// at the port of ldap://',
    keys: () => ({ urls: slapd.url.replace('ldap:', 'ldaps:') }),
    step: 'tls',
    key: 'urls',
    words: 'before secure TLS connection was established',
  },
]

for (const { name, keys, args = [], step, key, line: lineKey, words } of faults) {
  test(`${name}: is told with the line to change`, async () => {
    const { folder, line } = site(await keys())
    writeFileSync(join(folder, 'open secret'), serviceAccount.password)
    chmodSync(join(folder, 'open secret'), 0o644)
    mkdirSync(join(folder, 'folder'), { mode: 0o755, recursive: true })
    const { code, stdout, stderr } = await command(folder, ['ldap', 'check', ...args])
    const place = `${line(lineKey ?? key)} authentication[0].ldap.${key}: `
    const told = stdout.split('\n').filter((each) => each.includes(place))
    expect(stdout).toContain(place)
    expect(told.join('\n')).toContain(words)
    expect(stdout).toMatch(new RegExp(`^ {2}FAILED {3}${step} `, 'm'))
    expect([code, stderr]).toEqual([1, ''])
    expect(stdout).not.toContain(serviceAccount.password)
  })
}

test.each([
  ['ldaps', 'tls', 'gave no end of the TLS handshake within 1500 ms'],
  ['starttls', 'tls', 'gave no answer to StartTLS within 1500 ms'],
  ['none', 'bind', 'did not answer the bind within 1500 ms'],
])('a frozen server is told of in time, %s', async (mode, step, words) => {
  const { folder, line } = site({
    urls: mode === 'ldaps' ? expired.ldapsUrl : expired.url,
    tls: `{ mode: ${mode} }`,
    connect_timeout: '1500ms',
    operation_timeout: '1500ms',
  })
  expired.freeze()
  try {
    const { code, stdout } = await command(folder, ['ldap', 'check', '--as', 'alice'])
    expect(code).toBe(1)
    expect(stdout).toContain(`${line('urls')} authentication[0].ldap.urls: `)
    expect(stdout).toContain(words)
    expect(stdout).toMatch(new RegExp(`^ {2}skipped {2}person .* because of ${step}$`, 'm'))
  } finally {
    expired.thaw()
  }
})

test('of several servers each is gone to, and the line is that of the one at fault', async () => {
  const closed = `ldaps://127.0.0.1:${await freePort()}`
  const { folder } = site({ urls: `\n        - ${slapd.ldapsUrl}\n        - ${closed}` })
  const { code, stdout } = await command(folder, ['ldap', 'check'])
  expect(code).toBe(1)
  expect(stdout).toContain(
    `dockwarden.yml:6 authentication[0].ldap.urls[1]: ${closed} refuses connections (ECONNREFUSED)`,
  )
  expect(stdout).toMatch(/\nfailed: 1, warnings: 0\n$/)
})

test('--json has the same, with keys that stay', async () => {
  const { folder, line } = site({ bind: 'anonymous' })
  const { code, stdout } = await command(folder, ['ldap', 'check', '--as', 'bob', '--json'])
  expect(code).toBe(1)
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    ok: false,
    directories: [
      {
        backend: 'ldap',
        key: 'authentication[0].ldap',
        origin: 'dockwarden.yml:2',
        steps: [{ name: 'files', state: 'ok' }],
        servers: [{ url: slapd.ldapsUrl }],
        person: null,
      },
    ],
  })
  const { steps } = report.directories[0].servers[0]
  expect(steps.map(({ name, state }: Record<string, string>) => `${name} ${state}`)).toEqual([
    'name ok',
    'tcp ok',
    'tls ok',
    'bind ok',
    'directory ok',
    'people failed',
    'groups skipped',
    'person skipped',
  ])
  expect(steps[5]).toEqual({
    name: 'people',
    state: 'failed',
    milliseconds: expect.any(Number),
    facts: {},
    faults: [
      {
        message: expect.stringContaining('result code 32'),
        key: 'authentication[0].ldap.base',
        origin: line('base'),
      },
    ],
  })
})

test('a login is tried once, whatever the number of servers, and only where it is asked for', async () => {
  const second = slapd.ldapsUrl.replace('127.0.0.1', 'localhost')
  const { folder } = site({ urls: `[${slapd.ldapsUrl}, ${second}]` })
  const logins = async () =>
    (await slapd.log()).filter(({ kind, dn }) => kind === 'BIND' && dn === people.bob).length
  const before = await logins()
  await command(folder, ['ldap', 'check', '--as', 'bob'])
  expect(await logins()).toBe(before)
  const args = ['ldap', 'check', '--as', 'bob', '--password-stdin']
  const right = await command(folder, args, { input: passwordOf('bob') })
  expect(right.stdout).toMatch(/^ {2}ok {7}login .* accepted bob; groups 2$/m)
  const wrong = await command(folder, args, { input: 'a wrong password' })
  expect(wrong.stdout).toMatch(/^ {2}FAILED {3}login /m)
  expect(wrong.stdout).toContain('refused: wrong password (code 49')
  expect(wrong.output).not.toContain('a wrong password')
  expect(await logins()).toBe(before + 2)
})

test('where people bind themselves, a login alone can tell', async () => {
  const bind = (template: string) => ({
    bind: `{ user_template: "${template}" }`,
    groups: '{ mode: none }',
  })
  const { folder } = site(bind(`uid={user},ou=people,${suffix}`))
  const without = await command(folder, ['ldap', 'check', '--as', 'alice'])
  expect(without.code).toBe(0)
  expect(without.stdout).toContain('kind OpenLDAP')
  expect(without.stdout).toMatch(/^ {2}skipped {2}people .* --as NAME --login tries that$/m)
  const args = ['ldap', 'check', '--as', 'alice', '--password-stdin']
  const input = { input: passwordOf('alice') }
  const { code, stdout } = await command(folder, args, input)
  expect(stdout).toMatch(/^ {2}ok {7}login .* accepted alice/m)
  expect(stdout).toContain('everybody reads')
  expect(code).toBe(0)
  const other = site(bind(`uid={user},ou=staff,${suffix}`))
  const { stdout: refused } = await command(other.folder, args, input)
  expect(refused).toContain(
    `${other.line('bind')} authentication[0].ldap.bind.user_template: refused: wrong password`,
  )
})

test('a server that says nothing about itself can be right', async () => {
  const { folder } = site({ urls: expired.url, tls: '{ mode: none }' })
  const { code, stdout } = await command(folder, ['ldap', 'check'])
  expect(stdout).toMatch(/^ {2}ok {7}directory .* kind not shown$/m)
  expect(code).toBe(0)
})

test('what nobody can mean is refused before anything is asked', async () => {
  const { folder } = site()
  const said = async (...args: string[]) => {
    const { code, stderr } = await command(folder, ['ldap', 'check', ...args], { input: 'secret' })
    return [code, stderr]
  }
  expect(await said('--login')).toEqual([2, expect.stringContaining('add --as NAME')])
  expect(await said('--as', 'bob', '--password', 'secret')).toEqual([
    2,
    expect.stringMatching(/^a password is never taken as an argument/),
  ])
  expect(await said('--backend', 'corp')).toEqual([
    1,
    expect.stringContaining('has no ldap entry of the name corp; there is ldap'),
  ])
  writeFileSync(join(folder, 'dockwarden.yml'), 'authentication: [accounts]\n')
  expect(await said()).toEqual([1, expect.stringContaining('names no directory')])
})

test('dockwarden check looks at the files alone, and says the line as well', async () => {
  const { folder, line } = site({ tls: '{ ca_file: missing.crt }' })
  const { code, stderr } = await command(folder, ['check'])
  expect([code, stderr]).toEqual([
    1,
    `${folder}/${line('tls')}: authentication[0].ldap.tls.ca_file: ${join(folder, 'missing.crt')} cannot be read (ENOENT); put it there, or correct the path\n`,
  ])
})

test('what docs/ldap.md lists is what is said', () => {
  const document = readFileSync(join(root, 'docs/ldap.md'), 'utf8')
  const told = tableRows(document, 'What only the check says').map(([says = '']) => says)
  expect(told.length).toBeGreaterThan(0)
  for (const text of told) {
    const parts = text.replaceAll('`', '').split('…')
    expect(
      faults.some(({ words }) => parts.every((part) => words.includes(part))),
      text,
    ).toBe(true)
  }
})

/** A real 389 Directory Server, unprivileged, with the same people and groups as the test OpenLDAP. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Certificate, makeCertificate } from './certificate.ts'
import { DirectoryAdministrator } from './directory-administrator.ts'
import { groupsLdif, peopleLdif, serviceAccount, suffix, unitsLdif } from './directory-entries.ts'
import { freePort } from './free-port.ts'
import type { LdifEntry } from './ldif.ts'
import { requirePart } from './parts.ts'
import { run, startProcess } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { handOver, unprivileged } from './unprivileged.ts'

export interface Server389 extends AsyncDisposable {
  /** `ldap://127.0.0.1:PORT`, which also understands StartTLS. */
  readonly url: string
  /** `ldaps://127.0.0.1:PORT` */
  readonly ldapsUrl: string
  readonly suffix: string
  /** PEM file: the authority of its certificate, a good one for 127.0.0.1 and localhost. */
  readonly caFile: string
  /** Adds entries, as the administrator. */
  add(ldif: string): Promise<void>
  /** Changes entries, those of `cn=config` too: the password policy is there. */
  modify(ldif: string): Promise<void>
  /** An entry's attributes, operational ones where they are named; undefined where there is none. */
  read(dn: string, ...attributes: string[]): Promise<LdifEntry['attributes'] | undefined>
  stop(): Promise<void>
}

/** Resolves once it answers and holds its entries. @throws with its output, where it refuses to start */
export async function start389ds(): Promise<Server389> {
  const folder = temporaryFolder('389ds')
  const certificate = await makeCertificate()
  const [port, ldapsPort] = [await freePort(), await freePort()]
  for (const name of folders) mkdirSync(join(folder, name))
  for (const [name, target] of Object.entries(packaged))
    copyFileSync(join('/etc/dirsrv', name), join(folder, target))
  writeFileSync(join(folder, 'dse.ldif'), configuration(folder, port, ldapsPort))
  await storeCertificate(folder, certificate)
  handOver(folder)

  const program = unprivileged(requirePart('ns-slapd'), ['-D', folder, '-d', '0'])
  const server = startProcess(...program)
  await server.waitForPort(ldapsPort)
  const stop = async (): Promise<void> => void (await server.stop())

  const url = `ldap://127.0.0.1:${port}`
  const admin = new DirectoryAdministrator({ url, ...administrator })
  await admin.add(`${unitsLdif()}${peopleLdif()}${groupsLdif()}`)
  await admin.modify(access)
  return {
    url,
    ldapsUrl: `ldaps://127.0.0.1:${ldapsPort}`,
    suffix,
    caFile: certificate.authority,
    add: (ldif) => admin.add(ldif),
    modify: (ldif) => admin.modify(ldif),
    read: (dn, ...attributes) => admin.read(dn, ...attributes),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const administrator = { dn: 'cn=Directory Manager', password: 'the password of the administrator' }
const folders = ['schema', 'db', 'run', 'lock', 'log', 'ldif', 'bak', 'tmp']
/** Of the package, below /etc/dirsrv → where the server looks for it. Without them it ends without a word. */
const packaged = {
  'schema/99user.ldif': 'schema/99user.ldif',
  'config/slapd-collations.conf': 'slapd-collations.conf',
  'config/certmap.conf': 'certmap.conf',
}
const templates = '/usr/share/dirsrv/data'

/** Nobody reads anything until a rule lets them: the service account everything, people themselves. */
const access = `dn: ${suffix}
changetype: modify
add: aci
aci: (targetattr="*")(version 3.0; acl "service"; allow (read,search,compare) userdn="ldap:///${serviceAccount.dn}";)
aci: (targetattr!="userPassword")(version 3.0; acl "self"; allow (read,search) userdn="ldap:///self";)
`

/** What `dscreate` makes of the package's templates, with every path in our folder. */
function configuration(folder: string, port: number, ldapsPort: number): string {
  const values: Readonly<Record<string, string>> = {
    ...Object.fromEntries(folders.map((name) => [`${name}_dir`, join(folder, name)])),
    cert_dir: folder,
    config_dir: folder,
    inst_dir: folder,
    db_home_dir: join(folder, 'db'),
    db_lib: 'bdb',
    fqdn: 'localhost',
    ds_port: `${port}\nnsslapd-listenhost: 127.0.0.1`,
    ds_user: process.getuid?.() === 0 ? 'nobody' : userInfo().username,
    rootdn: administrator.dn,
    // Without a scheme it would be taken for a hash.
    ds_passwd: `{CLEAR}${administrator.password}`,
    ldapi_enabled: 'off',
    ldapi: join(folder, 'ldapi'),
    ldapi_autobind: 'off',
    instance_name: 'test',
    ds_suffix: suffix,
    ds_bename: 'userRoot',
  }
  const rendered = ['template-dse.ldif', 'template-suffix-db.ldif'].map((name) =>
    readFileSync(join(templates, name), 'utf8')
      .replace(/^#.*\n/gm, '')
      .replace(/%(\w+)%/g, (whole, key) => values[key] ?? whole)
      .trim(),
  )
  const security = [
    `nsslapd-security: on\nnsslapd-securePort: ${ldapsPort}`,
    'nsslapd-securelistenhost: 127.0.0.1\nnsslapd-localuser:',
  ]
  return (
    `${rendered.join('\n\n')}\n`
      .replace('nsslapd-localuser:', security.join('\n'))
      .replace(pluginSwitch('MemberOf Plugin'), '$1 on')
      // It lets no uid have an accent.
      .replace(pluginSwitch('7-bit check'), '$1 off')
  )
}

/** Matches a plug-in's entry up to whether it is enabled, which comes last. */
function pluginSwitch(name: string): RegExp {
  return new RegExp(`(cn: ${name}\n(?:.+\n)*nsslapd-pluginenabled:) \\w+`)
}

/** The server reads NSS's own database, not PEM. */
async function storeCertificate(folder: string, certificate: Certificate): Promise<void> {
  const bundle = join(folder, 'server.p12')
  const { authority, key } = certificate
  const must = async (
    part: 'openssl' | 'certutil' | 'pk12util',
    ...args: string[]
  ): Promise<void> => {
    const { code, output } = await run(requirePart(part), args)
    if (code !== 0) throw new Error(`${part} ${args[0]} failed:\n${output}`)
  }
  const database = ['-d', `sql:${folder}`]
  const files = ['-in', certificate.certificate, '-inkey', key, '-out', bundle]
  await must('openssl', 'pkcs12', '-export', ...files, '-name', 'Server-Cert', '-passout', 'pass:')
  await must('certutil', '-N', ...database, '--empty-password')
  await must('certutil', '-A', ...database, '-n', 'CA', '-t', 'CT,,', '-a', '-i', authority)
  await must('pk12util', '-i', bundle, ...database, '-W', '')
}

/** A real Active Directory domain controller, Samba's, with accounts in every state that one can be in. */

import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { DirectoryAdministrator } from './directory-administrator.ts'
import type { LdifEntry } from './ldif.ts'
import { requirePart } from './parts.ts'
import { run, startProcess } from './process.ts'
import { domainLdif, domainPeople, domainSuffix, realm, unicodePassword } from './samba-entries.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Samba extends AsyncDisposable {
  /** One of the loopback network, its own: the ports of a domain controller cannot be chosen. */
  readonly address: string
  /** `ldap://ADDRESS`; a login needs StartTLS. */
  readonly url: string
  /** `ldaps://ADDRESS` */
  readonly ldapsUrl: string
  /** What its certificate is for; it is not for the address. */
  readonly serverName: string
  /** PEM file: the authority of its certificate. */
  readonly caFile: string
  readonly suffix: string
  /** Adds entries, as the administrator. */
  add(ldif: string): Promise<void>
  modify(ldif: string): Promise<void>
  delete(dn: string): Promise<void>
  setPassword(dn: string, password: string): Promise<void>
  /** Puts the day on which the password was set back by years, so that it has expired. */
  expirePassword(dn: string): Promise<void>
  /** An entry's attributes, operational ones where they are named; undefined where there is none. */
  read(dn: string, ...attributes: string[]): Promise<LdifEntry['attributes'] | undefined>
  search(filter: string, ...attributes: string[]): Promise<readonly LdifEntry[]>
  /** Runs `samba-tool` on the domain, e.g. `('user', 'disable', 'bob')`. @throws with its output */
  tool(...args: string[]): Promise<string>
  stop(): Promise<void>
  /** After `stop`: the same address, the same data. */
  start(): Promise<void>
}

/** Needs root, for the ports. Resolves once it answers and holds its entries, after some five seconds. */
export async function startSamba(): Promise<Samba> {
  const folder = temporaryFolder('samba')
  const address = ['127', ...[0, 0, 0].map(() => randomInt(1, 255))].join('.')
  const file = join(folder, 'etc', 'smb.conf')
  const tool = async (...args: string[]): Promise<string> => {
    const { code, output, stdout } = await run(requirePart('samba-tool'), args)
    if (code !== 0) throw new Error(`samba-tool ${args.slice(0, 2).join(' ')} failed:\n${output}`)
    return stdout
  }
  await tool('domain', 'provision', ...provisioning(folder, address))

  const start = async () => {
    const how = ['--foreground', '--no-process-group', '--model=single', '--debug-stdout']
    // Otherwise the one before is good for an hour, as it is with Windows.
    const passwords = '--option=old password allowed period=0'
    const started = startProcess(requirePart('samba'), [`--configfile=${file}`, ...how, passwords])
    await started.waitForPort(636, 30_000, address)
    return started
  }
  let samba = await start()
  const stop = async (): Promise<void> => void (await samba.stop())

  const admin = new DirectoryAdministrator({
    url: `ldaps://${address}`,
    dn: `CN=Administrator,CN=Users,${domainSuffix}`,
    password: administratorPassword,
  })
  const expirePassword = async (dn: string): Promise<void> => {
    const { code, output } = await run('/usr/bin/python3', ['-c', setBack, file, dn])
    if (code !== 0) throw new Error(`the password of ${dn} did not expire:\n${output}`)
  }
  await admin.add(domainLdif())
  await expirePassword(domainPeople.outdated)
  return {
    address,
    url: `ldap://${address}`,
    ldapsUrl: `ldaps://${address}`,
    serverName: 'dc1.ad.test',
    caFile: join(folder, 'private', 'tls', 'ca.pem'),
    suffix: domainSuffix,
    add: (ldif) => admin.add(ldif),
    modify: (ldif) => admin.modify(ldif),
    delete: (dn) => admin.delete(dn),
    setPassword: (dn, password) => admin.replace(dn, 'unicodePwd', unicodePassword(password)),
    expirePassword,
    read: (dn, ...attributes) => admin.read(dn, ...attributes),
    search: (filter, ...attributes) => admin.search(domainSuffix, filter, ...attributes),
    tool: (...args) => tool(...args, `--configfile=${file}`),
    stop,
    start: async () => {
      samba = await start()
    },
    [Symbol.asyncDispose]: stop,
  }
}

const administratorPassword = 'the Password of the 1st administrator'

/** Nothing of the machine's own Samba is read or written: all of it is in the folder. */
function provisioning(folder: string, address: string): readonly string[] {
  const settings = {
    interfaces: `${address}/8`,
    'bind interfaces only': 'yes',
    'server services': 'ldap',
    'pid directory': folder,
    'ncalrpc dir': join(folder, 'ncalrpc'),
  }
  return [
    '--configfile=/dev/null',
    `--targetdir=${folder}`,
    ...[`--realm=${realm}`, '--domain=AD', '--server-role=dc', '--dns-backend=NONE'],
    ...['--host-name=dc1', `--host-ip=${address}`, `--adminpass=${administratorPassword}`],
    ...Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`),
  ]
}

/** The server itself lets nobody write this attribute; the control goes round what keeps it. */
const setBack = `
import sys, ldb
from samba import dsdb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
settings = LoadParm()
settings.load(sys.argv[1])
database = SamDB(lp=settings, session_info=system_session())
change = ldb.Message(ldb.Dn(database, sys.argv[2]))
change['pwdLastSet'] = ldb.MessageElement('132000000000000000', ldb.FLAG_MOD_REPLACE, 'pwdLastSet')
database.modify(change, [f'local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0'])
`

/** A real OpenLDAP server, unprivileged, with people, groups, a password policy and canned faults. */

import { randomUUID } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Certificate, makeCertificate } from './certificate.ts'
import { DirectoryAdministrator } from './directory-administrator.ts'
import { groupsLdif, peopleLdif, suffix, unitsLdif } from './directory-entries.ts'
import { freePort } from './free-port.ts'
import type { LdifEntry } from './ldif.ts'
import { requirePart } from './parts.ts'
import { type RunningProcess, run, startProcess } from './process.ts'
import {
  administrator,
  faultsLdif,
  policyLdif,
  type Readers,
  slapdConfiguration,
} from './slapd-configuration.ts'
import { type LoggedRequest, readSlapdLog } from './slapd-log.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { handOver, unprivileged } from './unprivileged.ts'

export interface SlapdOptions {
  /** Of ldaps:// and StartTLS. Default: a good one for 127.0.0.1 and localhost. */
  readonly certificate?: Certificate
  /** Attributes of everybody's password policy, e.g. `{ pwdMaxFailure: 3, pwdLockoutDuration: 5 }`. */
  readonly policy?: Readonly<Record<string, string | number>>
  /** Default: nobody. */
  readonly readers?: Readers
  /** Attributes that nobody can see. */
  readonly hidden?: readonly string[]
  /** Whether it says nothing about itself. */
  readonly isRootHidden?: boolean
  /** More entries, LDIF, added at the end. */
  readonly ldif?: string
}

export interface Slapd extends AsyncDisposable {
  readonly port: number
  readonly ldapsPort: number
  /** `ldap://127.0.0.1:PORT`, which also understands StartTLS. */
  readonly url: string
  /** `ldaps://127.0.0.1:PORT` */
  readonly ldapsUrl: string
  readonly suffix: string
  readonly certificate: Certificate
  /** PEM file: the authority of its certificate. */
  readonly caFile: string
  /** Adds entries, as the administrator. */
  add(ldif: string): Promise<void>
  /** Changes entries, as the administrator, who may also write what the server keeps itself. */
  modify(ldif: string): Promise<void>
  delete(dn: string): Promise<void>
  setPassword(dn: string, password: string): Promise<void>
  /** An entry's attributes, operational ones where they are named; undefined where there is none. */
  read(dn: string, ...attributes: string[]): Promise<LdifEntry['attributes'] | undefined>
  /** What clients have asked since its last start, without the methods above. */
  log(): Promise<readonly LoggedRequest[]>
  /** How many TCP connections to it are open, also those that it has not accepted yet. */
  connections(): number
  /** Stops answering, with every connection left open, until `thaw`. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
  /** After `stop`: the same ports, the same data. */
  start(): Promise<void>
}

/** Resolves once it answers and holds its entries. @throws with its output, where it refuses to start */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  const folder = temporaryFolder('slapd')
  const certificate = options.certificate ?? (await makeCertificate())
  const [port, ldapsPort] = [await freePort(), await freePort()]
  const file = writeConfiguration(folder, certificate, options)
  // The overlay of the faults lets nobody add entries below its own: they have to be there before.
  await load(file, `${unitsLdif()}${faultsLdif()}`)

  // The administrator comes by a Unix socket: the TCP connections are those of the tests.
  const socket = `ldapi://${encodeURIComponent(join(folder, 'ldapi'))}`
  const urls = [`ldap://127.0.0.1:${port}/`, `ldaps://127.0.0.1:${ldapsPort}/`, socket]
  const start = async (): Promise<RunningProcess> => {
    const args = ['-f', file, '-h', urls.join(' '), '-d', 'stats']
    const started = startProcess(...unprivileged(requirePart('slapd'), args))
    await started.waitForPort(port)
    return started
  }
  let slapd = await start()
  let isFrozen = false
  const thaw = (): void => {
    slapd.signal('SIGCONT')
    isFrozen = false
  }
  const stop = async (): Promise<void> => {
    thaw()
    await slapd.stop()
  }

  const admin = new DirectoryAdministrator({ url: socket, ...administrator })
  await admin.add(`${peopleLdif()}${policyLdif(options.policy ?? {})}`)
  await admin.add(`${groupsLdif()}${options.ldif ?? ''}`)
  return {
    port,
    ldapsPort,
    url: `ldap://127.0.0.1:${port}`,
    ldapsUrl: `ldaps://127.0.0.1:${ldapsPort}`,
    suffix,
    certificate,
    caFile: certificate.authority,
    add: (ldif) => admin.add(ldif),
    modify: (ldif) => admin.modify(ldif, '-e', 'relax'),
    delete: (dn) => admin.delete(dn),
    setPassword: (dn, password) => admin.replace(dn, 'userPassword', password),
    read: (dn, ...attributes) => admin.read(dn, ...attributes),
    async log() {
      // Our own question comes last: once it is logged, so is all that came before it.
      if (!isFrozen && slapd.isRunning) {
        const question = randomUUID()
        await admin.read(`cn=${question}`)
        await slapd.waitUntil('log', async () => slapd.output.includes(question))
      }
      return readSlapdLog(slapd.output)
    },
    connections: () => countConnections([port, ldapsPort]),
    freeze() {
      isFrozen = true
      slapd.freeze()
    },
    thaw,
    stop,
    start: async () => {
      slapd = await start()
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** Writes everything that slapd reads, and returns the path of its configuration. */
function writeConfiguration(
  folder: string,
  certificate: Certificate,
  { readers = 'nobody', hidden = [], isRootHidden = false }: SlapdOptions,
): string {
  const own = (path: string): string => join(folder, basename(path))
  const files = {
    authority: own(certificate.authority),
    certificate: own(certificate.certificate),
    key: own(certificate.key),
  }
  for (const path of Object.values(certificate)) copyFileSync(path, own(path))
  const data = join(folder, 'data')
  mkdirSync(data)
  const file = join(folder, 'slapd.conf')
  writeFileSync(file, slapdConfiguration(files, data, { readers, hidden, isRootHidden }))
  handOver(folder)
  return file
}

/** What `slapadd` does: no overlay sees these entries. */
async function load(file: string, ldif: string): Promise<void> {
  const { code, output } = await run(
    ...unprivileged(requirePart('slapd'), ['-T', 'add', '-f', file]),
    { input: ldif },
  )
  if (code !== 0) throw new Error(`slapadd failed:\n${output}`)
}

/** The server's ends of the connections, as the kernel lists them: address:port in hex, state. */
function countConnections(ports: readonly number[]): number {
  const open = ['01', '08'] // ESTABLISHED; CLOSE_WAIT, where the client has gone first
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state = '']) => {
      return open.includes(state) && ports.includes(Number.parseInt(local.split(':')[1] ?? '', 16))
    }).length
}

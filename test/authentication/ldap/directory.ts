/** The settings of a directory as the configuration would give them, and one session at a time of it. */

import type { DirectorySession } from '../../../src/authentication/ldap/directory-session.ts'
import { Servers } from '../../../src/authentication/ldap/servers.ts'
import type { LdapSettings, LdapTls } from '../../../src/authentication/ldap/settings.ts'
import type { Log } from '../../../src/log.ts'

export interface DirectoryOptions {
  readonly tls?: Partial<LdapTls>
  readonly deadlines?: Partial<LdapSettings['deadlines']>
  readonly load?: Partial<LdapSettings['load']>
  readonly breaker?: Partial<LdapSettings['breaker']>
  readonly accountState?: LdapSettings['accountState']
}

/**
 * Deadlines that no machine misses for being busy. A test that waits for one sets that one alone: what the others
 * would take is so much longer that it shows which it was.
 */
export const patient = { connect: 20_000, operation: 20_000, login: 60_000 } as const

/** The mode of TLS is that of the first URL, `ldaps` or `none`, unless it is given. */
export function directorySettings(
  urls: readonly string[],
  options: DirectoryOptions = {},
): LdapSettings {
  return {
    name: 'corp',
    servers: urls.map((url) => {
      const { hostname, port } = new URL(url)
      return { url, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
    }),
    tls: {
      mode: urls[0]?.startsWith('ldaps:') ? 'ldaps' : 'none',
      caFile: undefined,
      serverName: undefined,
      minVersion: 'TLSv1.2',
      clientCertificate: undefined,
      ...options.tls,
    },
    deadlines: { ...patient, ...options.deadlines },
    load: { maxConcurrent: 16, queueLength: 64, queueWait: 20_000, ...options.load },
    breaker: { failures: 3, open: 5000, ...options.breaker },
    bind: { kind: 'search', account: undefined },
    user: {
      bases: ['ou=people,dc=example,dc=org'],
      scope: 'sub',
      filter: '(objectClass=person)',
      loginAttributes: ['uid'],
      nameAttribute: 'uid',
      idAttribute: 'entryUUID',
    },
    accountState: options.accountState ?? 'none',
    groups: {
      mode: 'none',
      bases: [],
      filter: '(objectClass=groupOfNames)',
      memberAttributes: ['member'],
      nameAttribute: 'cn',
      nested: false,
      depth: 10,
      max: 1000,
      map: [],
      required: [],
    },
    failedBinds: { max: 3, window: 900_000 },
    cacheTime: 0,
  }
}

export interface TestDirectory {
  readonly servers: Servers
  /** Messages, in order. */
  readonly logged: string[]
  /** A session on whichever server it is. The caller closes it. */
  session(): Promise<DirectorySession>
  /** One session for the work, closed at its end. */
  within<Result>(work: (session: DirectorySession) => Promise<Result>): Promise<Result>
}

export function testDirectory(
  urls: readonly string[],
  options: DirectoryOptions = {},
): TestDirectory {
  const logged: string[] = []
  const write = (_: object, message: string): void => void logged.push(message)
  const log: Log = { info: write, warn: write, error: write }
  const servers = new Servers(directorySettings(urls, options), { clock: () => new Date(), log })
  const session = async (): Promise<DirectorySession> =>
    (await servers.open(async () => undefined)).session
  return {
    servers,
    logged,
    session,
    async within(work) {
      const opened = await session()
      try {
        return await work(opened)
      } finally {
        await opened.close()
      }
    },
  }
}

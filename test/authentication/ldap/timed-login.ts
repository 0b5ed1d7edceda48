/** Logins of a directory that are timed, and what they leave behind in this process. */

import { expect } from 'vitest'
import type { DirectorySession } from '../../../src/authentication/ldap/directory-session.ts'
import { Password } from '../../../src/protocol/credentials.ts'
import { people, serviceAccount } from '../../support/directory-entries.ts'
import type { TestDirectory } from './directory.ts'

/** The part of a login that is repeated on the next server. @returns the server that answered */
export async function find(session: DirectorySession): Promise<string> {
  await session.bind(serviceAccount.dn, new Password(serviceAccount.password))
  const base = people.alice
  const search = { base, scope: 'base', filter: '(uid=*)', attributes: ['uid'], limit: 1 } as const
  expect((await session.search(search)).entries).toHaveLength(1)
  return session.server
}

/** @returns which server answered, and after how many milliseconds */
export async function timedLogin({
  servers,
}: TestDirectory): Promise<{ server: string; took: number }> {
  const start = performance.now()
  const { session, result } = await servers.open(find)
  await session.close()
  return { server: result, took: performance.now() - start }
}

export async function timedFailure({
  servers,
}: TestDirectory): Promise<{ error: Error; took: number }> {
  const start = performance.now()
  const error = await servers.open(find).then(
    () => new Error('it answered'),
    (reason: Error) => reason,
  )
  return { error, took: performance.now() - start }
}

/** Timers and sockets that keep this process busy; those of the test directories are among them. */
export function resources(): number {
  return process.getActiveResourcesInfo().filter((kind) => /^(?:Timeout|TCP|TLS)/.test(kind)).length
}

export function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}

/** Who somebody is in a directory, as a login would find them, without their password. */

import type { Clock } from '../../clock.ts'
import { silentLog } from '../../log.ts'
import type { Subject } from '../authenticator.ts'
import { PersonReader } from './known-person.ts'
import { findEntry, readTypedName } from './person.ts'
import { bindSearchAccount } from './search-account.ts'
import { Servers } from './servers.ts'
import type { LdapBind, LdapSettings } from './settings.ts'

export interface LookedUpPerson {
  /** Undefined where nobody can log in by the name. */
  readonly subject: Subject | undefined
  /** What keeps the person out, whatever the password. */
  readonly obstacle: string | undefined
}

/** A directory that shows people to somebody else than themselves. */
export type SearchSettings = LdapSettings & { readonly bind: Extract<LdapBind, { kind: 'search' }> }

/**
 * @param typed the name, as somebody would type it
 * @returns undefined where the directory has nobody of that name
 * @throws DirectoryFailure
 */
export async function lookUpPerson(
  settings: SearchSettings,
  typed: string,
  clock: Clock,
): Promise<LookedUpPerson | undefined> {
  const name = readTypedName(typed, settings)
  if (name === undefined) return undefined
  const parts = { clock, log: silentLog }
  const servers = new Servers(settings, parts)
  const reader = new PersonReader({ settings, ...parts })
  try {
    const { session, result } = await servers.open(async (opened) => {
      await bindSearchAccount(opened, settings.bind.account)
      const found = await findEntry(opened, settings, name)
      if (found.kind === 'nobody') return undefined
      return await reader.read(opened, name, found, performance.now())
    })
    await session.close()
    if (result === undefined) return undefined
    const subject = 'person' in result ? reader.accepted(result).subject : undefined
    return { subject, obstacle: result.obstacle?.reason }
  } finally {
    servers.close()
  }
}

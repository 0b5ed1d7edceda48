/** The account that searches: its secret, read at every use, and its bind. */

import { open, stat } from 'node:fs/promises'
import { assertPlain } from '../../plain-file.ts'
import { Password } from '../../protocol/credentials.ts'
import { DirectoryFailure, type DirectorySession } from './directory-session.ts'
import type { LdapBind, Secret } from './settings.ts'
import { unreadableFile } from './unreadable-file.ts'

export type SearchAccount = Extract<LdapBind, { kind: 'search' }>['account']

/**
 * Gives the session the identity that searches; undefined leaves it anonymous.
 *
 * @throws DirectoryFailure: a refusal of this account is never one of the person who logs in
 */
export async function bindSearchAccount(
  session: DirectorySession,
  account: SearchAccount,
): Promise<void> {
  if (account === undefined) return
  const refusal = await session.bind(account.dn, await readSecret(account.password))
  if (refusal === undefined) return
  const { code, diagnostic } = refusal
  throw new DirectoryFailure(
    'configuration',
    `${session.server} refused the search account ${account.dn} (code ${code}: ${diagnostic || 'no reason given'}); look at bind.dn and its password, and whether the account is locked or expired`,
    { keys: secretKeys },
  )
}

const secretKeys = ['bind.password_file', 'bind.password']

/** @throws DirectoryFailure configuration: it cannot be read, is empty, or is open to everybody */
export async function readSecret(secret: Secret): Promise<Password> {
  const text = 'file' in secret ? await readSecretFile(secret.file) : secret.text
  if (text === '')
    throw fault(`${describe(secret)} is empty; a search without an account is bind: anonymous`)
  return new Password(text)
}

async function readSecretFile(file: string): Promise<string> {
  const opened = stat(file).then((stats) => {
    assertPlain(stats)
    return open(file, 'r')
  })
  const refuse = (error: unknown) => {
    throw fault(unreadableFile(file, error))
  }
  const handle = await opened.catch(refuse)
  try {
    // Of the open file, not of the path: the two may be different files a moment later.
    const stats = await handle.stat()
    // Docker makes a folder where a file that it mounts is missing; its mode is not what is wrong with it.
    if ((stats.mode & 0o007) !== 0 && !stats.isDirectory()) {
      const octal = (stats.mode & 0o777).toString(8).padStart(4, '0')
      throw fault(`${file} is open to everybody on this machine (mode ${octal}); chmod o= ${file}`)
    }
    return (await handle.readFile('utf8').catch(refuse)).replace(/\r?\n$/, '')
  } finally {
    await handle.close()
  }
}

function describe(secret: Secret): string {
  return 'file' in secret ? secret.file : 'the password of the search account'
}

function fault(message: string): DirectoryFailure {
  return new DirectoryFailure('configuration', message, { keys: secretKeys })
}

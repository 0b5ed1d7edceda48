/** Reads an htpasswd file: who is in it, and what is wrong with it, by line, without showing a hash. */

import { AppError } from '../../errors.ts'
import { readPlainFileNow } from '../../plain-file.ts'
import { credentials } from '../../protocol/credentials.ts'
import { type PasswordHash, readPasswordHash } from '../password/password-hash.ts'

export interface HtpasswdEntry {
  readonly line: number
  /** undefined: it cannot be used. The entry still owns its name, and nobody can log in by it. */
  readonly hash: (PasswordHash & { readonly text: string }) | undefined
}

export interface HtpasswdFault {
  readonly line: number
  /** What is wrong and what to do; it quotes a user name at most. */
  readonly message: string
}

export interface HtpasswdContent {
  readonly entries: ReadonlyMap<string, HtpasswdEntry>
  readonly faults: readonly HtpasswdFault[]
}

/** With more of them it is another kind of file, and listing its lines helps nobody. */
const maximumFaults = 1_000
const byteOrderMark = '\u00ef\u00bb\u00bf'
// A byte order mark within a name is part of it: dropped, it would make one name of two.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Total. Blank lines and lines that begin with `#` say nothing; white space around a line and what
 * follows a second colon is ignored, as in Apache; user names are UTF-8; the first line of a user counts.
 *
 * @param file the path, for the advice in the faults
 */
export function parseHtpasswd(content: Buffer, file: string): HtpasswdContent {
  const entries = new Map<string, HtpasswdEntry>()
  const faults: HtpasswdFault[] = []
  // Latin-1 keeps every byte as it is: one line that is not UTF-8 must not cost the others.
  const text = content.toString('latin1')
  const lines = (text.startsWith(byteOrderMark) ? text.slice(3) : text).split('\n')
  for (const [index, untrimmed] of lines.entries()) {
    const bytes = untrimmed.trim()
    if (bytes === '' || bytes.startsWith('#')) continue
    const line = index + 1
    const fault = (message: string) => faults.push({ line, message })
    if (faults.length === maximumFaults) {
      fault(`${maximumFaults} lines have faults, so this is no htpasswd file; the rest is not read`)
      break
    }
    const [nameBytes = '', hashText] = bytes.split(':', 2)
    const name = decode(nameBytes)
    if (hashText === undefined) {
      fault('there is no colon; a line is USER:HASH')
    } else if (name === undefined) {
      fault('the user name is not UTF-8')
    } else if (credentials(name, 'any') === undefined) {
      fault('no client can send this user name: it is empty, too long, or holds control characters')
    } else if (/^(?:\$|\{SHA\})/.test(name)) {
      fault('the user name looks like a hash; a line is USER:HASH')
    } else if (entries.has(name)) {
      const first = entries.get(name)?.line
      fault(`${quote(name)} is on line ${first} already, which counts; remove one of the two`)
    } else {
      const hash = readPasswordHash(hashText)
      const isUsable = hash.kind !== 'unusable'
      entries.set(name, { line, hash: isUsable ? { ...hash, text: hashText } : undefined })
      if (!isUsable) {
        fault(
          `${quote(name)} cannot log in: ${hash.reason}; set a new password with: ${renewal(file, name)}`,
        )
      }
    }
  }
  return { entries, faults }
}

/** What is wrong with a file. @throws AppError misconfigured where it cannot be read */
export function checkHtpasswd(file: string): readonly HtpasswdFault[] {
  return parseHtpasswd(readHtpasswd(file), file).faults
}

/** The users of a file, for whoever only wants to know their names. @returns undefined where it cannot be read */
export function htpasswdNames(file: string): readonly string[] | undefined {
  try {
    return [...parseHtpasswd(readHtpasswd(file), file).entries.keys()]
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

export function describeFault(file: string, { line, message }: HtpasswdFault): string {
  return `${file}:${line}: ${message}`
}

/** @throws AppError misconfigured where it cannot be read */
export function readHtpasswd(file: string): Buffer {
  try {
    return readPlainFileNow(file)
  } catch (error) {
    throw new AppError('misconfigured', describeUnreadable(file, error), { cause: error })
  }
}

/** Why a file could not be read, and what to do, in a sentence. */
export function describeUnreadable(file: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') {
    return `${file} does not exist; put it there, or make one with: htpasswd -cB -C 10 ${shellWord(file)} USER`
  }
  if (code === 'EACCES')
    return `${file} may not be read; give read permission to the user that the server runs as`
  if (code === 'ENOTFILE') return `${file} is a pipe or a device; name a file`
  if (code === 'EISDIR') return `${file} is a folder; name the file in it`
  return `${file} cannot be read (${code})`
}

/** The command that gives a user a new hash of the recommended kind. */
export function renewal(file: string, name: string): string {
  // htpasswd's own default cost is 5.
  return `htpasswd -B -C 10 ${shellWord(file)} ${shellWord(name)}`
}

function decode(bytes: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}

function quote(name: string): string {
  return JSON.stringify(name)
}

function shellWord(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

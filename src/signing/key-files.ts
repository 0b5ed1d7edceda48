/** The files of a key folder: private keys that nobody else may read, and certificates. */

import { createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto'
import { chmod, type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../errors.ts'

/** Modes are octal in every message, as `chmod` takes them. */
export const privateMode = 0o600
/** A private key that the group may read too: for a proxy that runs as another user of that group. */
export const groupReadableMode = 0o640
export const publicMode = 0o644

/** Makes the folder (and those above it) with the mode; one that exists is left as it is. */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode })
  } catch (error) {
    throw fileFault('make the folder', folder, error)
  }
}

/**
 * @param widest the widest mode that is accepted
 * @returns undefined where there is no such file
 * @throws AppError misconfigured: others may read or write it, or it holds no private key
 */
export async function readPrivateKey(
  file: string,
  widest: number = privateMode,
): Promise<KeyObject | undefined> {
  const pem = await readText(file, (mode) => {
    if ((mode & 0o077 & ~widest) === 0) return
    throw new AppError(
      'misconfigured',
      `the private key ${file} is open to other users (mode ${octal(mode)}); close it with: chmod ${octal(widest)} ${file}`,
    )
  })
  return pem === undefined ? undefined : parsePrivateKey(file, pem)
}

function parsePrivateKey(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // The parser's own words are left out: nothing of a key file may reach a log.
    const reason = pem.includes('ENCRYPTED')
      ? 'is encrypted, and nobody is there to type its passphrase; decrypt it with: openssl pkey'
      : 'holds no private key in PEM form; restore it from its backup'
    throw new AppError('misconfigured', `${file} ${reason}`)
  }
}

/**
 * @returns the certificates in the file's order, at least one; undefined where there is no such file
 * @throws AppError misconfigured: it holds none, or a broken one
 */
export async function readCertificates(
  file: string,
): Promise<readonly X509Certificate[] | undefined> {
  const pem = await readText(file)
  if (pem === undefined) return undefined
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  try {
    if (blocks !== null) return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    throw new AppError(
      'misconfigured',
      `${file} holds a broken certificate; restore it from its backup`,
      { cause: error },
    )
  }
  throw new AppError(
    'misconfigured',
    `${file} holds no certificate in PEM form; restore it from its backup`,
  )
}

/**
 * Writes a file that must not exist yet: whole or not at all, also when the power fails.
 *
 * @returns false where it exists by now, untouched
 */
export async function createFile(file: string, text: string, mode: number): Promise<boolean> {
  return await writeBeside(file, text, mode, async (temporary) => {
    try {
      // link(), unlike rename(), never replaces a file: of two processes one wins.
      await link(temporary, file)
      return true
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false
      throw error
    }
  })
}

/** Writes a file in the place of an older one: a reader sees the one or the other, whole. */
export async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  await writeBeside(file, text, mode, (temporary) => rename(temporary, file))
}

/** Gives the file a mode. @throws AppError misconfigured: it is not ours */
export async function setMode(file: string, mode: number): Promise<void> {
  try {
    await chmod(file, mode)
  } catch (error) {
    throw fileFault(`give mode ${octal(mode)} to`, file, error)
  }
}

async function writeBeside<Result>(
  file: string,
  text: string,
  mode: number,
  putInPlace: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}`)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.chmod(mode) // The umask may have taken bits away that the reader needs.
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    const result = await putInPlace(temporary)
    await syncFolder(dirname(file))
    return result
  } catch (error) {
    throw fileFault('write', file, error)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Without this a new name may be gone after a power failure, though the file's contents are on disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function readText(
  file: string,
  checkMode?: (mode: number) => void,
): Promise<string | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    // Of the open file, not of the path: the two may be different files a moment later.
    checkMode?.((await handle.stat()).mode & 0o777)
    return await handle.readFile('utf8')
  } catch (error) {
    if (error instanceof AppError) throw error
    if (isCode(error, 'ENOENT')) return undefined
    throw fileFault('read', file, error)
  } finally {
    await handle?.close()
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function fileFault(verb: string, path: string, error: unknown): AppError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown fault'
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'permission denied; `ls -ln` shows whose it is: it must be the user who runs this',
    EPERM: 'the file system does not permit it; it must know owners, modes and hard links',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is a file and not a folder',
    EISDIR: 'it is a folder and not a file',
  }
  return new AppError('misconfigured', `cannot ${verb} ${path}: ${reasons[code] ?? code}`, {
    cause: error,
  })
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** The files of a key folder: private keys that nobody else may read, and certificates. */

import { createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
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
 * @param mode the widest mode that is accepted
 * @returns undefined where there is no such file
 * @throws AppError misconfigured: others may read or write it, or it holds no private key
 */
export async function readPrivateKey(
  file: string,
  mode: number = privateMode,
): Promise<KeyObject | undefined> {
  const handle = await openToRead(file)
  if (handle === undefined) return undefined
  try {
    // Of the open file, not of the path: the two may be different files a moment later.
    const found = (await handle.stat()).mode & 0o777
    if ((found & 0o077 & ~mode) !== 0) {
      throw new AppError(
        'misconfigured',
        `the private key ${file} is open to other users (mode ${octal(found)}); close it with: chmod ${octal(mode)} ${file}`,
      )
    }
    return parsePrivateKey(file, await handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
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
  const handle = await openToRead(file)
  if (handle === undefined) return undefined
  try {
    const pem = await handle.readFile('utf8')
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    const certificates = blocks.map((block) => new X509Certificate(block))
    if (certificates.length > 0) return certificates
  } catch (error) {
    throw new AppError(
      'misconfigured',
      `${file} holds a broken certificate; restore it from its backup`,
      { cause: error },
    )
  } finally {
    await handle.close()
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

/** The text of a public file. @throws AppError misconfigured: it cannot be read */
export async function readPublicFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw fileFault('read', file, error)
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

async function openToRead(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw fileFault('read', file, error)
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function fileFault(verb: string, path: string, error: unknown): AppError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown fault'
  const { uid, gid } = userInfo()
  const reasons: Readonly<Record<string, string>> = {
    EACCES: `permission denied to uid ${uid}, gid ${gid}; give it to that user, or run as its owner`,
    EPERM: `not permitted to uid ${uid} on this file system`,
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

/** The bytes of a configuration file, as text; whatever they are, reading them ends soon. */

import { createReadStream } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { ConfigError, type Place } from './config-error.ts'

const maximumBytes = 1_048_576

/** @throws ConfigError where it cannot be read, is larger than 1 MiB, or is not UTF-8 */
export async function readConfigFile(
  file: string,
  options?: { readonly mayBeMissing: false },
): Promise<string>
/** @returns undefined where there is no such file and there need not be one */
export async function readConfigFile(
  file: string,
  options: { readonly mayBeMissing: boolean },
): Promise<string | undefined>
export async function readConfigFile(
  file: string,
  { mayBeMissing }: { readonly mayBeMissing: boolean } = { mayBeMissing: false },
): Promise<string | undefined> {
  const refuse = (message: string, cause?: unknown, place?: Place) =>
    new ConfigError([{ file, place, key: '', message }], { cause })
  const chunks: Buffer[] = []
  try {
    // Nobody may ever write into it, and a server that waits can neither reload nor stop. What a shell
    // makes of `<(…)` is a link to one.
    if ((await lstat(file)).isFIFO()) throw Object.assign(new Error('a pipe'), { code: 'ENOTFILE' })
    // One byte more than allowed is enough to know, also of a device that never ends.
    for await (const chunk of createReadStream(file, { end: maximumBytes })) chunks.push(chunk)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && mayBeMissing) return undefined
    throw refuse(`cannot be read: ${reasons[code] ?? message}`, error)
  }
  const bytes = Buffer.concat(chunks)
  if (bytes.length > maximumBytes) {
    throw refuse('is larger than 1 MiB; a configuration of 10,000 rules is smaller')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw refuse('this is not UTF-8; save the file as UTF-8', error, placeOfWrongByte(bytes))
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder; name the file in it',
  ENOTFILE: 'it is a pipe; name a file',
  EACCES: 'the user that Dockwarden runs as may not read it',
}

/** Compared with what decoding and encoding make of it: U+FFFD may also stand in a text by right. */
function placeOfWrongByte(bytes: Buffer): Place {
  const again = Buffer.from(bytes.toString('utf8'), 'utf8')
  const offset = bytes.findIndex((byte, index) => byte !== again[index])
  const before = bytes.subarray(0, offset).toString('utf8').split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** Where a command gets a password from; never from its arguments. */

import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { type Command, Option } from 'commander'
import { AppError } from '../errors.ts'
import { Password } from '../protocol/credentials.ts'
import { askHidden } from './hidden-input.ts'
import { exitCodes, type Terminal } from './terminal.ts'

export interface PasswordInputOptions {
  readonly password?: unknown
  readonly passwordStdin?: true
  readonly passwordFile?: string
}

/** Asked once the command line has been seen to be right. @throws AppError where there is no password */
export type PasswordInput = () => Promise<Password>

/** Bytes. More is no password, and nothing that is worth reading to its end. */
const longestInput = 4_096

export function addPasswordInput(command: Command): Command {
  return (
    command
      .option('--password-stdin', 'read the password from standard input, one line')
      .addOption(
        new Option(
          '--password-file <file>',
          'read it from a file that only its owner can read',
        ).conflicts('passwordStdin'),
      )
      // Known only to say why it is refused: an unknown option would be shown together with its value.
      .addOption(new Option('-p, --password [password]').hideHelp())
  )
}

export interface PasswordQuestion {
  readonly command: Command
  readonly terminal: Terminal
  /** Without any of the options, at a terminal. */
  readonly ask: PasswordInput
  /** The options that may be used, as a sentence lists them. */
  readonly ways?: string
}

/**
 * What the options name, and without any of them a question at the terminal. A command line that
 * cannot work is refused here, before anything else is done.
 */
export function passwordInput(
  { password, passwordFile, passwordStdin }: PasswordInputOptions,
  { command, terminal, ask, ways }: PasswordQuestion,
): PasswordInput {
  const refuse = (message: string) => command.error(message, { exitCode: exitCodes.usage })
  const usable = ways ?? '--password-stdin or --password-file FILE'
  if (password !== undefined) {
    refuse(
      'a password is never taken as an argument: every user of this machine sees it in the list of processes, and the shell keeps it. ' +
        `Leave it out to be asked, or use ${usable}; and do not use that one again.`,
    )
  }
  if (passwordFile !== undefined) {
    return () => readPasswordFile(resolve(terminal.workingFolder, passwordFile))
  }
  const isTyped = terminal.input.isTTY === true
  if (passwordStdin === true) {
    if (isTyped) {
      refuse(
        '--password-stdin reads a pipe or a file, and standard input is this terminal, which would show what you type; leave it out to be asked',
      )
    }
    return async () => onlyLine(await readBounded(terminal.input), 'standard input')
  }
  if (!isTyped) {
    refuse(`standard input is no terminal, so nobody can be asked for the password; use ${usable}`)
  }
  return ask
}

/** The password that somebody has. */
export async function askPassword(whose: string, terminal: Terminal): Promise<Password> {
  const [password] = (await askHidden([`Password of ${whose}: `], terminal)) ?? []
  if (password === undefined) {
    throw new AppError('invalid_request', 'given up at the question; nothing was tried')
  }
  return new Password(password)
}

async function readPasswordFile(path: string): Promise<Password> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new AppError('misconfigured', `${path} cannot be read (${error.code})`, { cause: error })
  })
  try {
    const stats = await file.stat()
    const { mode } = stats
    // Of a folder, reading it says what is wrong.
    if ((mode & 0o007) !== 0 && !stats.isDirectory()) {
      throw new AppError(
        'misconfigured',
        `${path} is open to every user of this machine (mode ${(mode & 0o777).toString(8)}), so its password is no secret; use another one, in a file of mode 600`,
      )
    }
    return onlyLine(await readBounded(file.createReadStream({ autoClose: false })), path)
  } catch (error) {
    if (error instanceof AppError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new AppError('misconfigured', `${path} cannot be read (${code})`, { cause: error })
  } finally {
    await file.close()
  }
}

/** @returns at most a little more than {@link longestInput} */
async function readBounded(input: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > longestInput) break
  }
  return Buffer.concat(chunks)
}

/** Without the line feed at its end, which an editor or `echo` puts there; spaces are part of it. */
function onlyLine(content: Buffer, where: string): Password {
  const refuse = (fault: string): never => {
    throw new AppError('invalid_request', `${where} ${fault}`)
  }
  if (content.length > longestInput) refuse('holds more than any password')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return refuse('is not UTF-8; a password is sent as UTF-8 (RFC 7617)')
  }
  const line = text.replace(/\r?\n$/, '')
  if (/[\r\n]/.test(line)) refuse('holds more than one line; a password is one line')
  return new Password(line)
}

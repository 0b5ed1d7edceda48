/** Where a command gets a new password from: asked for twice, read, or made. */

import { type Command, Option } from 'commander'
import type { PasswordSource } from '../admin/account-administration.ts'
import { randomPassword } from '../authentication/password/random-password.ts'
import { AppError } from '../errors.ts'
import { Password } from '../protocol/credentials.ts'
import { askHidden } from './hidden-input.ts'
import { addPasswordInput, type PasswordInputOptions, passwordInput } from './password-input.ts'
import type { Terminal } from './terminal.ts'

export interface PasswordOptions extends PasswordInputOptions {
  readonly generate?: true
}

export function addPasswordOptions(command: Command): Command {
  return addPasswordInput(command).addOption(
    new Option('--generate', 'make a strong one, and print it once').conflicts([
      'passwordStdin',
      'passwordFile',
    ]),
  )
}

export interface NewPassword {
  readonly source: PasswordSource
  /** The one that the source has made and nobody has seen yet. */
  readonly made: () => string | undefined
}

/** What the options name, and without any of them a question at the terminal; see {@link passwordInput}. */
export function newPassword(
  options: PasswordOptions,
  whose: string,
  { command, terminal }: { readonly command: Command; readonly terminal: Terminal },
): NewPassword {
  if (options.generate === true && options.password === undefined) {
    let made: string | undefined
    const source = async () => {
      const password = randomPassword()
      made = password.reveal()
      return password
    }
    return { source, made: () => made }
  }
  const ask = () => askTwice(whose, terminal)
  const ways = '--password-stdin, --password-file FILE or --generate'
  const source = passwordInput(options, { command, terminal, ask, ways })
  return { source, made: () => undefined }
}

async function askTwice(whose: string, terminal: Terminal): Promise<Password> {
  const questions = [`New password for ${whose}: `, 'The same again: ']
  const [first, second] = (await askHidden(questions, terminal)) ?? []
  if (first === undefined) {
    throw new AppError('invalid_request', 'given up at the question; nothing has changed')
  }
  if (first !== second) {
    throw new AppError('invalid_request', 'the two passwords are not the same; nothing has changed')
  }
  return new Password(first)
}

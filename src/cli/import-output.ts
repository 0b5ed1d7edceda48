/** What the importers of configurations have in common: where they write, and the service's name. */

import { writeFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { AppError } from '../errors.ts'
import { collect } from './repeated-option.ts'

/** For what the file does not say. */
export const serviceOption: [string, string, typeof collect, readonly string[]] = [
  '--service <name>',
  'what a registry calls itself (REGISTRY_AUTH_TOKEN_SERVICE); may be given again',
  collectServices,
  [],
]

/** A script's variable that is not set would make a configuration that does not load. */
function collectServices(value: string, before?: readonly string[]): readonly string[] {
  if (value.trim() !== '') return collect(value, before)
  throw new InvalidArgumentError('It is empty; name the service, or leave the option out.')
}

/**
 * Never in place of a file that is there: it may be the configuration in use.
 *
 * @throws AppError conflict where there is one, or it cannot be written
 */
export function writeNew(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason =
      code === 'EEXIST'
        ? 'it is there already; name another, or remove it'
        : `it cannot be written (${code})`
    throw new AppError('conflict', `${file}: ${reason}`, { cause: error })
  }
}

/** Takes the users of an htpasswd file over as accounts, with the passwords that they have. */

import { randomUUID } from 'node:crypto'
import { type HtpasswdFault, parseHtpasswd } from '../authentication/htpasswd/htpasswd-file.ts'
import { isWeak } from '../authentication/password/password-hash.ts'
import { isPersonName, personNameRule } from '../authentication/person-name.ts'
import type { Clock } from '../clock.ts'
import type { AccountRegister } from './account-register.ts'

export interface HtpasswdImport {
  readonly added: readonly string[]
  /** There is an account of that name, which is left as it is. */
  readonly existing: readonly string[]
  /** In the order of the lines. */
  readonly faults: readonly HtpasswdFault[]
  /** Of those added, who should get a new password: the hash is quick to guess against. */
  readonly weak: readonly string[]
}

export interface HtpasswdImportParts {
  /** Undefined where there is no database yet, which a dry run does not make. */
  readonly register: AccountRegister | undefined
  readonly clock: Clock
  /** Says what would be done, and does nothing. */
  readonly isDryRun: boolean
}

/**
 * Run again after it was stopped half-way, it does the rest.
 *
 * @param file its path, for the advice in the faults
 * @throws AppError unavailable where the accounts cannot be written; those of earlier batches are there
 */
export async function importHtpasswd(
  content: Buffer,
  file: string,
  { register, clock, isDryRun }: HtpasswdImportParts,
): Promise<HtpasswdImport> {
  const { entries, faults } = parseHtpasswd(content, file)
  const nameFaults: HtpasswdFault[] = []
  const usable = [...entries].flatMap(([name, { line, hash }]) => {
    if (hash === undefined) return []
    if (isPersonName(name)) return [{ name, hash }]
    nameFaults.push({
      line,
      message: `${JSON.stringify(name)} is no account name: ${personNameRule}`,
    })
    return []
  })
  const taken = new Set((await register?.list())?.map(({ name }) => name))
  const free = usable.filter(({ name }) => !taken.has(name))
  const added = new Set(
    isDryRun
      ? free.map(({ name }) => name)
      : await register?.add(
          free.map(({ name, hash }) => ({
            id: randomUUID(),
            name,
            passwordHash: hash.text,
            groups: [],
            createdAt: clock(),
          })),
        ),
  )
  return {
    added: [...added],
    existing: usable.map(({ name }) => name).filter((name) => !added.has(name)),
    faults: [...faults, ...nameFaults].sort((a, b) => a.line - b.line),
    weak: free.filter(({ name, hash }) => added.has(name) && isWeak(hash)).map(({ name }) => name),
  }
}

/**
 * What an operator can do with accounts and their groups. The command line is one face of it; what is
 * valid, what is refused and why is decided here, once for all of them.
 */

import { randomUUID } from 'node:crypto'
import { passwordFault } from '../authentication/password/password-policy.ts'
import { isPersonName, personNameRule } from '../authentication/person-name.ts'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Password } from '../protocol/credentials.ts'
import type { AccountRecord, AccountRegister } from './account-register.ts'

/** Makes hashes to store; the password verifier does. */
export interface PasswordHasher {
  /** @throws AppError invalid_request where nobody could log in with it, with the reason */
  hash(password: Password): Promise<string>
}

export interface AccountAdministrationParts {
  readonly register: AccountRegister
  readonly passwords: PasswordHasher
  readonly clock: Clock
}

/** Asked only once all the rest is known to hold: nobody types a password for nothing. */
export type PasswordSource = () => Promise<Password>

export type GroupChange =
  | { readonly add: readonly string[]; readonly remove: readonly string[] }
  | { readonly set: readonly string[] }

export interface GroupRecord {
  readonly name: string
  /** The names of its accounts, in order. */
  readonly members: readonly string[]
}

const maximumGroupNameLength = 64
const groupNamePattern = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/

/** Every method throws AppError: invalid_request, not_found or conflict with the reason, and then nothing has changed. */
export class AccountAdministration {
  readonly #parts: AccountAdministrationParts

  constructor(parts: AccountAdministrationParts) {
    this.#parts = parts
  }

  async list(): Promise<readonly AccountRecord[]> {
    return await this.#parts.register.list()
  }

  async show(name: string): Promise<AccountRecord> {
    return (await this.#parts.register.find(name)) ?? refuseUnknown(name)
  }

  async add(
    name: string,
    groups: readonly string[],
    askPassword: PasswordSource,
  ): Promise<AccountRecord> {
    const { register, clock } = this.#parts
    if (!isPersonName(name)) {
      throw new AppError('invalid_request', `${quote(name)} is no account name: ${personNameRule}`)
    }
    assertGroupNames(groups)
    if ((await register.find(name)) !== undefined) refuseTaken(name)
    const passwordHash = await this.#hash(await askPassword(), name)
    const account = { id: randomUUID(), name, passwordHash, groups: unique(groups) }
    const added = await register.add([{ ...account, createdAt: clock() }])
    if (added.length === 0) refuseTaken(name)
    return await this.show(name)
  }

  async setPassword(name: string, askPassword: PasswordSource): Promise<AccountRecord> {
    const { register, clock } = this.#parts
    await this.show(name)
    const passwordHash = await this.#hash(await askPassword(), name)
    if (!(await register.setPassword(name, passwordHash, clock()))) refuseUnknown(name)
    return await this.show(name)
  }

  /** Nothing is asked of what it was before: what is disabled stays so. */
  async setDisabled(name: string, isDisabled: boolean): Promise<AccountRecord> {
    const { register, clock } = this.#parts
    if (!(await register.setDisabled(name, isDisabled, clock()))) refuseUnknown(name)
    return await this.show(name)
  }

  /** @returns what it was; a name made anew gets another id and inherits nothing */
  async remove(name: string): Promise<AccountRecord> {
    const account = await this.show(name)
    if (!(await this.#parts.register.remove(name))) refuseUnknown(name)
    return account
  }

  /** All of the accounts, or none: a name that is unknown, or a group to remove that it is not in, changes nothing. */
  async changeGroups(
    names: readonly string[],
    change: GroupChange,
  ): Promise<readonly AccountRecord[]> {
    const { register, clock } = this.#parts
    const wanted = unique(names)
    assertGroupNames('set' in change ? change.set : change.add)
    await register.changeGroups(
      wanted,
      (name, groups) => changed(name, groups ?? refuseUnknown(name), change),
      clock(),
    )
    return await Promise.all(wanted.map((name) => this.show(name)))
  }

  /** A group exists while it has a member. */
  async listGroups(): Promise<readonly GroupRecord[]> {
    const members = new Map<string, string[]>()
    for (const { name, groups } of await this.list()) {
      for (const group of groups) {
        const known = members.get(group)
        if (known === undefined) members.set(group, [name])
        else known.push(name)
      }
    }
    return [...members]
      .map(([name, names]) => ({ name, members: names }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async showGroup(name: string): Promise<GroupRecord> {
    const group = (await this.listGroups()).find((each) => each.name === name)
    if (group !== undefined) return group
    throw new AppError(
      'not_found',
      `no account is in a group ${quote(name)}; a group exists while it has a member`,
    )
  }

  async #hash(password: Password, name: string): Promise<string> {
    const fault = passwordFault(password, name)
    if (fault !== undefined) throw new AppError('invalid_request', fault)
    return await this.#parts.passwords.hash(password)
  }
}

function changed(name: string, groups: readonly string[], change: GroupChange): readonly string[] {
  if ('set' in change) return unique(change.set)
  for (const group of change.remove) {
    if (groups.includes(group)) continue
    const are = groups.length === 0 ? 'it is in none' : `it is in ${groups.join(', ')}`
    throw new AppError('not_found', `${name} is not in the group ${quote(group)}; ${are}`)
  }
  return unique([...groups.filter((group) => !change.remove.includes(group)), ...change.add])
}

/** A name that rules can say as `group:NAME`, that a list with commas can hold, and that looks like no other. */
function assertGroupNames(groups: readonly string[]): void {
  for (const group of groups) {
    if (group.length <= maximumGroupNameLength && groupNamePattern.test(group)) continue
    throw new AppError(
      'invalid_request',
      `${quote(group)} is no group name: letters a to z, also in capitals, and digits, parted by single ".", "_" or "-"; ${maximumGroupNameLength} characters at most`,
    )
  }
}

function refuseUnknown(name: string): never {
  throw new AppError('not_found', `there is no account ${quote(name)}`)
}

function refuseTaken(name: string): never {
  throw new AppError('conflict', `there is an account ${quote(name)} already; it is left as it is`)
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

function quote(name: string): string {
  return JSON.stringify(name)
}

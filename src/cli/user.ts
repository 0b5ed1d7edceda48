/** `dockwarden user …`: the accounts that Dockwarden itself keeps. */

import type { Command } from 'commander'
import type { AccountRecord } from '../admin/account-register.ts'
import type { Config } from '../config/config.ts'
import { printableJson } from '../printable.ts'
import {
  type AdminOptions,
  accountJson,
  adminCommand,
  administer,
  groupList,
  warnOfFileGroups,
} from './administer.ts'
import { day } from './day.ts'
import { addPasswordOptions, newPassword, type PasswordOptions } from './new-password.ts'
import { collect } from './repeated-option.ts'
import { table } from './table.ts'
import { exitCodes, type Terminal } from './terminal.ts'

interface GroupOptions extends AdminOptions {
  readonly add: readonly string[]
  readonly remove: readonly string[]
  readonly set?: string
}

const existing = { changes: 'accounts', mayCreate: false } as const
const madeIfMissing = { changes: 'accounts', mayCreate: true } as const

export function addUserCommand(program: Command, terminal: Terminal): void {
  const user = program
    .command('user')
    .description('the accounts that are kept here; every change counts from the next request on')

  addPasswordOptions(adminCommand(user, 'add <name>', 'make an account'))
    .option('-g, --group <group>', 'put it into a group; may be repeated', collect, [])
    .action(add)
  adminCommand(user, 'list', 'all accounts').action(list)
  adminCommand(user, 'show <name>', 'one account').action(show)
  adminCommand(user, 'disable <name>', 'refuse it, and keep it').action(setDisabled(true))
  adminCommand(user, 'enable <name>', 'let it in again').action(setDisabled(false))
  addPasswordOptions(adminCommand(user, 'password <name>', 'set a new password')).action(password)
  adminCommand(user, 'groups <name>', 'its groups; with an option, change them')
    .option('--add <group>', 'put it into a group; may be repeated', collect, [])
    .option('--remove <group>', 'take it out of a group; may be repeated', collect, [])
    .option('--set <groups>', 'exactly these, parted by commas; "" for none')
    .action(groups)
  adminCommand(user, 'remove <name>', 'remove it, with its memberships').action(remove)

  async function add(
    name: string,
    options: AdminOptions & PasswordOptions & { readonly group: readonly string[] },
    command: Command,
  ): Promise<void> {
    const { source, made } = newPassword(options, name, { command, terminal })
    await administer(options, terminal, madeIfMissing, async ({ accounts }) => {
      const account = await accounts.add(name, options.group, source)
      report(account, `${name} is added, ${groupList(account.groups)}`, options, made())
    })
  }

  async function password(
    name: string,
    options: AdminOptions & PasswordOptions,
    command: Command,
  ): Promise<void> {
    const { source, made } = newPassword(options, name, { command, terminal })
    await administer(options, terminal, existing, async ({ accounts }) => {
      const account = await accounts.setPassword(name, source)
      const state = account.isDisabled ? '; it is disabled, and stays so' : ''
      report(account, `${name} has a new password${state}`, options, made())
    })
  }

  async function list(options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }) => {
      const all = await accounts.list()
      if (options.json === true) terminal.print(printableJson(all.map(accountJson)))
      else if (all.length === 0) terminal.print('there are no accounts')
      else terminal.print(table(['NAME', 'STATE', 'GROUPS', 'PASSWORD', 'CREATED'], all.map(row)))
    })
  }

  async function show(name: string, options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }) => {
      const account = await accounts.show(name)
      report(account, details(account), options)
    })
  }

  function setDisabled(isDisabled: boolean) {
    return async (name: string, options: AdminOptions): Promise<void> => {
      await administer(options, terminal, existing, async ({ accounts }, config) => {
        const account = await accounts.setDisabled(name, isDisabled)
        const sentence = isDisabled ? `disabled: ${refusedFrom(config)}` : 'enabled'
        report(account, `${name} is ${sentence}`, options)
      })
    }
  }

  async function groups(name: string, options: GroupOptions, command: Command): Promise<void> {
    const { add, remove, set } = options
    const change = set === undefined ? { add, remove } : { set: listed(set) }
    if (set !== undefined && add.length + remove.length > 0) {
      command.error('--set says all of the groups: leave out --add and --remove', {
        exitCode: exitCodes.usage,
      })
    }
    await administer(options, terminal, existing, async ({ accounts }, config) => {
      const before = await accounts.show(name)
      const isRead = set === undefined && add.length + remove.length === 0
      const [account = before] = isRead ? [] : await accounts.changeGroups([name], change)
      report(account, `${name} is ${groupList(account.groups)}`, options)
      const lost = before.groups.filter((group) => !account.groups.includes(group))
      warnOfFileGroups([name], lost, config, terminal)
    })
  }

  async function remove(name: string, options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }, config) => {
      const account = await accounts.remove(name)
      const was = `it was ${groupList(account.groups)}`
      report(account, `${name} is removed (${was}): ${refusedFrom(config)}`, options)
    })
  }

  function report(
    account: AccountRecord,
    sentence: string,
    { json }: AdminOptions,
    made?: string,
  ): void {
    if (json === true) {
      const password = made === undefined ? {} : { password: made }
      terminal.print(printableJson({ ...accountJson(account), ...password }))
      return
    }
    terminal.print(sentence)
    if (made !== undefined) {
      terminal.print(`password: ${made}\n(shown this once, and stored only as a hash)`)
    }
  }
}

function listed(groups: string): readonly string[] {
  return groups === '' ? [] : groups.split(',').map((group) => group.trim())
}

function row(account: AccountRecord): readonly string[] {
  return [
    account.name,
    account.isDisabled ? 'disabled' : 'enabled',
    account.groups.join(', ') || '-',
    `${kindOf(account)}, ${day(account.passwordChangedAt)}`,
    day(account.createdAt),
  ]
}

function details(account: AccountRecord): string {
  return table(
    ['name', account.name],
    [
      ['id', account.id],
      ['state', account.isDisabled ? 'disabled' : 'enabled'],
      ['groups', account.groups.join(', ') || '-'],
      ['password', `${kindOf(account)}, of ${account.passwordChangedAt.toISOString()}`],
      ['created', account.createdAt.toISOString()],
    ],
  )
}

function kindOf({ passwordKind, isPasswordWeak }: AccountRecord): string {
  return isPasswordWeak ? `${passwordKind} (weak)` : passwordKind
}

/** A token cannot be taken back. */
function refusedFrom({ services }: Config): string {
  const seconds = Math.max(...services.map(({ tokenLifetime }) => tokenLifetime))
  return `refused from the next request on; a token that was issued before is good for up to ${seconds} s`
}

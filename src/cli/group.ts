/** `dockwarden group …`: the groups of accounts, seen from the group. */

import type { Command } from 'commander'
import type { AccountAdministration, GroupRecord } from '../admin/account-administration.ts'
import { printableJson } from '../printable.ts'
import { type AdminOptions, adminCommand, administer, warnOfFileGroups } from './administer.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

const existing = { changes: 'accounts', mayCreate: false } as const

export function addGroupCommand(program: Command, terminal: Terminal): void {
  const group = program
    .command('group')
    .description(
      'the groups of accounts; one exists while it has a member. Those of the configuration and of a directory stand beside them',
    )

  adminCommand(group, 'list', 'all groups and their members').action(list)
  adminCommand(group, 'show <group>', 'the members of a group').action(show)
  adminCommand(group, 'add <group> <user...>', 'put accounts into a group').action(add)
  adminCommand(group, 'remove <group> <user...>', 'take accounts out of a group').action(remove)

  async function list(options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }) => {
      const all = await accounts.listGroups()
      const rows = all.map(({ name, members }) => [name, members.join(', ')])
      if (options.json === true) terminal.print(printableJson(all))
      else if (all.length === 0) terminal.print('no account is in a group')
      else terminal.print(table(['GROUP', 'MEMBERS'], rows))
    })
  }

  async function show(name: string, options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }) => {
      report(await accounts.showGroup(name), options)
    })
  }

  async function add(name: string, users: string[], options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }) => {
      await accounts.changeGroups(users, { add: [name], remove: [] })
      report(await accounts.showGroup(name), options)
    })
  }

  async function remove(name: string, users: string[], options: AdminOptions): Promise<void> {
    await administer(options, terminal, existing, async ({ accounts }, config) => {
      await accounts.changeGroups(users, { add: [], remove: [name] })
      report(await leftOf(accounts, name), options)
      warnOfFileGroups(users, [name], config, terminal)
    })
  }

  function report({ name, members }: GroupRecord, { json }: AdminOptions): void {
    if (json === true) terminal.print(printableJson({ name, members }))
    else if (members.length === 0) terminal.print(`${name} has no members any more, and is gone`)
    else terminal.print(`${name}: ${members.join(', ')}`)
  }
}

/** What is left of a group, which may be nobody. */
async function leftOf(accounts: AccountAdministration, name: string): Promise<GroupRecord> {
  const all = await accounts.listGroups()
  return all.find((group) => group.name === name) ?? { name, members: [] }
}

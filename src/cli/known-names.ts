/** Which users and groups there can be, as far as the configuration and its files tell. */

import type { AccountRecord } from '../admin/account-register.ts'
import { htpasswdNames } from '../authentication/htpasswd/htpasswd-file.ts'
import type { KnownNames, NameSource } from '../authorization/lint/lint.ts'
import type { BackendConfig, Config } from '../config/config.ts'

/**
 * Groups are those of the backends; the file's own stand beside them.
 *
 * @param accounts all of them, where they are known
 */
export function knownNames(
  { authentication }: Pick<Config, 'authentication'>,
  accounts?: readonly AccountRecord[],
): KnownNames {
  const names = accounts && new Set(accounts.map(({ name }) => name))
  const groups = accounts && new Set(accounts.flatMap((account) => account.groups))
  return {
    users: united(authentication.map((backend) => usersOf(backend, names))),
    groups: united(authentication.map((backend) => groupsOf(backend, groups))),
  }
}

function usersOf(backend: BackendConfig, accounts: NameSource = 'any'): NameSource {
  switch (backend.kind) {
    case 'htpasswd':
      return namesInFile(backend.file)
    case 'ldap':
      return 'lower_case'
    case 'accounts':
      return accounts
  }
}

function groupsOf(backend: BackendConfig, ofAccounts: NameSource = 'any'): NameSource {
  switch (backend.kind) {
    case 'htpasswd':
      return new Set()
    case 'ldap': {
      const { mode, map } = backend.groups
      if (mode === 'none') return new Set()
      return map.length > 0 ? new Set(map.map(({ group }) => group)) : 'lower_case'
    }
    case 'accounts':
      return ofAccounts
  }
}

/** That a file cannot be read is told elsewhere. */
function namesInFile(file: string): NameSource {
  const names = htpasswdNames(file)
  return names === undefined ? 'any' : new Set(names)
}

function united(sources: readonly NameSource[]): NameSource {
  const lists = sources.filter((source) => typeof source !== 'string')
  if (lists.length === sources.length) return new Set(lists.flatMap((names) => [...names]))
  const isLowerCase = sources.every(
    (source) => source === 'lower_case' || (typeof source !== 'string' && source.size === 0),
  )
  return isLowerCase ? 'lower_case' : 'any'
}

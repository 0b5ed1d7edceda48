/** A server with users of every kind, and the ways not to get into it. */

import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'
import { requirePart } from '../support/parts.ts'
import { run } from '../support/process.ts'
import type { Login } from './ask.ts'

const password = 'correct horse battery staple'
/** All that bcrypt reads. */
export const longest = 'L'.repeat(72)

/** Name → how `htpasswd` hashes which password. */
const users: Readonly<Record<string, readonly [password: string, ...options: string[]]>> = {
  quick: [password, '-B', '-C', '5'],
  slow: [password, '-B', '-C', '8'],
  md5: [password, '-m'],
  sha: [password, '-s'],
  long: [longest, '-B', '-C', '5'],
}

export const rightLogins: readonly Login[] = Object.entries(users).map(([user, [password]]) => ({
  user,
  password,
}))

/** What is wrong with it, and the login. */
export const wrongLogins: readonly (readonly [name: string, login: Login])[] = [
  ['an unknown user', { user: 'nobody', password }],
  ['an unknown user with a long password', { user: 'nobody', password: 'x'.repeat(73) }],
  ['bcrypt of cost 5', { user: 'quick', password: 'wrong' }],
  ['bcrypt of cost 8', { user: 'slow', password: 'wrong' }],
  ['MD5', { user: 'md5', password: 'wrong' }],
  ['SHA', { user: 'sha', password: 'wrong' }],
  ['the first account', { user: 'admin', password: 'wrong' }],
  ['a password of 73 bytes', { user: 'quick', password: 'x'.repeat(73) }],
  ['73 bytes for the account', { user: 'admin', password: 'x'.repeat(73) }],
  ['a name in another case', { user: 'Quick', password }],
]

export async function startServerWithUsers(): Promise<Dockwarden> {
  const program = requirePart('htpasswd')
  const lines = Object.entries(users).map(async ([user, [password, ...options]]) => {
    return (await run(program, ['-bn', ...options, user, password])).stdout.trim()
  })
  return startDockwarden({
    config: {
      rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
      authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }],
    },
    files: { htpasswd: `${(await Promise.all(lines)).join('\n')}\n` },
  })
}

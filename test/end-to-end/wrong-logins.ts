/** A server with users of every kind, and the ways not to get into it. */

import bcrypt from 'bcryptjs'
import { commandJson } from '../support/command.ts'
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

/** @param copies so many more of each user, `quick-0` and so on: one alone may be tried a few times only */
export async function startServerWithUsers(copies = 0): Promise<Dockwarden> {
  const program = requirePart('htpasswd')
  const lines = Object.entries(users).map(async ([user, [password, ...options]]) => {
    return (await run(program, ['-bn', ...options, user, password])).stdout.trim()
  })
  // Of the cost that the first account has.
  const admins = copiesOf(`admin:${bcrypt.hashSync(password, 10)}`, copies)
  const all = (await Promise.all(lines)).flatMap((line) => [line, ...copiesOf(line, copies)])
  const server = await startDockwarden({
    config: {
      server: { trusted_proxies: ['127.0.0.1'] },
      rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
      authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }],
    },
    files: { htpasswd: `${all.join('\n')}\n`, accounts: `${admins.join('\n')}\n` },
  })
  if (copies > 0) await commandJson(server.folder, ['import', 'htpasswd', 'accounts'])
  return server
}

function copiesOf(line: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => line.replace(':', `-${index}:`))
}

/** "Accounts": the commands, beside a server that runs. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { program, startDockwarden } from '../support/dockwarden.ts'
import { run } from '../support/process.ts'
import { password, passwordHash } from './ask-token.ts'
import { readme } from './readme.ts'

test('an account is made, listed, signs in, and an htpasswd file is looked at', async () => {
  await using server = await startDockwarden()
  mkdirSync(join(server.folder, 'auth'))
  writeFileSync(join(server.folder, 'auth', 'htpasswd'), `bob:${passwordHash}\n`)
  const commands = readme.accounts.replaceAll('node dist/main.js', `${process.execPath} ${program}`)
  const { code, stdout, output } = await run('sh', ['-euc', commands], { cwd: server.folder })
  expect(code, output).toBe(0)
  expect(stdout).toMatch(/^alice +enabled +dev /m)
  expect(stdout).toMatch(/^would be added: 1 \(bob\)$/m)
  const made = /^password: (\S+)$/m.exec(stdout)?.[1]
  const status = async (secret: string | undefined) => {
    const authorization = `Basic ${Buffer.from(`alice:${secret}`).toString('base64')}`
    return (await fetch(`${server.url}/token?service=registry`, { headers: { authorization } }))
      .status
  }
  expect([await status(made), await status(password)]).toEqual([200, 401])
})

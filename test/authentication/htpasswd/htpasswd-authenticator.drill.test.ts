/** B20: how long it takes until a changed htpasswd file is in force. */

import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { expect, test } from 'vitest'
import { openHtpasswd } from '../../../src/authentication/htpasswd/htpasswd-authenticator.ts'
import { PasswordVerifier } from '../../../src/authentication/password/verifier.ts'
import { expectAtBest } from '../../end-to-end/statistics.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { login } from '../login.ts'

const log = { info() {}, warn() {}, error() {} }
const line = (user: string) => `${user}:${bcrypt.hashSync('password', 4)}\n`

const ways: readonly (readonly [string, (file: string, content: string) => void])[] = [
  ['written in place', (file, content) => writeFileSync(file, content)],
  [
    'renamed over the one before',
    (file, content) => {
      writeFileSync(`${file}.new`, content)
      renameSync(`${file}.new`, file)
    },
  ],
]
test.each(ways)('B20: a file that is %s is in force within 2 s', async (_way, change) => {
  const passwords = new PasswordVerifier()
  const file = join(temporaryFolder('htpasswd'), 'htpasswd')
  writeFileSync(file, line('user'))
  const backend = await openHtpasswd({ name: 'htpasswd', file, passwords, log })
  let users = 0
  await expectAtBest(async () => {
    users += 1
    change(file, line('user') + line(`new-${users}`))
    const start = performance.now()
    while ((await login(backend, `new-${users}`, 'password')).kind !== 'accepted') {
      expect(performance.now() - start).toBeLessThan(60_000)
      await sleep(20)
    }
    const took = performance.now() - start
    return took < 2_000 ? [] : [`it took ${Math.round(took)} ms`]
  })
  backend.close()
  await passwords.close()
})

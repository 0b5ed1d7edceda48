import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('a sandbox that forbids to lower the priority costs no login', () => {
  // As systemd's SystemCallFilter=~@resources answers it.
  const forbid = `data:text/javascript,${encodeURIComponent(`
    import os from 'node:os'
    import { syncBuiltinESMExports } from 'node:module'
    os.setPriority = () => { throw Object.assign(new Error('EPERM'), { code: 'ERR_SYSTEM_ERROR' }) }
    syncBuiltinESMExports()
  `)}`
  const worker = fileURLToPath(
    new URL('../../../dist/authentication/password/worker.js', import.meta.url),
  )
  const script = `
    const { verify } = await import(${JSON.stringify(worker)})
    const storedHash = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='
    console.log(verify({ password: 'password', storedHash, refusal: new Map() }))
  `
  const args = ['--import', forbid, '--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('true\n')
})

import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function printedPassword(output: string): string | undefined {
  return /^admin password: (\S+)$/m.exec(output)?.[1]
}

async function tokenStatus(server: Dockwarden, password: string | undefined): Promise<number> {
  const headers = {
    authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
  }
  return (await fetch(`${server.url}/token?service=registry`, { headers })).status
}

/** A start that is expected to fail. */
async function failToStart(folder: string, config: object) {
  const file = join(folder, 'dockwarden.yml')
  writeFileSync(file, stringify({ keys: 'keys', database: 'sqlite:data/dockwarden.db', ...config }))
  return await run(process.execPath, [program, 'serve', '--config', file], { cwd: folder })
}

test('B32: the first start shows a password of its own, and no later one does', async () => {
  const first = await startDockwarden()
  const other = await startDockwarden()
  const password = printedPassword(first.process.stdout)
  expect(password).toBeDefined()
  expect(printedPassword(other.process.stdout)).not.toBe(password)
  expect(await tokenStatus(first, password)).toBe(200)
  expect(await tokenStatus(other, password)).toBe(401)
  for (const guess of ['admin', 'password', 'dockwarden']) {
    expect(await tokenStatus(first, guess), guess).toBe(401)
  }
  await other.stop()
  await first.stop()
  const logged = first.process.output.replace(`admin password: ${password}`, '')
  expect(logged).not.toContain(password)

  await using again = await startDockwarden({ folder: first.folder })
  expect(again.process.output).not.toContain('admin password')
  expect(await tokenStatus(again, password)).toBe(200)
})

test('a first start that fails does not take the password along', async () => {
  const taken = await startDockwarden()
  const port = await failToStart(temporaryFolder('port'), { server: { listen: taken.host } })
  expect(port.code).toBe(1)
  expect(port.stderr).toMatch(/^dockwarden: cannot listen on .*\n$/)
  expect(printedPassword(port.stdout)).toBeDefined()
  await taken.stop()

  const folder = temporaryFolder('htpasswd')
  const listen = `127.0.0.1:${await freePort()}`
  const authentication = [{ htpasswd: { file: 'none' } }, { accounts: {} }]
  const file = await failToStart(folder, { server: { listen }, authentication })
  expect(file.code).toBe(1)
  expect(file.stdout).not.toContain('admin')
  await using mended = await startDockwarden({ folder })
  expect(await tokenStatus(mended, printedPassword(mended.process.stdout))).toBe(200)
})

test('B16: with a damaged database it does not start, and says what to do in one line', async () => {
  const whole = await startDockwarden()
  await whole.stop()
  const path = join(whole.folder, 'data', 'dockwarden.db')
  truncateSync(path)
  const listen = `127.0.0.1:${await freePort()}`
  const { code, stdout, stderr } = await failToStart(whole.folder, { server: { listen } })
  expect(code).toBe(1)
  expect(stdout).not.toContain('admin')
  expect(stderr).toMatch(/^dockwarden: .*dockwarden\.db is empty \(0 bytes\): restore it .*\n$/)
})

test('B14: when the database is gone, the probe says so and says no file', async () => {
  await using server = await startDockwarden()
  rmSync(join(server.folder, 'data', 'dockwarden.db'))
  const response = await fetch(`${server.url}/readyz`)
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({
    ready: false,
    parts: {
      database: {
        state: 'down',
        detail: 'the database is gone or was replaced; restart the server',
      },
    },
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration writes its variables so
/** A7: no secret is anywhere but where it has to be. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcryptjs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { run } from '../support/process.ts'
import { type Answer, ask, basic, formType } from './ask.ts'
import { filesBelow } from './files-below.ts'
import { head, rawRequest } from './raw-http.ts'
import { formsOf } from './secret-forms.ts'

const right = 'Right-Secret-4711-äß'
const wrong = 'Wrong-Secret-0815'
const late = 'Later-Secret-9999'
const plaintext = 'Plaintext-Secret-31'
const database = 'Database-Secret-77'
const rightHash = bcrypt.hashSync(right, 5)
const lateHash = bcrypt.hashSync(late, 5)

/** Whatever a client does wrong, with a secret in it. */
async function misbehave({ url, port }: Dockwarden, secret: string): Promise<readonly string[]> {
  const form = new URLSearchParams({
    grant_type: 'password',
    client_id: 'c',
    service: 'registry',
    username: 'alice',
    password: secret,
  }).toString()
  const post = (body: string, headers: Record<string, string> = {}) =>
    ask(`${url}/token`, { method: 'POST', headers: { 'content-type': formType, ...headers }, body })
  const get = (query: string, authorization?: string) =>
    ask(`${url}/token?${query}`, { headers: authorization === undefined ? {} : { authorization } })
  const scope = 'scope=repository:a:pull'
  const answers: readonly Answer[] = [
    await get(`service=registry&${scope}`, basic('alice', secret)),
    await get(`service=registry&${scope}`, basic('nobody', secret)),
    await get(`service=registry&${scope}`, basic('admin', secret)),
    await get(`service=other&${scope}`, basic('alice', secret)),
    await get(`service=registry&service=registry`, basic('alice', secret)),
    await get('', basic('alice', secret)),
    await get('service=registry', `Basic alice:${encodeURIComponent(secret)}`),
    await get('service=registry', `Bearer ${Buffer.from(secret).toString('base64')}`),
    await get(`service=registry&password=${encodeURIComponent(secret)}&username=alice`),
    await get(`service=registry&${scope}`, basic('alice', `${secret}\n`)),
    await get(`service=registry&${scope}`, basic('alice', `${secret.repeat(30)}`)),
    await post(form),
    await post(`${form}&scope=repository:a:pull`),
    await post(`${form}${'&x=1'.repeat(2_000)}`),
    await post(`${form}&password=${encodeURIComponent(secret)}`),
    await post(`${form}&x=${'y'.repeat(20_000)}`),
    await post(form, { 'content-type': 'application/json' }),
    await post(form, { 'content-type': 'multipart/form-data; boundary=x' }),
    await post(form, { 'content-encoding': 'gzip' }),
    await post(form, { 'content-type': `${formType}; charset=utf-7` }),
    await post(form.replace('grant_type=password', 'grant_type=refresh_token')),
    await post(
      `grant_type=refresh_token&client_id=c&service=registry&refresh_token=${encodeURIComponent(secret)}`,
    ),
    await post(form.replace('service=registry', 'service=other')),
    await ask(`${url}/token`, {
      method: 'PUT',
      headers: { authorization: basic('alice', secret) },
      body: form,
    }),
    await ask(`${url}/${encodeURIComponent(secret)}`, {
      headers: { authorization: basic('alice', secret) },
    }),
    await ask(`${url}/healthz?password=${encodeURIComponent(secret)}`),
  ]
  const raw = [
    // Cut off in the middle, broken in the middle.
    await rawRequest(
      port,
      `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: ${formType}\r\nContent-Length: 999\r\n\r\n${form}`,
      300,
    ),
    await rawRequest(
      port,
      head('GET /token?service=registry', [`Authorization: ${basic('alice', secret)}`, 'Broken']),
    ),
    await rawRequest(port, head(`GET /token?service=registry HTTP/1.1 ${secret}`)),
    await rawRequest(
      port,
      head('POST /token', [`Content-Type: ${formType}`, 'Transfer-Encoding: chunked']) +
        `zz\r\n${form}`,
    ),
  ]
  return [
    ...answers.map(({ text, rawHeaders }) => JSON.stringify(rawHeaders) + text),
    ...raw.map(({ text }) => text),
  ]
}

test('A7: a whole life of the server leaves no secret behind', async () => {
  const config = {
    rules: [{ name: 'own', who: ['authenticated'], may: ['pull'], on: ['**'] }],
    authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }],
  }
  const server = await startDockwarden({
    config,
    files: { htpasswd: `alice:${rightHash}\n` },
    env: { DOCKWARDEN_LOG_LEVEL: 'trace', TEST_DATABASE: `postgres://dockwarden:${database}@db/x` },
  })
  const { folder } = server
  const file = join(folder, 'htpasswd')
  const seen: string[] = []
  const adminPassword = /^admin password: (\S+)$/m.exec(server.process.stdout)?.[1] ?? ''
  expect(adminPassword).not.toBe('')

  for (const secret of [right, wrong, adminPassword])
    seen.push(...(await misbehave(server, secret)))
  // Reloads, good ones and bad ones, with secrets in the wrong places.
  for (const broken of [
    { ...config, ruls: [] },
    { ...config, database: '${TEST_DATABASE}' },
    { ...config, database: `postgres://dockwarden:${database}@db/x` },
    { ...config, password: database },
    { ...config, issuer: ['${TEST_DATABASE}'] },
    { ...config, services: [{ name: 'registry', token_lifetime: '${TEST_DATABASE}' }] },
    { ...config, server: { public_url: `ldap://dockwarden:${database}@x` } },
    { ...config, server: { public_url: `https://dockwarden:${database}@x/?y` } },
  ]) {
    expect(await server.reload(broken)).toMatchObject({ level: 'error' })
    seen.push((await ask(`${server.url}/readyz`)).text)
  }
  for (const [index, line] of [
    `bob;${lateHash}`,
    `bob:${plaintext}`,
    lateHash,
    `bob:${lateHash.slice(0, -1)}`,
    `bob:$9$${plaintext}`,
    `:${lateHash}`,
    `bob:${lateHash}\nbob:${lateHash}`,
  ].entries()) {
    writeFileSync(file, `alice:${rightHash}\n${line}\n`)
    // The same configuration, so that a broken htpasswd file is what it stumbles over.
    await server.reload({ ...config, issuer: `dockwarden${index}` })
    seen.push((await ask(`${server.url}/readyz`)).text)
  }
  const checked = await run(process.execPath, [program, 'check', '--config', server.configFile])
  expect(checked.code).toBe(1)
  seen.push(checked.output)
  writeFileSync(file, `alice:${lateHash}\n`)
  await server.reload({
    ...config,
    authentication: [{ htpasswd: { file: './htpasswd' } }, { accounts: {} }],
  })
  seen.push(...(await misbehave(server, late)))

  const { pid } = server.process
  for (const name of ['cmdline', 'comm', 'status'])
    seen.push(readFileSync(`/proc/${pid}/${name}`, 'utf8'))
  seen.push(readFileSync(`/proc/${pid}/environ`, 'utf8').replaceAll(/TEST_DATABASE=[^\0]*/g, ''))
  // While it runs, so that what stands in the database's log is looked at as well.
  const kept = filesBelow(folder).filter(
    (path) => !/htpasswd$|ca\.key$|dockwarden\.yml$/.test(path),
  )
  expect(kept.map((path) => path.replace(folder, ''))).toContain('/data/dockwarden.db')
  for (const path of kept) seen.push(readFileSync(path, 'latin1'), readFileSync(path, 'utf8'))
  await server.stop()

  const { stdout, stderr } = server.process
  const announced = stdout.split(adminPassword).length - 1
  expect(announced, 'the first password is shown once').toBe(1)
  const withoutIt = stdout.replace(`admin password: ${adminPassword}`, '')
  const everything = [withoutIt, stderr, ...seen].join('\n')

  const key = readFileSync(join(folder, 'keys', 'ca.key'), 'utf8')
  const keyLines = key.split('\n').filter((line) => line.length > 20 && !line.includes('-----'))
  expect(keyLines).not.toEqual([])
  const hashes = [rightHash, lateHash].flatMap((hash) => [hash, hash.slice(7), hash.slice(29)])
  const secrets = [
    ...[right, wrong, late, plaintext, database, adminPassword].flatMap(formsOf),
    ...hashes,
    ...keyLines,
    'PRIVATE KEY',
  ]
  for (const secret of secrets) {
    const at = everything.indexOf(secret)
    expect(at, `"${secret}" in: …${everything.slice(at - 200, at + 100)}`).toBe(-1)
  }

  const rows = new Database(join(folder, 'data', 'dockwarden.db'), { readonly: true })
  const tables = rows.prepare("select name from sqlite_master where type = 'table'").pluck().all()
  const cells = tables.flatMap((table) =>
    rows
      .prepare(`select * from "${String(table)}"`)
      .all()
      .flatMap((row) => Object.values(row as object)),
  )
  const stored = cells.filter((cell) => typeof cell === 'string' && /^\$2[aby]\$1\d\$/.test(cell))
  expect(stored).toHaveLength(1)
  expect(bcrypt.compareSync(adminPassword, String(stored[0]))).toBe(true)
}, 120_000)

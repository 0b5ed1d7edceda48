/** Tables of docs/ that promise what a person sees: each row against the real server. */

import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Dockwarden, program, startDockwarden } from '../support/dockwarden.ts'
import { freePort } from '../support/free-port.ts'
import { run } from '../support/process.ts'
import { password, passwordHash } from './ask-token.ts'
import { tableRows } from './markdown.ts'
import { root } from './readme.ts'

const rowsOf = (path: string, heading: string) =>
  tableRows(readFileSync(join(root, path), 'utf8'), heading)

describe('docs/divergences.md, "Answers at a glance"', () => {
  let server: Dockwarden
  /** Where anonymous may pull. */
  let open: Dockwarden
  beforeAll(async () => {
    const config = { authentication: [{ htpasswd: { file: 'htpasswd' } }, { accounts: {} }] }
    const rules = [{ who: ['anyone'], may: ['pull'], on: ['public'] }]
    const files = { htpasswd: `alice:${passwordHash}\n` }
    server = await startDockwarden({ config, files })
    open = await startDockwarden({ config: { ...config, rules }, files })
  })
  afterAll(async () => {
    await server?.stop()
    await open?.stop()
  })

  const basic = (user: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
  })
  const alice = basic('alice', password)
  const get = (query: string, headers: Record<string, string> = {}, at = server) =>
    fetch(`${at.url}/token?${query}`, { headers })
  const form = (body: string) =>
    fetch(`${server.url}/token`, { method: 'POST', body: new URLSearchParams(body) })
  const scopes = (count: number) =>
    Array.from({ length: count }, (_, index) => `&scope=repository:r${index}:pull`).join('')
  /** A form of which only the beginning comes. */
  const formBegun = (length: number) =>
    new Promise<Response>((resolve, reject) => {
      const type = 'application/x-www-form-urlencoded'
      const headers = { 'content-type': type, 'content-length': length }
      const begun = httpRequest(`${server.url}/token`, { method: 'POST', headers }, (answer) => {
        const { connection = '' } = answer.headers
        resolve(new Response(null, { status: answer.statusCode ?? 0, headers: { connection } }))
        begun.destroy()
      })
      begun.on('error', reject).write('x=')
    })
  const service = 'service=registry'

  /** As many passwords as it takes, at a server of its own: the others take logins from the same network. */
  async function guess(): Promise<Response> {
    const authentication = [{ htpasswd: { file: 'htpasswd' } }]
    const files = { htpasswd: `alice:${passwordHash}\n` }
    await using own = await startDockwarden({ config: { authentication, rules: [] }, files })
    for (let attempt = 0; ; attempt += 1) {
      const answer = await get(service, basic('alice', `guess ${attempt}`), own)
      if (answer.status !== 401 || attempt === 100) return answer
    }
  }

  /** What stands in the left column → requests of that kind. */
  const requests: Readonly<Record<string, () => readonly Promise<Response>[]>> = {
    'less allowed than asked, or nothing': () => [
      get(`${service}&scope=repository:public:pull,push`, alice, open),
      get(`${service}&scope=repository:a:pull`, alice),
    ],
    'wrong, unreadable or unknown credentials': () => [
      get(service, basic('alice', 'wrong'), open),
      get(service, { authorization: 'Basic ?' }, open),
      get(service, basic('nobody', 'x'), open),
    ],
    'no credentials, no scope': () => [get(service)],
    'no or unknown `service`, scopes for more than 32 resources, a repeated parameter, a form that is none':
      () => [
        get(''),
        get('service=other', alice),
        get(`${service}${scopes(33)}`, alice),
        get(`${service}&${service}`, alice),
        form('service=registry'),
      ],
    'a body over 16 kB': () => [form(`x=${'y'.repeat(17_000)}`), formBegun(66_000)],
    'request line and headers over 16 kB': () => [
      get(`${service}&x=${'y'.repeat(17_000)}`),
      get(service, { 'x-long': 'y'.repeat(17_000) }),
    ],
    'other methods than GET, HEAD, POST': () =>
      ['PUT', 'DELETE', 'OPTIONS'].map((method) => fetch(`${server.url}/token`, { method })),
    'too many wrong passwords for one account, or from one network': () => [guess()],
    'a backend that cannot answer, or too many logins at once': () => {
      // The accounts are in a file that somebody has put another one in the place of.
      const file = join(server.folder, 'data', 'dockwarden.db')
      renameSync(file, `${file}.moved`)
      writeFileSync(file, '')
      return [get(service, basic('admin', 'x'))]
    },
  }

  test.each(rowsOf('docs/divergences.md', 'Answers at a glance'))('%s: %s', async (kind, told) => {
    const asked = requests[kind ?? '']
    if (asked === undefined) throw new Error(`nothing here asks: ${kind}`)
    for (const answer of await Promise.all(asked())) {
      expect(String(answer.status)).toBe(told?.slice(0, 3))
      const header = /(Allow|Retry-After|Basic challenge)/.exec(told ?? '')?.[0]
      if (header === 'Basic challenge')
        expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
      else if (header !== undefined) expect(answer.headers.get(header)).not.toBeNull()
    }
  })

  test('a body over 64 kB is not read, and the connection is closed', async () => {
    expect((await formBegun(66_000)).headers.get('connection')).toBe('close')
  })

  test('no credentials, no scope, but anonymous may do something somewhere: 200', async () => {
    expect((await get(service, {}, open)).status).toBe(200)
  })
})

describe('docs/operations.md, "When it does not start"', () => {
  let folder: string
  let port: number
  beforeAll(async () => {
    port = await freePort()
    // A start that makes keys and database, for somebody to spoil.
    const server = await startDockwarden({ port })
    folder = server.folder
    await server.stop()
  })

  const path = (...parts: string[]) => join(folder, ...parts)
  const database = () => path('data', 'dockwarden.db')

  /** What it says → how it comes to that, and how that is undone. */
  const causes: Readonly<Record<string, () => () => void>> = {
    'cannot listen on …: another program is listening there': () => {
      const blocker = createServer().listen(port, '127.0.0.1')
      return () => blocker.close()
    },
    'the private key … is open to other users': () => {
      chmodSync(path('keys', 'ca.key'), 0o644)
      return () => chmodSync(path('keys', 'ca.key'), 0o600)
    },
    '… is not a database': () => spoil(database(), 'no database '.repeat(1_000)),
    '… is empty': () => spoil(database(), ''),
    'FILE:LINE:COLUMN: …': () =>
      spoil(path('dockwarden.yml'), `server: { listen: 127.0.0.1:${port} }\nruls: []\n`),
  }

  function spoil(file: string, content: string): () => void {
    const good = readFileSync(file)
    writeFileSync(file, content)
    return () => writeFileSync(file, good)
  }

  const sentences = rowsOf('docs/operations.md', 'When it does not start').flatMap(([says = '']) =>
    [...says.matchAll(/`([^`]+)`/g)].map(([, sentence = '']) => sentence),
  )
  const patternOf = (sentence: string) =>
    new RegExp(
      sentence
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replace('FILE', '\\S+')
        .replace(/LINE|COLUMN/g, '\\d+')
        .replaceAll('…', '.+'),
    )

  test.each(sentences)('%s', async (sentence) => {
    const cause = causes[sentence]
    if (cause === undefined) throw new Error(`nothing here brings about: ${sentence}`)
    const undo = cause()
    const args = [program, 'serve', '--config', path('dockwarden.yml')]
    const { code, stderr } = await run(process.execPath, args).finally(undo)
    expect(code).toBe(1)
    expect(stderr).toMatch(patternOf(sentence))
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('and where nothing is in the way, it starts', async () => {
    await using server = await startDockwarden({ folder, port })
    expect(server.process.isRunning).toBe(true)
  })
})

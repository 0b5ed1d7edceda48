/** What the nginx templates promise: one origin on any port, streams, and nothing else behind it. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDockwarden } from '../support/dockwarden.ts'
import { startNginx } from '../support/nginx.ts'
import { describeWithParts, requirePart } from '../support/parts.ts'
import { type RunOptions, run } from '../support/process.ts'
import { passwords, type Site, startSite } from './site.ts'

interface Answer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

const parts = ['curl', 'registry 2', 'nginx', 'htpasswd', 'openssl'] as const

describeWithParts('the proxy', parts, () => {
  let site: Site
  beforeAll(async () => {
    site = await startSite(2)
  })
  afterAll(() => site.stop())

  /** The path is sent as it is written. */
  const curl = async (url: string, args: readonly string[] = [], options: RunOptions = {}) => {
    const trusted = ['--cacert', site.certificate.authority]
    const fixed = ['--silent', '--show-error', '--include', '--path-as-is', '--http1.1']
    const { code, stdout, output } = await run(
      requirePart('curl'),
      [...fixed, ...trusted, ...args, url],
      options,
    )
    expect(code, output).toBe(0)
    return parseAnswer(stdout)
  }

  const tokenOf = async (user: keyof typeof passwords, scope: string): Promise<string> => {
    const query = `service=registry.example.com&scope=${scope}`
    const { body } = await curl(`${site.url}/token?${query}`, [
      '--user',
      `${user}:${passwords[user]}`,
    ])
    return JSON.parse(body).token
  }

  const startUpload = async (url: string, args: readonly string[] = []): Promise<Answer> => {
    const token = await tokenOf('alice', 'repository:team/proxy:pull,push')
    return await curl(`${url}/v2/team/proxy/blobs/uploads/`, [
      ...['--request', 'POST', '--header', `Authorization: Bearer ${token}`],
      ...args,
    ])
  }

  test('the challenge names the port that the client used', async () => {
    const { status, headers } = await curl(`${site.url}/v2/`)
    expect(status).toBe(401)
    expect(headers).toContain(`realm="${site.url}/token"`)
  })

  test('a token from curl opens the registry', async () => {
    const token = await tokenOf('alice', 'registry:catalog:*')
    const authorization = ['--header', `Authorization: Bearer ${token}`]
    const answer = await curl(`${site.url}/v2/_catalog`, authorization)
    expect(answer).toMatchObject({ status: 200, body: '{"repositories":[]}\n' })
  })

  test("an upload's Location leads back to the scheme, name and port that the client used", async () => {
    const { headers } = await startUpload(site.url)
    expect(headers).toMatch(new RegExp(`^location: ${site.url}/v2/team/proxy/blobs/uploads/`, 'im'))
  })

  test('over our own TLS no header makes a Location plain HTTP', async () => {
    const { headers } = await startUpload(site.url, ['--header', 'X-Forwarded-Proto: http'])
    expect(headers).toMatch(new RegExp(`^location: ${site.url}/`, 'im'))
  })

  test('without TLS, a Location follows what a TLS terminator in front says', async () => {
    const { dockwarden, registry } = site
    await using plain = await startNginx({ auth: dockwarden.host, registry: registry.host })
    const direct = await startUpload(plain.url)
    expect(direct.headers).toMatch(new RegExp(`^location: http://${plain.host}/v2/`, 'im'))
    const terminated = await startUpload(plain.url, ['--header', 'X-Forwarded-Proto: https'])
    expect(terminated.headers).toMatch(new RegExp(`^location: https://${plain.host}/v2/`, 'im'))
    const nonsense = await startUpload(plain.url, ['--header', 'X-Forwarded-Proto: javascript'])
    expect(nonsense.headers).toMatch(new RegExp(`^location: http://${plain.host}/v2/`, 'im'))
  })

  test.each(['/token', '/token/', '/auth', '/auth/', '/auth/token', '/auth/token/'])(
    '%s reaches the token server',
    async (path) => {
      const { status, body } = await curl(`${site.url}${path}?service=registry.example.com`)
      expect({ status, token: typeof JSON.parse(body).token }).toEqual({
        status: 200,
        token: 'string',
      })
    },
  )

  test.each([
    ...['/', '/readyz', '/metrics', '/admin', '/tokens', '/token/x', '/v1/', '/v2x'],
    ...['/token/../readyz', '/auth/../readyz', '/v2/../readyz', '/v2/%2e%2e/readyz', '//readyz'],
    ...['/token/..%2freadyz', '/auth/token/..%2f..%2freadyz', '/readyz%2f..%2ftoken%2f..%2freadyz'],
  ])('%s is not there', async (path) => {
    expect((await curl(`${site.url}${path}`)).status).toBe(404)
  })

  test('a token of 7.5 kB fits', async () => {
    const authorization = `Authorization: Bearer ${'x'.repeat(7_680)}`
    const { status, headers } = await curl(`${site.url}/v2/`, ['--header', authorization])
    // 401 from the registry, which read it; nginx itself would have answered 400.
    expect({ status, headers }).toMatchObject({
      status: 401,
      headers: expect.stringContaining('error="invalid_token"'),
    })
  })

  test('a request for 32 long scopes fits', async () => {
    const scopes = Array.from({ length: 32 }, (_, i) => `repository:${'a'.repeat(250)}${i}:pull`)
    const query = scopes.map((scope) => `scope=${scope}`).join('&')
    const { status } = await curl(`${site.url}/token?service=registry.example.com&${query}`)
    expect(status).toBe(200)
  })

  test('a large layer streams through, and is written to no disk of the proxy', async () => {
    const token = await tokenOf('alice', 'repository:team/proxy:pull,push')
    const authorization = ['--header', `Authorization: Bearer ${token}`]
    const { headers } = await startUpload(site.url)
    const location = /^location: (.+)$/im.exec(headers)?.[1]?.trim() ?? ''
    const layer = Buffer.alloc(30_000_000, 7)
    const upload = ['--request', 'PATCH', '--header', 'Transfer-Encoding: chunked', '--header']
    const patched = await curl(
      location,
      [
        ...authorization,
        ...upload,
        'Content-Type: application/octet-stream',
        '--data-binary',
        '@-',
      ],
      { input: layer },
    )
    expect(patched).toMatchObject({
      status: 202,
      headers: expect.stringMatching(/^range: 0-29999999/im),
    })
    expect(site.nginx.log()).not.toContain('buffered to a temporary file')
  })

  test("the token server learns the client's address, whatever the client says it is", async () => {
    await curl(`${site.url}/token?service=registry.example.com&scope=repository:from/here:pull`, [
      ...['--interface', '127.0.0.2', '--header', 'X-Forwarded-For: 203.0.113.9'],
    ])
    const asked = 'repository:from/here:pull'
    const clients = (): readonly unknown[] =>
      site.dockwarden
        .log()
        .flatMap((line) => (`${line['asked']}` === asked ? [line['client']] : []))
    await expect.poll(clients).toEqual(['127.0.0.2'])
  })

  test('after a restart of Dockwarden everything goes on; registry and proxy are not restarted', async () => {
    const { folder, port, configFile } = site.dockwarden
    await site.dockwarden.stop()
    const query = 'service=registry.example.com&scope=repository:team/proxy:pull'
    expect((await curl(`${site.url}/token?${query}`)).status).toBe(502)
    await using _again = await startDockwarden({ folder, port, configFile })
    const token = await tokenOf('bob', 'repository:team/proxy:pull')
    const tags = await curl(`${site.url}/v2/team/proxy/tags/list`, [
      ...['--header', `Authorization: Bearer ${token}`],
    ])
    // The registry let it in, and has no such repository yet.
    expect(tags).toMatchObject({ status: 404, body: expect.stringContaining('NAME_UNKNOWN') })
  })

  test('a page of another origin can read whatever stands in for the 401 of a registry that lets it', async () => {
    const readable = {
      'access-control-allow-origin': 'https://ui.example',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'WWW-Authenticate',
    }
    const refuse = { 'www-authenticate': 'Bearer realm="r"', ...readable }
    await using registry = await startServer((_, response) => response.writeHead(401, refuse).end())
    for (const auth of [site.dockwarden.host, '127.0.0.1:1']) {
      await using proxy = await startNginx({ auth, registry: `127.0.0.1:${registry.port}` })
      const headers = { authorization: 'Bearer t' }
      const answer = await fetch(`${proxy.url}/v2/team/a/tags/list`, { headers })
      expect([answer.status, Object.fromEntries(answer.headers)]).toMatchObject([401, refuse])
    }
  })

  test('a server that comes back at another address is found without a restart of the proxy', async () => {
    await using first = await startUpstream('127.0.0.1')
    await using second = await startUpstream('127.0.0.2', first.port)
    await using names = await startNameServer('127.0.0.1')
    await using proxy = await startNginx({
      auth: `auth.test:${first.port}`,
      registry: `registry.test:${first.port}`,
      resolver: `127.0.0.1:${names.port}`,
    })
    const servers = async (): Promise<readonly string[]> => [
      (await curl(`${proxy.url}/token`)).body,
      (await curl(`${proxy.url}/v2/`)).body,
    ]
    expect(await servers()).toEqual(['127.0.0.1', '127.0.0.1'])
    names.moveTo('127.0.0.2')
    await expect.poll(servers).toEqual(['127.0.0.2', '127.0.0.2'])
    expect(second.port).toBe(first.port)
  })
})

function parseAnswer(text: string): Answer {
  // An interim answer, such as 100 Continue, stands before the real one.
  const final = text.replace(/^(HTTP\/1\.1 1\d\d[\s\S]*?\r\n\r\n)+/, '')
  const end = final.indexOf('\r\n\r\n')
  return {
    status: Number(final.split(' ')[1]),
    headers: final.slice(0, end).replaceAll('\r', ''),
    body: final.slice(end + 4),
  }
}

/** A web server that answers with its own address. */
function startUpstream(address: string, port = 0) {
  return startServer((_, response) => response.end(address), address, port)
}

async function startServer(listener: RequestListener, address = '127.0.0.1', port = 0) {
  const server = createServer(listener).listen(port, address)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A DNS server that gives every name the same IPv4 address, for ten minutes, as Docker's does. */
async function startNameServer(first: string) {
  let address = first
  const socket: Socket = createSocket('udp4', (query, from) => {
    // RFC 1035 §4: the header with one answer, the question as it came, a pointer to its name.
    const question = query.subarray(12, query.indexOf(0, 12) + 5)
    const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
    query.copy(header, 0, 0, 2)
    const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, ...address.split('.').map(Number)]
    socket.send(Buffer.concat([header, question, Buffer.from(answer)]), from.port, from.address)
  }).bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    moveTo: (next: string) => {
      address = next
    },
    [Symbol.asyncDispose]: async () => void socket.close(),
  }
}

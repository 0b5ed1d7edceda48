/** What nginx and Dockwarden make of a registry's 401: a reason where the rules refuse, and else nothing. */

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askForDecision } from '../../src/control/control-client.ts'
import { openCertificateAuthority } from '../../src/signing/certificate-authority.ts'
import { makeLeafKey } from '../../src/signing/leaf-key.ts'
import { es256, forge } from '../signing/forge.ts'
import { recordedLog } from '../signing/recorded-log.ts'
import { claims, headerOfLeaf } from '../signing/refused-tokens.ts'
import { startDockwarden } from '../support/dockwarden.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { describeWithParts } from '../support/parts.ts'
import { passwords, type Site, startSite } from './site.ts'

interface Answer {
  readonly status: number
  /** As the registry sends them, without what every server adds of its own. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

interface Question {
  readonly method?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** Small: a registry that hangs up on more while nginx still sends it is a 502, token or not. */
const body = Buffer.alloc(1000, 7)
const digest = `sha256:${'0'.repeat(64)}`
const service = 'registry.example.com'
const uuid = '[0-9a-f]{8}-[0-9a-f-]{27}'

export function describeDenialAnswers(version: 2 | 3): void {
  const parts = [`registry ${version}`, 'nginx', 'htpasswd', 'openssl'] as const
  describeWithParts(`denials at registry ${version}`, parts, () => {
    let site: Site
    /** Without TLS, so that what is asked and answered is seen byte for byte. */
    let nginx: Nginx
    beforeAll(async () => {
      site = await startSite(version)
      nginx = await startNginx({ auth: site.dockwarden.host, registry: site.registry.host })
    })
    afterAll(async () => {
      await nginx?.stop()
      await site?.stop()
    })

    const tokenOf = async (user: keyof typeof passwords | null, ...scopes: string[]) => {
      const query = new URLSearchParams({ service })
      for (const scope of scopes) query.append('scope', scope)
      const basic = user && Buffer.from(`${user}:${passwords[user]}`).toString('base64')
      const headers = basic === null ? {} : { authorization: `Basic ${basic}` }
      const answer = await fetch(`${site.dockwarden.url}/token?${query}`, { headers })
      return ((await answer.json()) as { token: string }).token
    }
    const through = (path: string, question: Question = {}) => ask(nginx.port, path, question)
    const direct = (path: string, question: Question = {}) =>
      ask(site.registry.port, path, question)
    /** The client sees what the registry would have said to it itself. */
    const expectTheRegistrysOwn = async (path: string, question: Question) => {
      const [own, seen] = [await direct(path, question), await through(path, question)]
      expect(own.status, `${question.method} ${path}`).toBe(401)
      // Registry 2 says the charset too, and registry 3 orders scopes and actions by chance.
      expect(comparable(seen), `${question.method} ${path}`).toEqual(comparable(own))
      return seen
    }

    test('without a token the registry answers, byte for byte', async () => {
      const paths = ['/v2/', '/v2/team/a/tags/list', '/v2/_catalog', '/v2/team/a/blobs/uploads/']
      const authorizations = [{}, { authorization: 'Basic Ym9iOng=' }, { authorization: 'bearer' }]
      for (const path of paths)
        for (const method of ['GET', 'HEAD', 'POST', 'DELETE'])
          for (const headers of authorizations) {
            const question = { method, headers }
            const [own, seen] = [await direct(path, question), await through(path, question)]
            expect(seen.body).toBe(own.body)
            expect(sorted(seen)).toEqual(sorted(own))
          }
    })

    test('what the rules refuse is 403 with one sentence, whose request id the log has', async () => {
      const cases = [
        ['GET', '/v2/private/x/manifests/1', 'repository:private/x:pull', 'pull from private/x'],
        ['POST', '/v2/team/a/blobs/uploads/', 'repository:team/a:pull,push', 'push to team/a'],
        ['PUT', '/v2/team/a/manifests/1', 'repository:team/a:pull,push', 'push to team/a'],
        ['DELETE', `/v2/team/a/manifests/${digest}`, 'repository:team/a:*', 'delete from team/a'],
        ['GET', '/v2/_catalog', 'registry:catalog:*', 'list the catalog'],
      ] as const
      for (const [method, path, scope, deed] of cases) {
        const token = await tokenOf('bob', scope)
        const { status, body, headers } = await through(path, { method, token })
        const { errors } = JSON.parse(body)
        expect({ status, errors }).toEqual({
          status: 403,
          errors: [
            {
              code: 'DENIED',
              message: expect.stringMatching(
                new RegExp(`^bob may not ${deed} \\(request ${uuid}\\)$`),
              ),
            },
          ],
        })
        expect(headers).toMatchObject({ 'content-type': 'application/json' })
        const id = headers['x-request-id']
        expect(body).toContain(id)
        await expect
          .poll(() => site.dockwarden.log().find(({ requestId }) => requestId === id))
          .toMatchObject({ event: 'denial', subject: 'bob', client: '127.0.0.1', service, method })
        const socket = join(site.dockwarden.folder, 'data', 'dockwarden.sock')
        expect(await askForDecision(socket, `${id}`)).toMatchObject({
          kind: 'denial',
          subject: { name: 'bob', backend: 'htpasswd' },
          asked: [{ name: expect.stringContaining(deed.split(/[ /]/).at(-1) ?? '') }],
        })
      }
    })

    test('whether a repository exists changes nothing', async () => {
      const alice = await tokenOf('alice', 'repository:public/there:pull,push')
      const upload = { method: 'POST', token: alice }
      expect((await through('/v2/public/there/blobs/uploads/', upload)).status).toBe(202)
      const messages = await Promise.all(
        ['there', 'nowhere'].map(async (name) => {
          const token = await tokenOf('bob', `repository:public/${name}:push`)
          const path = `/v2/public/${name}/blobs/uploads/`
          const { body } = await through(path, { method: 'POST', token })
          return body.replaceAll(name, 'NAME').replace(new RegExp(uuid), 'ID')
        }),
      )
      expect(messages[0]).toBe(messages[1])
    })

    test('a token that has not asked for enough gets the challenge, whatever else it was refused', async () => {
      const few = await tokenOf('alice', 'repository:team/a:pull')
      const less = await tokenOf('alice', 'repository:team/a:pull', 'repository:private/x:pull')
      for (const token of [few, less]) {
        const upload = { method: 'POST', token }
        const seen = await expectTheRegistrysOwn('/v2/team/a/blobs/uploads/', upload)
        expect(seen.headers['www-authenticate']).toContain('error="insufficient_scope"')
        await expectTheRegistrysOwn('/v2/_catalog?n=1', { method: 'GET', token })
        await expectTheRegistrysOwn(`/v2/team/a/blobs/${digest}`, { method: 'DELETE', token })
      }
    })

    test('nobody who is not signed in is told anything but to sign in', async () => {
      const token = await tokenOf(null, 'repository:team/a:pull,push')
      for (const method of ['GET', 'PUT', 'DELETE']) {
        await expectTheRegistrysOwn('/v2/team/a/manifests/1', { method, token })
      }
    })

    test('a token that has ended, is another’s, or is none gets the registry’s own answer', async () => {
      const folder = join(site.dockwarden.folder, 'keys')
      const clock = () => new Date()
      const log = recordedLog()
      const authority = await openCertificateAuthority({ folder, purpose: 'token', clock, log })
      const leaf = await makeLeafKey(authority, clock())
      const now = Math.floor(Date.now() / 1000)
      const { jti } = payloadOf(await tokenOf('bob', 'repository:team/a:push'))
      const ended = forge({
        header: headerOfLeaf(leaf),
        claims: claims({ sub: 'bob', jti, iat: now - 400, nbf: now - 460, exp: now - 100 }),
        signature: es256(leaf.privateKey),
      })
      const tokens = {
        ended,
        forged: `${ended.slice(0, -4)}AAAA`,
        none: 'x',
        long: 'x'.repeat(7680),
      }
      for (const [name, token] of Object.entries(tokens)) {
        const upload = { method: 'POST', token }
        const seen = await expectTheRegistrysOwn('/v2/team/a/blobs/uploads/', upload)
        if (version === 2)
          expect(seen.headers['www-authenticate'], name).toContain('error="invalid_token"')
      }
    })

    test('a HEAD stays 401, because its answer could not say why', async () => {
      const token = await tokenOf('bob', 'repository:private/x:pull')
      const path = '/v2/private/x/manifests/1'
      await expectTheRegistrysOwn(path, { method: 'HEAD', token })
    })

    test('a HEAD before an upload is 404, so that the client goes on to where it is told why', async () => {
      const token = await tokenOf('bob', 'repository:private/x:pull,push')
      const path = `/v2/private/x/blobs/${digest}`
      expect(await through(path, { method: 'HEAD', token })).toMatchObject({
        status: 404,
        body: '',
      })
      const upload = { method: 'POST', token }
      expect(await through('/v2/private/x/blobs/uploads/', upload)).toMatchObject({ status: 403 })
      await expectTheRegistrysOwn('/v2/private/y/manifests/1', { method: 'HEAD', token })
    })

    test('a mount of what may not be pulled stays 401, so that clients upload instead', async () => {
      const path = `/v2/team/a/blobs/uploads/?mount=${digest}&from=private%2Fx`
      const scopes = ['repository:team/a:pull,push', 'repository:private/x:pull']
      const alice = { method: 'POST', token: await tokenOf('alice', ...scopes) }
      await expectTheRegistrysOwn(path, alice)
      const bob = { method: 'POST', token: await tokenOf('bob', ...scopes) }
      expect(await through(path, bob)).toMatchObject({
        status: 403,
        body: expect.stringContaining('bob may not push to team/a'),
      })
    })

    test('what the registry refuses for another reason is untouched', async () => {
      const token = await tokenOf('alice', 'repository:team/nothing:pull,push')
      const questions = [
        ['GET', '/v2/team/nothing/tags/list', 404],
        ['GET', '/v2/no/such/route', 404],
        ['PUT', '/v2/team/nothing/manifests/1', 400],
        ['POST', '/v2/team/nothing/tags/list', 405],
      ] as const
      for (const [method, path, status] of questions) {
        const [own, seen] = [
          await direct(path, { method, token }),
          await through(path, { method, token }),
        ]
        expect(own.status).toBe(status)
        expect(seen).toEqual(own)
      }
    })

    test('a refused upload gets its reason, and Dockwarden none of its bytes', async () => {
      const token = await tokenOf('bob', 'repository:team/a:pull,push')
      const path = '/v2/team/a/blobs/uploads/8c6c15a4-4af7-4fdb-a784-facd2a02f62e?_state=x'
      for (const headers of [{ 'transfer-encoding': 'chunked' }, { 'content-length': '1000' }]) {
        const seen = await through(path, { method: 'PATCH', token, body, headers })
        expect(seen).toMatchObject({ status: 403, body: expect.stringContaining('may not push') })
      }
    })

    test('headers that are too many for Dockwarden leave the 401', async () => {
      const token = await tokenOf('bob', 'repository:team/a:pull,push')
      const path = `/v2/team/a/blobs/uploads/?_state=${'x'.repeat(15_000)}`
      expect(await through(path, { method: 'POST', token })).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': expect.stringContaining('Bearer realm=') },
      })
    })

    test('the rules of this moment count, for the token of a moment ago', async () => {
      const token = await tokenOf('bob', 'repository:team/a:pull,push')
      const upload = { method: 'POST', token }
      expect((await through('/v2/team/a/blobs/uploads/', upload)).status).toBe(403)
      const before = readFileSync(site.dockwarden.configFile, 'utf8')
      const rule = '  - { who: "user:bob", may: push, on: "team/**" }\n'
      const { event } = await site.dockwarden.reload(before.replace('rules:\n', `rules:\n${rule}`))
      expect(event).toBe('reload')
      const seen = await through('/v2/team/a/blobs/uploads/', upload)
      await site.dockwarden.reload(before)
      expect(seen).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': expect.stringContaining('insufficient_scope') },
      })
    })

    test('Dockwarden asked directly tells the holder of a token the same, and nobody else anything', async () => {
      const token = await tokenOf('bob', 'repository:team/a:pull,push')
      const original = {
        'x-original-method': 'POST',
        'x-original-uri': '/v2/team/a/blobs/uploads/',
      }
      const { port } = site.dockwarden
      const asked = await ask(port, '/registry-denial', { token, headers: original })
      expect(asked).toMatchObject({ status: 403, body: expect.stringContaining('may not push') })
      for (const question of [
        {},
        { headers: original },
        { token },
        { token: 'x', headers: original },
      ])
        expect((await ask(port, '/registry-denial', question)).status).toBe(401)
      expect((await through('/registry-denial', { token, headers: original })).status).toBe(404)
    })

    test('where Dockwarden hangs or is gone, clients get a 401, and never a 5xx', async () => {
      const { folder, port, configFile, process } = site.dockwarden
      const token = await tokenOf('bob', 'repository:team/a:pull,push')
      const upload = { method: 'POST', token }
      const plain = {
        status: 401,
        headers: {
          'content-type': 'application/json',
          'www-authenticate': expect.stringMatching(
            /^Bearer realm=".+",scope="repository:team\/a:.+",error="insufficient_scope"$/,
          ),
        },
        body: '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}\n',
      }
      process.freeze()
      const start = performance.now()
      const hanging = await through('/v2/team/a/blobs/uploads/', upload)
      process.signal('SIGCONT')
      expect(hanging).toMatchObject(plain)
      expect(performance.now() - start).toBeLessThan(30_000)

      await site.dockwarden.stop()
      expect(await through('/v2/team/a/blobs/uploads/', upload)).toMatchObject(plain)
      const path = '/v2/team/a/blobs/uploads/8c6c15a4-4af7-4fdb-a784-facd2a02f62e?_state=x'
      expect((await through(path, { method: 'PATCH', token, body })).status).toBe(401)

      await using _again = await startDockwarden({ folder, port, configFile })
      // It has forgotten the token: the client asks for a larger one, and that one it will know.
      await expectTheRegistrysOwn('/v2/team/a/blobs/uploads/', upload)
      const next = { method: 'POST', token: await tokenOf('bob', 'repository:team/a:pull,push') }
      expect((await through('/v2/team/a/blobs/uploads/', next)).status).toBe(403)
    })
  })
}

async function ask(port: number, path: string, question: Question): Promise<Answer> {
  const { method = 'GET', token, headers = {}, body } = question
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return await new Promise((resolve, reject) => {
    const sent = request(
      { port, path, method, headers: { ...authorization, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const own = ['server', 'date', 'connection', 'transfer-encoding', 'content-length']
          const kept = Object.entries(response.headers).filter(([name]) => !own.includes(name))
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(kept.map(([name, value]) => [name, `${value}`])),
            body: Buffer.concat(chunks).toString(),
          })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Registries write the actions of a challenge in an order of chance. */
function sorted(answer: Answer): Answer {
  const challenge = answer.headers['www-authenticate']
  if (challenge === undefined) return answer
  const words = challenge.replace(/scope="([^"]*)"/, (_, scope: string) =>
    scope
      .split(' ')
      .map((each) => each.replace(/[a-z,*]+$/, (actions) => actions.split(',').sort().join()))
      .sort()
      .join(' '),
  )
  return { ...answer, headers: { ...answer.headers, 'www-authenticate': words } }
}

/** What a client goes by. */
function comparable(answer: Answer): object {
  const { status, headers, body } = sorted(answer)
  return {
    status,
    challenge: headers['www-authenticate'],
    version: headers['docker-distribution-api-version'],
    type: headers['content-type']?.replace(/;.*/, ''),
    body: body.trimEnd(),
  }
}

function payloadOf(token: string): { readonly jti: string } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

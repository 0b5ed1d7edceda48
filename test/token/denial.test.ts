import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Subject } from '../../src/authentication/authenticator.ts'
import { compilePolicy } from '../../src/authorization/policy.ts'
import { parsePrincipal, type Rule } from '../../src/authorization/rule.ts'
import { clientAddressReader } from '../../src/http/client-address.ts'
import { denialRoutes } from '../../src/http/denial-routes.ts'
import { createPinoLog } from '../../src/pino-log.ts'
import { parseScopes } from '../../src/protocol/scope.ts'
import { type OpenTokenSigner, openTokenSigner } from '../../src/signing/token-signer.ts'
import { TokenVerifier } from '../../src/signing/token-verifier.ts'
import { claimsOf } from '../../src/token/claims.ts'
import { DenialService, type DenialSettings } from '../../src/token/denial.ts'
import { RecentDecisions, rememberIfLess } from '../../src/token/recent-decisions.ts'
import { recordedLog } from '../signing/recorded-log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const clock = () => new Date()
const services = new Map([['registry.example.com', 300]])
const service = 'registry.example.com'
const issuer = 'dockwarden'

let signer: OpenTokenSigner
beforeAll(async () => {
  const keysFolder = temporaryFolder('keys')
  signer = await openTokenSigner({ keysFolder, clock, log: recordedLog() })
})
afterAll(() => signer?.close())

function rule(name: string, who: string, on: string, rest: Partial<Rule> = {}): Rule {
  const principal = parsePrincipal(who)
  if (typeof principal === 'string') throw new Error(principal)
  const given: Rule = { name, origin: 'test:1', who: [principal], may: [], mayNot: [], on: [on] }
  return { ...given, ...rest }
}

const rules = [
  rule('developers pull', 'group:dev', '**', { may: ['pull'] }),
  rule('developers push', 'group:dev', 'prod/**', { may: ['push', 'delete'] }),
  rule('nobody deletes releases', 'anyone', 'prod/releases/**', { mayNot: ['push', 'delete'] }),
  rule('contractors see nothing', 'group:contractors', 'prod/secret', { mayNot: ['pull'] }),
  rule('from the office', 'user:alice', 'office/**', {
    may: ['push'],
    when: { network: ['192.0.2.0/24'] },
  }),
]

const alice: Subject = {
  id: '1',
  name: 'alice',
  kind: 'user',
  groups: [{ name: 'dev', origin: 'accounts' }],
  backend: 'accounts',
}

const policies = { current: async () => compilePolicy(rules) }
const none: DenialSettings = { contact: undefined, detail: 'none' }

function opened(settings: DenialSettings = none) {
  const recentDecisions = new RecentDecisions()
  const verifier = new TokenVerifier(signer.caCertificate, clock)
  const parts = { issuer, services, policies, settings, verifier, recentDecisions, clock }
  return { recentDecisions, denials: new DenialService(parts) }
}

/** A token that gives nothing of what was asked, and is remembered for it. */
async function refusedToken(
  recentDecisions: RecentDecisions,
  subject: Subject | null,
  scope = 'repository:a:push',
): Promise<string> {
  const grant = { subject, service, access: [] }
  const claims = claimsOf(grant, issuer, 300, clock(), `${Math.random()}`)
  const token = await signer.sign(claims)
  const { scopes, malformed } = parseScopes([scope])
  const request = { service, scopes, malformedScopes: malformed, proof: { kind: 'none' } } as const
  const circumstances = { service, address: '192.0.2.1', time: clock() }
  const outcome = { kind: 'issued', token, claims, grant, rules: [], circumstances } as const
  rememberIfLess(recentDecisions, request, outcome, { requestId: 'before', address: '192.0.2.1' })
  return token
}

const asked = (token: string, method: string, uri: string, address = '198.51.100.1') => ({
  ...{ method, uri, address, requestId: 'the-id' },
  authorization: [`Bearer ${token}`],
})

describe('the sentence', () => {
  const cases = [
    {
      settings: none,
      method: 'POST',
      uri: '/v2/prod/releases/api/blobs/uploads/',
      sentence: 'alice may not push to prod/releases/api (request the-id)',
    },
    {
      settings: { contact: '#platform', detail: 'none' },
      method: 'DELETE',
      uri: '/v2/stage/api/manifests/sha256:00',
      sentence: 'alice may not delete from stage/api; ask #platform (request the-id)',
    },
    {
      settings: { contact: '#platform', detail: 'rule' },
      method: 'PUT',
      uri: '/v2/prod/releases/api/manifests/1',
      sentence:
        'alice may not push to prod/releases/api, because the rule "nobody deletes releases" denies it; ask #platform (request the-id)',
    },
    {
      settings: { contact: undefined, detail: 'rule' },
      method: 'PATCH',
      uri: '/v2/stage/api/blobs/uploads/8c6c15a4',
      sentence: 'alice may not push to stage/api, because no rule gives it (request the-id)',
    },
    {
      settings: none,
      method: 'GET',
      uri: '/v2/_catalog',
      sentence: 'alice may not list the catalog (request the-id)',
    },
    {
      // What another network would give is not given here.
      settings: none,
      method: 'POST',
      uri: '/v2/office/api/blobs/uploads/',
      sentence: 'alice may not push to office/api (request the-id)',
    },
  ] as const
  test.each(cases)('$sentence', async ({ settings, method, uri, sentence }) => {
    const { denials, recentDecisions } = opened(settings)
    const token = await refusedToken(recentDecisions, alice)
    expect(await denials.judge(asked(token, method, uri))).toMatchObject({
      kind: 'denied',
      sentence,
    })
  })

  test('a pull that is denied to a group that may only be meant is denied, and its rule named', async () => {
    const { denials, recentDecisions } = opened({ contact: undefined, detail: 'rule' })
    const doubtfulGroups = [{ name: 'contractors', origin: 'two of this name' }]
    const token = await refusedToken(recentDecisions, { ...alice, doubtfulGroups })
    expect(await denials.judge(asked(token, 'GET', '/v2/prod/secret/tags/list'))).toMatchObject({
      sentence:
        'alice may not pull from prod/secret, because the rule "contractors see nothing" denies it (request the-id)',
    })
  })
})

test.each([
  ['push', 'absent'],
  ['pull,push', 'absent'],
  ['pull', 'unauthorized'],
  ['pull,push,delete', 'unauthorized'],
  ['*', 'unauthorized'],
])('a HEAD of what may not be pulled, by a token that was to %s: %s', async (actions, kind) => {
  const { denials, recentDecisions } = opened()
  const bob = { ...alice, name: 'bob', groups: [] }
  const token = await refusedToken(recentDecisions, bob, `repository:prod/api:${actions}`)
  const head = (path: string) => denials.judge(asked(token, 'HEAD', `/v2/${path}/manifests/1`))
  expect((await head('prod/api')).kind).toBe(kind)
  expect((await head('prod/web')).kind).toBe('unauthorized')
})

test('a denial is remembered by its request id, with who, what, where and which rules', async () => {
  const { denials, recentDecisions } = opened()
  const token = await refusedToken(recentDecisions, alice)
  await denials.judge(asked(token, 'PUT', '/v2/prod/releases/api/manifests/1'))
  const decision = recentDecisions.byRequestId('the-id')
  expect(JSON.parse(JSON.stringify(decision))).toEqual({
    requestId: 'the-id',
    kind: 'denial',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    subject: alice,
    service,
    address: '198.51.100.1',
    asked: [{ type: 'repository', name: 'prod/releases/api', actions: ['pull', 'push'] }],
    malformed: [],
    granted: [{ type: 'repository', name: 'prod/releases/api', actions: ['pull'] }],
    rules: [
      'developers push (test:1)',
      'developers pull (test:1)',
      'nobody deletes releases (test:1)',
    ],
  })
  expect(JSON.stringify(decision)).not.toContain(token.slice(-20))
})

describe('nothing is denied', () => {
  test.each([
    ['what the rules give', 'POST', '/v2/prod/api/blobs/uploads/', '198.51.100.1'],
    ['what they give from there', 'POST', '/v2/office/api/blobs/uploads/', '192.0.2.7'],
    ['a HEAD', 'HEAD', '/v2/office/api/manifests/1', '198.51.100.1'],
    ['the base of the API', 'GET', '/v2/', '198.51.100.1'],
    ['what does not parse', 'POST', '/v2/Office/blobs/uploads/', '198.51.100.1'],
    [
      'a mount of what may not be pulled',
      'POST',
      '/v2/prod/api/blobs/uploads/?mount=sha256:00&from=prod/secret',
      '198.51.100.1',
    ],
  ])('%s', async (_name, method, uri, address) => {
    const { denials, recentDecisions } = opened()
    const contractor = { ...alice, groups: [...alice.groups, { name: 'contractors', origin: 'x' }] }
    const token = await refusedToken(recentDecisions, contractor)
    expect((await denials.judge(asked(token, method, uri, address))).kind).toBe('unauthorized')
  })

  test('to a token that was given all that it asked for: a larger one may be', async () => {
    const { denials, recentDecisions } = opened()
    const token = await refusedToken(recentDecisions, alice, '')
    const outcome = await denials.judge(asked(token, 'POST', '/v2/office/api/blobs/uploads/'))
    expect(outcome.kind).toBe('unauthorized')
  })

  test('to nobody in particular, to two tokens at once, and to a token that is none', async () => {
    const { denials, recentDecisions } = opened()
    const good = asked(await refusedToken(recentDecisions, alice), 'GET', '/v2/_catalog')
    expect((await denials.judge(good)).kind).toBe('denied')
    const [bearer = ''] = good.authorization
    const anonymous = `Bearer ${await refusedToken(recentDecisions, null)}`
    const wrong = [
      [],
      [anonymous],
      [bearer, bearer],
      [bearer.slice(7)],
      [`${bearer} x`],
      ['Bearer '],
    ]
    for (const authorization of [...wrong, [`${bearer}x`], [bearer.replace('Bearer', 'Basic')]]) {
      expect((await denials.judge({ ...good, authorization })).kind).toBe('unauthorized')
    }
  })

  test('to a token of a service that is none of ours any more', async () => {
    const { recentDecisions } = opened()
    const token = await refusedToken(recentDecisions, alice)
    const verifier = new TokenVerifier(signer.caCertificate, clock)
    const parts = { issuer, policies, settings: none, verifier, clock }
    const denials = new DenialService({ ...parts, services: new Map(), recentDecisions })
    expect((await denials.judge(asked(token, 'GET', '/v2/_catalog'))).kind).toBe('unauthorized')
  })
})

test('B38: hostile names break neither the JSON, nor the terminal, nor the log', async () => {
  const hostile = [
    ...['"},{"code":"', '\\', "'; rm -rf /", '\u001b[2J\u001b[31m', '\r\nX-Evil: 1', '\u0000'],
    ...[
      '\u202egnp.exe',
      '\u2028',
      '\u009b31m',
      'älïce ☃',
      '\ud800',
      'n'.repeat(255),
      '\u0000'.repeat(255),
    ],
  ]
  for (const text of hostile) {
    const { denials, recentDecisions } = opened({ contact: text, detail: 'rule' })
    const lines: string[] = []
    const log = createPinoLog('info', { write: (line) => lines.push(line) })
    const parts = { denialService: () => denials, clientAddress: clientAddressReader([]), log }
    const server = express().use(denialRoutes(parts)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const token = await refusedToken(recentDecisions, { ...alice, name: text })
      const { port } = server.address() as AddressInfo
      const response = await fetch(`http://127.0.0.1:${port}/registry-denial`, {
        headers: {
          authorization: `Bearer ${token}`,
          'x-original-method': 'DELETE',
          'x-original-uri': '/v2/a/manifests/1',
        },
      })
      expect(response.status).toBe(403)
      const body = await response.text()
      const { errors } = JSON.parse(body)
      expect(errors).toHaveLength(1)
      const { message } = errors[0]
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
      expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/)
      expect(message).toMatch(
        / may not delete from a, because no rule gives it; ask .*\(request [0-9a-f-]{36}\)$/,
      )
      expect(lines).toHaveLength(1)
      expect(Buffer.byteLength(lines[0] ?? '')).toBeLessThan(8192)
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'denial' })
    } finally {
      server.close()
      server.closeAllConnections()
    }
  }
})

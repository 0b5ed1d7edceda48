import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { logDecision } from '../../src/http/decision-log.ts'
import { createPinoLog } from '../../src/pino-log.ts'
import { claimsOf } from '../../src/token/claims.ts'
import { readTokenForm, readTokenQuery } from '../../src/token/token-request.ts'

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** The lines that a decision leaves in a real pino log. */
function lines(record: Partial<Parameters<typeof logDecision>[1]>): string[] {
  const written: string[] = []
  const log = createPinoLog('info', { write: (line) => written.push(line) })
  logDecision(log, {
    requestId: 'id',
    client: '192.0.2.1',
    method: 'GET',
    status: 401,
    duration: 1.23456,
    ...record,
  })
  void log.close()
  return written
}

test('B38: whatever a client writes, one decision is one JSON line under 8 kB', () => {
  const hostile = [
    '\n{"level":"info"}',
    '\u0000',
    '\u001b[2J',
    '"},{"',
    '\u2028',
    '\u009b31m\u0085\u202e',
    'x'.repeat(16_000),
    '\u0000'.repeat(500),

    'é'.repeat(4_000),
  ]
  for (const text of hostile) {
    const scopes = new URLSearchParams(
      Array.from({ length: 32 }, (): [string, string] => [
        'scope',
        `${text.slice(0, 400)}${Math.random()}`,
      ]),
    )
    const query = `service=${encodeURIComponent(text)}&${scopes}`
    const request = readTokenQuery(query, [basic(text.replace(/\p{Cc}/gu, ''), 'x')])
    const written = lines({
      request,
      outcome: { kind: 'refused', reason: 'no backend knows this name' },
    })
    expect(written).toHaveLength(1)
    expect(written[0]?.trimEnd()).not.toContain('\n')
    expect(written[0]?.trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202e]/u)
    expect(Buffer.byteLength(written[0] ?? '')).toBeLessThan(8192)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      event: 'token',
      status: 401,
      duration: 1.2,
    })
  }
})

test('B38: so is the longest line of all: every list full, and every name as long as can be', () => {
  const scopes = Array.from(
    { length: 16 },
    (_, index) => `repository:${'a'.repeat(250)}/${index}:pull`,
  )
  const query = new URLSearchParams([
    ['service', '\u0001'.repeat(300)],
    ...scopes.map((scope): [string, string] => ['scope', scope]),
    ...scopes.map((scope): [string, string] => ['scope', `${scope}é!`]),
  ])
  const name = 'é'.repeat(1_024)
  const request = readTokenQuery(String(query), [basic(name, 'x')])
  const rule = { origin: 'dockwarden.yml:12345', who: [], may: [], mayNot: [], on: [] }
  const rules = Array.from({ length: 50 }, () => ({ ...rule, name: 'é'.repeat(1_000) }))
  const subject = { id: name, name, kind: 'user', groups: [], backend: 'b'.repeat(64) } as const
  const access = request.scopes.map((scope) => ({ ...scope, actions: ['pull'] as const }))
  const grant = { subject, service: request.service, access }
  const claims = claimsOf(grant, 'dockwarden', 300, new Date(0), randomUUID())
  const circumstances = { service: request.service, address: '192.0.2.1', time: new Date(0) }
  const outcome = { kind: 'issued', token: '', claims, grant, rules, circumstances } as const
  const [line = ''] = lines({ status: 200, request, outcome, client: 'f'.repeat(45) })
  expect(JSON.parse(line)).toMatchObject({ event: 'token', jti: claims.jti })
  expect(Buffer.byteLength(line)).toBeLessThan(8192)
})

test('A7: no password reaches the line, whichever way it came', () => {
  const requests = [
    readTokenQuery('service=s&scope=repository:a:pull', [basic('alice', 'hunter2')]),
    readTokenForm('grant_type=password&service=s&client_id=c&username=alice&password=hunter2'),
    readTokenForm('grant_type=refresh_token&service=s&client_id=c&refresh_token=hunter2'),
  ]
  for (const request of requests) {
    const [line = ''] = lines({
      request,
      outcome: { kind: 'refused', reason: 'wrong password', backend: 'accounts' },
    })
    expect(line).not.toContain('hunter2')
    expect(line).not.toContain(Buffer.from('alice:hunter2').toString('base64'))
    expect(JSON.parse(line)).toMatchObject({
      service: 's',
      reason: 'wrong password',
      backend: 'accounts',
    })
  }
})

test('A7: what a library attaches to its error stays out of the log', () => {
  const error = Object.assign(new Error('broken'), {
    body: 'password=hunter2',
    headers: { authorization: 'hunter2' },
  })
  const [line = ''] = lines({ status: 500, error })
  expect(line).toContain('broken')
  expect(line).not.toContain('hunter2')
})

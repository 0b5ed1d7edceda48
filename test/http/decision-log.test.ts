import { expect, test } from 'vitest'
import { logDecision } from '../../src/http/decision-log.ts'
import { createPinoLog } from '../../src/pino-log.ts'
import { readTokenForm, readTokenQuery } from '../../src/token/token-request.ts'

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
    const basic = `Basic ${Buffer.from(`${text.replace(/\p{Cc}/gu, '')}:x`).toString('base64')}`
    const request = readTokenQuery(query, [basic])
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

test('A7: no password reaches the line, whichever way it came', () => {
  const basic = `Basic ${Buffer.from('alice:hunter2').toString('base64')}`
  const requests = [
    readTokenQuery('service=s&scope=repository:a:pull', [basic]),
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

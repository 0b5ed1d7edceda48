/** What every refusal looks like, whoever is refused and why (B12). */

import { expect } from 'vitest'
import type { Answer } from './ask.ts'

interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

const codes: Readonly<Record<number, string>> = {
  400: 'UNSUPPORTED',
  401: 'UNAUTHORIZED',
  404: 'UNSUPPORTED',
  405: 'UNSUPPORTED',
  413: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
}

/** @returns the sentence that the client is told */
export function expectRefusal(answer: Refusal, status: number): string {
  expect(answer.status, answer.text).toBe(status)
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers).not.toHaveProperty('x-powered-by')
  expect(answer.headers).not.toHaveProperty('location')
  const body = JSON.parse(answer.text) as Record<string, unknown>
  const [error, ...more] = body['errors'] as Record<string, unknown>[]
  expect(more).toEqual([])
  const requestId = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(String(error?.['detail']))?.[0]
  expect(requestId, 'a request id to quote').toBeDefined()
  expect(answer.headers['x-request-id']).toBe(requestId)
  const message = String(error?.['message'])
  expect(error).toMatchObject({ code: codes[status] })
  expect(body['details']).toContain(message)
  expect(body['error']).toMatch(/^[a-z_]+$/)
  expect(body['error_description']).toContain(message)
  // Nothing of what is inside: a stack, a path, a query, a library, a backend.
  expect(answer.text).not.toMatch(/\n\s+at |node_modules|\.[jt]s\b|\/(src|dist|tmp|home|root)\//)
  expect(answer.text).not.toMatch(
    /sqlite|select |insert |kysely|bcrypt|express|htpasswd|ECONN|ENOENT/i,
  )
  expect(answer.text).not.toMatch(
    /ldap|slapd|directory|\b(?:dc|cn|ou|uid)=|objectClass|result code|\bbind\b|127\.0\.0\.1/i,
  )
  return message
}

/** Everything of an answer that a client sees, but for its date and its request id. */
export function seen({ status, rawHeaders, text }: Answer): unknown {
  const headers = rawHeaders.map((value, index) => (isVarying(rawHeaders[index - 1]) ? '…' : value))
  return { status, headers, text: text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…') }
}

const isVarying = (name = '') => ['date', 'x-request-id'].includes(name.toLowerCase())

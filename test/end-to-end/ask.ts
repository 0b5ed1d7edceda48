/** How the tests ask a server for a token, and what they check of every token that they get. */

import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { decodeProtectedHeader, importX509, type JWTPayload, jwtVerify } from 'jose'
import { expect } from 'vitest'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly text: string
  /** Milliseconds from the call to the end of the body. */
  readonly duration: number
  /** The body. @throws where it is not JSON */
  json(): Record<string, unknown>
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
  readonly agent?: Agent
  readonly timeout?: number
}

const sharedAgent = new Agent({ keepAlive: true, maxSockets: 50 })

/** One request, its path and its headers exactly as given. @throws where no answer comes */
export function ask(url: string, options: Ask = {}): Promise<Answer> {
  const { method = 'GET', body, timeout = 20_000 } = options
  const { hostname, port } = new URL(url)
  // Not from a URL object: it would mend the very paths that the tests want to send.
  const path = url.replace(/^http:\/\/[^/]+/, '') || '/'
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        path,
        method,
        agent: options.agent ?? sharedAgent,
        headers: options.headers as Record<string, string | string[]>,
        timeout,
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            rawHeaders: incoming.rawHeaders,
            text,
            duration: performance.now() - start,
            json: () => JSON.parse(text) as Record<string, unknown>,
          })
        })
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeout} ms`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

export interface Login {
  readonly user: string
  readonly password: string
  /** The client's address, where the server trusts 127.0.0.1 as a proxy. */
  readonly from?: string
}

const forwarded = (from: string | undefined) =>
  from === undefined ? {} : { 'x-forwarded-for': from }

/** A GET for a token, one `scope` parameter for each scope. */
export function getToken(
  server: { readonly url: string },
  scopes: readonly string[],
  login?: Login | null,
  service = 'registry',
  from = login?.from,
): Promise<Answer> {
  const query = new URLSearchParams({ service })
  for (const scope of scopes) query.append('scope', scope)
  return ask(`${server.url}/token?${query}`, {
    headers: {
      ...(login ? { authorization: basic(login.user, login.password) } : {}),
      ...forwarded(from),
    },
  })
}

export const formType = 'application/x-www-form-urlencoded'

/** A POST of the OAuth2 form, all scopes in one parameter. */
export function postToken(
  server: { readonly url: string },
  scopes: readonly string[],
  login: Login,
  service = 'registry',
): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'password',
    client_id: 'test',
    service,
    username: login.user,
    password: login.password,
    scope: scopes.join(' '),
  })
  return ask(`${server.url}/token`, {
    method: 'POST',
    headers: { 'content-type': formType, ...forwarded(login.from) },
    body: form.toString(),
  })
}

export interface TokenAccess {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

export interface TokenClaims extends JWTPayload {
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly exp: number
  readonly nbf: number
  readonly iat: number
  readonly jti: string
  readonly access: readonly TokenAccess[]
}

/**
 * Verifies an answer's token as a registry does that knows nothing but the CA's certificate, checks
 * every claim that does not depend on who asked for what, and returns the claims.
 */
export async function claimsOf(
  answer: Answer,
  server: { readonly rootCertBundle: string },
  service = 'registry',
): Promise<TokenClaims> {
  expect(answer.status, answer.text).toBe(200)
  const body = answer.json()
  const token = String(body['token'])
  expect(body['access_token']).toBe(token)
  const header = decodeProtectedHeader(token)
  const [leafText, ...more] = header.x5c ?? []
  expect(more, 'one certificate').toEqual([])
  const leaf = new X509Certificate(Buffer.from(String(leafText), 'base64'))
  const authority = new X509Certificate(readFileSync(server.rootCertBundle))
  expect(leaf.verify(authority.publicKey), 'signed by the CA').toBe(true)
  expect(leaf.issuer).toBe(authority.subject)
  expect(Date.parse(leaf.validFrom)).toBeLessThan(Date.now() - 60_000)
  expect(header).toEqual({ typ: 'JWT', alg: 'ES256', kid: libtrustId(leaf), x5c: [leafText] })

  const key = await importX509(leaf.toString(), 'ES256')
  const { payload } = await jwtVerify(token, key, {
    algorithms: ['ES256'],
    audience: service,
    issuer: 'dockwarden',
  })
  const claims = payload as unknown as TokenClaims
  expect(Object.keys(claims).sort()).toEqual(
    ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'access'].sort(),
  )
  for (const time of [claims.exp, claims.nbf, claims.iat]) expect(time).toBeTypeOf('number')
  expect(claims.aud).toBe(service)
  expect(claims.nbf).toBe(claims.iat - 60)
  expect(Math.abs(claims.iat - Date.now() / 1000)).toBeLessThan(60)
  expect(claims.exp).toBeLessThan(Date.parse(leaf.validTo) / 1000)
  expect(body['expires_in']).toSatisfy(Number.isInteger)
  expect(body['expires_in']).toBeGreaterThanOrEqual(60)
  expect(claims.exp - claims.iat).toBeGreaterThanOrEqual(Number(body['expires_in']))
  expect(body['issued_at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  expect(Math.abs(Date.parse(String(body['issued_at'])) / 1000 - claims.iat)).toBeLessThanOrEqual(1)
  expect(body).not.toHaveProperty('refresh_token')
  return claims
}

/** libtrust's key id: 30 bytes of the SHA-256 of the SPKI in base32, a colon after every four signs. */
function libtrustId(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const bits = [...createHash('sha256').update(spki).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)],
  )
  return (letters.join('').match(/.{4}/g) ?? []).join(':')
}

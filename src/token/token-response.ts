/** The body of an answered token request (distribution's token.md and oauth.md). */

import { formatScope } from '../protocol/scope.ts'
import type { TokenOutcome } from './token-service.ts'

/**
 * `token` is what GET clients read and `access_token` what OAuth2 clients read: the same text.
 * `expires_in` counts from `issued_at`, in seconds. A POST is also told which scopes were granted.
 */
export interface TokenResponse {
  readonly token: string
  readonly access_token: string
  readonly expires_in: number
  readonly issued_at: string
  readonly token_type?: 'Bearer'
  readonly scope?: string
}

export function tokenResponse(
  { token, claims }: Extract<TokenOutcome, { kind: 'issued' }>,
  method: 'GET' | 'POST',
): TokenResponse {
  const response = {
    token,
    access_token: token,
    expires_in: claims.exp - claims.iat,
    issued_at: new Date(claims.iat * 1000).toISOString(),
  }
  if (method === 'GET') return response
  return { ...response, token_type: 'Bearer', scope: claims.access.map(formatScope).join(' ') }
}

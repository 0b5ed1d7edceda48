/** The claims of a token, in the one form that registries 2.8, 3.0 and 3.1 all accept. */

import type { Subject } from '../authentication/authenticator.ts'
import type { Access } from '../protocol/access.ts'

/** The whole decision: who gets what at which registry. */
export interface Grant {
  /** null where nobody signed in. */
  readonly subject: Subject | null
  readonly service: string
  readonly access: readonly Access[]
}

/** RFC 7519 claims and distribution's `access`; times are whole seconds since 1970. */
export interface Claims {
  readonly iss: string
  readonly sub: string
  /** A string: registry 2.8 refuses an array. */
  readonly aud: string
  readonly exp: number
  readonly nbf: number
  readonly iat: number
  readonly jti: string
  readonly access: readonly Access[]
}

/** How far a registry's clock may lag behind ours, beyond the leeway that it grants itself; seconds. */
const backdating = 60

/** @param lifetime seconds */
export function claimsOf(
  grant: Grant,
  issuer: string,
  lifetime: number,
  now: Date,
  jti: string,
): Claims {
  const iat = Math.floor(now.getTime() / 1000)
  return {
    iss: issuer,
    sub: grant.subject?.name ?? '',
    aud: grant.service,
    exp: iat + lifetime,
    nbf: iat - backdating,
    iat,
    jti,
    access: grant.access,
  }
}

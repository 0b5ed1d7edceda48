/**
 * The body of every refusal, in the three forms that clients show to a person: docker, podman and
 * crane read `errors`, Docker Hub's clients `details`, OAuth2 clients `error` and `error_description`.
 */

/** The codes that docker maps to words of its own (distribution, errcode), and those of the token specification. */
export type ErrorBodyCode =
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  | 'UNAVAILABLE'
  | 'UNKNOWN'

/** Those of RFC 6749 §5.2 that we need, with the two server-side codes of §4.1.2.1. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'temporarily_unavailable'
  | 'server_error'

export interface ErrorBody {
  readonly errors: readonly [
    { readonly code: ErrorBodyCode; readonly message: string; readonly detail: string },
  ]
  readonly details: string
  readonly error: OAuthErrorCode
  readonly error_description: string
}

/**
 * @param message one sentence for the person at the keyboard
 * @param requestId what to quote to the operator; the log line of the same request carries it
 */
export function errorBody(
  code: ErrorBodyCode,
  error: OAuthErrorCode,
  message: string,
  requestId: string,
): ErrorBody {
  return {
    errors: [{ code, message, detail: `request id ${requestId}` }],
    details: `${message} (request id ${requestId})`,
    error,
    error_description: message,
  }
}

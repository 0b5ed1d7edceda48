/** The one error type with a stable code, which `http/` maps to a status. */

export type ErrorCode =
  | 'invalid_request'
  | 'unauthorized'
  | 'not_found'
  | 'method_not_allowed'
  | 'too_large'
  | 'conflict'
  | 'too_many_requests'
  | 'unavailable'
  /** The operator has to change something (a file, a permission, a key) before the program can go on. */
  | 'misconfigured'

/**
 * A failure that somebody can act on. `message` is written for the person who must fix it and is
 * safe to show to them: it never holds a secret. Whatever is not for their eyes goes into `cause`.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  /** Seconds after which it may go better; of `too_many_requests` and `unavailable`. */
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options?: ErrorOptions & { readonly retryAfter?: number },
  ) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
    this.retryAfter = options?.retryAfter
  }
}

/** What a throw says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

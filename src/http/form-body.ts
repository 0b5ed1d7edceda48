/** The body of a POST: an application/x-www-form-urlencoded form, and no more bytes of it than it may have. */

import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'

/** Room for 32 scopes with the longest names, a user name and a password; bytes. */
const maximumLength = 16_384
/** So much is read before a form is refused: whoever sent a little too much then sees the answer. */
const maximumRead = 65_536

/**
 * Express's own parsers read a body that is too large to its end before they refuse it, and attach
 * the raw body, password and all, to their errors.
 *
 * @throws AppError invalid_request (another type, compressed, cut off), too_large
 */
export async function readForm(request: IncomingMessage): Promise<string> {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
  // A compressed form has no honest use, and a small one can unpack to a large one.
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(type) || encoding !== 'identity') {
    throw new AppError(
      'invalid_request',
      'the body must be an application/x-www-form-urlencoded form, not compressed',
    )
  }
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maximumRead) throw tooLarge()
  const chunks: Buffer[] = []
  let length = 0
  try {
    // The connection has to outlive the reading: the refusal goes out on it.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      length += (chunk as Buffer).length
      if (length <= maximumLength) chunks.push(chunk as Buffer)
      if (length > maximumRead) break
    }
  } catch (error) {
    throw new AppError('invalid_request', 'the form ended before it was complete', { cause: error })
  }
  if (length > maximumLength) throw tooLarge()
  return Buffer.concat(chunks).toString()
}

function tooLarge(): AppError {
  return new AppError('too_large', `the form is larger than ${maximumLength} bytes`)
}

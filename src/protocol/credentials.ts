/** A user name and a password as a client sent them, and the Basic scheme (RFC 7617) that carries them. */

import { inspect } from 'node:util'

/** A secret that prints as `***` however it is logged; `reveal` is the one way to its text. */
export class Password {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [inspect.custom](): string {
    return '***'
  }
}

export interface Credentials {
  readonly username: string
  readonly password: Password
}

/** Longest accepted user name and password, in characters; anything longer is refused before any hash is computed. */
const maximumLength = 1024
// RFC 4648 §4, padding optional: Node's own decoder would also take base64url, spaces and trailing rubbish.
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
// RFC 7617 §2: neither the user-id nor the password may hold control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlPattern = /[\u0000-\u001f\u007f]/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads an `Authorization: Basic …` header. The user name ends at the first colon, the password may
 * hold more of them; the bytes are UTF-8.
 *
 * @returns undefined where the header is of another scheme or does not parse
 */
export function parseBasicCredentials(header: string): Credentials | undefined {
  const encoded = /^basic +(\S+)$/i.exec(header)?.[1]
  if (encoded === undefined || !base64Pattern.test(encoded)) return undefined
  let text: string
  try {
    text = utf8.decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
  const colon = text.indexOf(':')
  if (colon === -1) return undefined
  return credentials(text.slice(0, colon), text.slice(colon + 1))
}

/**
 * Credentials from any source. An empty user name or password is refused here, once for every
 * backend: a directory takes a bind with an empty password for an anonymous one and says yes.
 *
 * @returns undefined where nobody can have such a name or password
 */
export function credentials(username: string, password: string): Credentials | undefined {
  for (const text of [username, password]) {
    if (text === '' || text.length > maximumLength || controlPattern.test(text)) return undefined
  }
  if (username.includes(':')) return undefined
  return { username, password: new Password(password) }
}

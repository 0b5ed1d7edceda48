/** LDAP messages as bytes (RFC 4511): enough to answer as a broken or hostile directory would. */

/** A request's envelope. */
export interface LdapRequest {
  readonly id: number
  /** The operation's tag: one of `requests`. */
  readonly tag: number
  /** The whole message. */
  readonly bytes: Buffer
}

export const requests = { bind: 0x60, unbind: 0x42, search: 0x63, abandon: 0x50, extended: 0x77 }

/** RFC 4511 section 4.14.1. */
export const startTlsName = '1.3.6.1.4.1.1466.20037'

export function isStartTls({ tag, bytes }: LdapRequest): boolean {
  return tag === requests.extended && bytes.includes(startTlsName)
}

/** One element: tag, length in the shortest form, contents. */
export function element(tag: number, ...contents: readonly (Uint8Array | string)[]): Buffer {
  const content = Buffer.concat(contents.map((part) => Buffer.from(part)))
  const size = content.length
  const length = size < 0x80 ? [size] : [0x84, size >>> 24, size >>> 16, size >>> 8, size]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

function integer(value: number, tag = 0x02): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeInt32BE(value, 1)
  return element(tag, bytes.subarray(value < 0x80 ? 4 : 1))
}

/** An LDAPMessage around an operation. */
export function message(id: number, operation: Uint8Array): Buffer {
  return element(0x30, integer(id), operation)
}

function result(tag: number, code: number, text: string, ...more: readonly Buffer[]): Buffer {
  return element(tag, integer(code, 0x0a), element(0x04), element(0x04, text), ...more)
}

export function bindResponse(id: number, code: number, text = ''): Buffer {
  return message(id, result(0x61, code, text))
}

export function searchEntry(
  id: number,
  dn: string,
  attributes: Readonly<Record<string, readonly (string | Uint8Array)[]>>,
): Buffer {
  const lists = Object.entries(attributes).map(([name, values]) => {
    const set = element(0x31, ...values.map((value) => element(0x04, value)))
    return element(0x30, element(0x04, name), set)
  })
  return message(id, element(0x64, element(0x04, dn), element(0x30, ...lists)))
}

/** A search result reference: "this part of the tree is there". */
export function searchReference(id: number, ...urls: readonly string[]): Buffer {
  return message(id, element(0x73, ...urls.map((url) => element(0x04, url))))
}

export function searchDone(id: number, code = 0, text = ''): Buffer {
  return message(id, result(0x65, code, text))
}

/** The answer to StartTLS, and to any other extended request. */
export function extendedResponse(id: number, code: number, name = startTlsName): Buffer {
  return message(id, result(0x78, code, '', element(0x8a, name)))
}

/**
 * Takes the whole messages off the front of a stream. What does not look like LDAP, a TLS ClientHello for
 * one, stays in `rest` for ever.
 */
export function takeMessages(stream: Buffer): { messages: readonly LdapRequest[]; rest: Buffer } {
  const messages: LdapRequest[] = []
  let rest = stream
  for (;;) {
    const bounds = contentOf(rest)
    if (rest[0] !== 0x30 || bounds === undefined || bounds.end > rest.length)
      return { messages, rest }
    const bytes = rest.subarray(0, bounds.end)
    const idLength = bytes[bounds.start + 1] ?? 0
    const id = bytes.readUIntBE(bounds.start + 2, idLength)
    messages.push({ id, tag: bytes[bounds.start + 2 + idLength] ?? 0, bytes })
    rest = rest.subarray(bounds.end)
  }
}

/** Where an element's contents are; undefined where its length has not arrived. */
function contentOf(bytes: Buffer): { start: number; end: number } | undefined {
  const first = bytes[1]
  if (first === undefined) return undefined
  if (first < 0x80) return { start: 2, end: 2 + first }
  const start = 2 + (first & 0x7f)
  return bytes.length < start
    ? undefined
    : { start, end: start + bytes.readUIntBE(2, first & 0x7f) }
}

/**
 * Answers of a directory as bytes (RFC 4511 §4, §5.1): where a message ends, and whether its shape is that of
 * an answer. ldapts 8.2 takes a BindResponse without a result code for success, and one element that is
 * longer than what surrounds it keeps its parser in an endless loop: it gets to read only what passed here.
 */

/** Tags of the answers that we ask for. */
export const bindResponse = 0x61
export const searchResultEntry = 0x64
export const searchResultDone = 0x65
export const searchResultReference = 0x73
export const extendedResponse = 0x78

/** How an operation ended; codes are those of RFC 4511 §4.1.9. */
export interface LdapResult {
  readonly code: number
  /** The server's words for it, free of control characters. */
  readonly diagnostic: string
}

export interface LdapMessage {
  readonly bytes: Buffer
  readonly id: number
  /** The tag of what it is. */
  readonly operation: number
  /** Of the messages that end an operation. */
  readonly result: LdapResult | undefined
}

/** A fault of what a directory sent; the message completes "it sent …". */
export class MessageFault extends Error {}

/** Well-formed as far as it was read. Whoever may fill an entry can bring it about, at a server that is well. */
export class AnswerTooLarge extends MessageFault {}

/**
 * Both for the answers to one request. Two thousand groups of a person are a quarter of either; without the
 * second, a megabyte of empty values would become fifty of objects.
 */
const maximumBytes = 1024 * 1024
const maximumElements = 32_768

const boolean = 0x01
const integer = 0x02
const octetString = 0x04
const enumerated = 0x0a
const sequence = 0x30
const set = 0x31
const controls = 0xa0
/** What may follow the three fields of a result: referral, serverSaslCreds, responseName, responseValue. */
const resultTrailers = [0xa3, 0x87, 0x8a, 0x8b]

/** Cuts a stream into messages. The bounds hold from one `startAnswer` to the next. */
export class MessageReader {
  #chunks: Buffer[] = []
  /** Bytes of the chunks. */
  #held = 0
  /** Before so many are held, looking at them is of no use. */
  #needed = 2
  #bytesLeft = maximumBytes
  readonly #elementsLeft = { count: maximumElements }

  startAnswer(): void {
    this.#bytesLeft = maximumBytes
    this.#elementsLeft.count = maximumElements
  }

  /** There is the beginning of a message. */
  get isWithinMessage(): boolean {
    return this.#held > 0
  }

  /** @throws MessageFault */
  read(chunk: Buffer): readonly LdapMessage[] {
    this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) throw new AnswerTooLarge(`more than ${maximumBytes} bytes of answer`)
    this.#chunks.push(chunk)
    this.#held += chunk.length
    const messages: LdapMessage[] = []
    while (this.#held >= this.#needed) {
      // Chunks are joined once per message, however small they come.
      const [only = chunk] = this.#chunks
      const bytes = this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks)
      const length = messageLength(bytes)
      const isWhole = length !== undefined && length <= bytes.length
      if (isWhole) messages.push(parseMessage(bytes.subarray(0, length), this.#elementsLeft))
      const rest = isWhole ? bytes.subarray(length) : bytes
      this.#chunks = rest.length === 0 ? [] : [rest]
      this.#held = rest.length
      this.#needed = isWhole ? 2 : (length ?? rest.length + 1)
    }
    return messages
  }
}

/** @returns undefined where the bytes do not say yet */
function messageLength(bytes: Buffer): number | undefined {
  if (bytes[0] !== sequence) throw new MessageFault('something that is not LDAP')
  const header = readHeader(bytes, 0, bytes.length)
  if (header === undefined) return undefined
  const length = header.start + header.length
  if (length > maximumBytes) throw new AnswerTooLarge(`a message of ${length} bytes`)
  return length
}

/** @returns undefined where the bytes end within it */
function readHeader(
  bytes: Buffer,
  offset: number,
  end: number,
): { readonly start: number; readonly length: number } | undefined {
  if (offset + 2 > end) return undefined
  const first = bytes.readUInt8(offset + 1)
  if (first < 0x80) return { start: offset + 2, length: first }
  const size = first & 0x7f
  // §5.1 allows only the definite form; four bytes are more than any message may have.
  if (size === 0 || size > 4) throw new MessageFault('a length that LDAP does not allow')
  const start = offset + 2 + size
  return start > end ? undefined : { start, length: bytes.readUIntBE(offset + 2, size) }
}

function parseMessage(bytes: Buffer, elementsLeft: { count: number }): LdapMessage {
  const all = new Elements(bytes, elementsLeft)
  const envelope = all.take(sequence)
  const id = envelope.take(integer).integer()
  const operation = envelope.peek()
  const body = envelope.take(operation)
  const result = takeBody(operation, body)
  body.finish()
  if (!envelope.isEmpty) {
    const list = envelope.take(controls)
    while (!list.isEmpty) takeControl(list.take(sequence))
  }
  envelope.finish()
  return { bytes, id, operation, result }
}

function takeBody(operation: number, body: Elements): LdapResult | undefined {
  switch (operation) {
    case bindResponse:
    case searchResultDone:
    case extendedResponse: {
      const code = body.take(enumerated).integer()
      body.skip(octetString)
      const diagnostic = diagnosticText(body.take(octetString).text())
      while (!body.isEmpty) body.skip(...resultTrailers)
      return { code, diagnostic }
    }
    case searchResultEntry: {
      body.skip(octetString)
      const attributes = body.take(sequence)
      while (!attributes.isEmpty) takeAttribute(attributes.take(sequence))
      return undefined
    }
    case searchResultReference:
      while (!body.isEmpty) body.skip(octetString)
      return undefined
    default:
      throw new MessageFault(`a message of the unknown kind 0x${operation.toString(16)}`)
  }
}

function takeAttribute(attribute: Elements): void {
  attribute.skip(octetString)
  const values = attribute.take(set)
  while (!values.isEmpty) values.skip(octetString)
  attribute.finish()
}

function takeControl(control: Elements): void {
  control.skip(octetString)
  if (!control.isEmpty && control.peek() === boolean) control.skip(boolean)
  if (!control.isEmpty) control.skip(octetString)
  control.finish()
}

/** What is within one element, taken from its beginning; whatever was not expected there is a fault. */
class Elements {
  readonly #bytes: Buffer
  readonly #left: { count: number }
  readonly #end: number
  #offset: number

  constructor(bytes: Buffer, left: { count: number }, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#left = left
    this.#offset = start
    this.#end = end
  }

  get isEmpty(): boolean {
    return this.#offset === this.#end
  }

  peek(): number {
    if (this.isEmpty) throw new MessageFault('a message that lacks a part')
    return this.#bytes.readUInt8(this.#offset)
  }

  take(tag: number): Elements {
    const start = this.#enter(tag)
    return new Elements(this.#bytes, this.#left, start, this.#offset)
  }

  skip(...tags: readonly number[]): void {
    this.#enter(...tags)
  }

  finish(): void {
    if (!this.isEmpty) throw new MessageFault('a message with a part too many')
  }

  integer(): number {
    const length = this.#end - this.#offset
    if (length < 1 || length > 4) throw new MessageFault('a number that LDAP does not allow')
    return this.#bytes.readIntBE(this.#offset, length)
  }

  text(): string {
    return this.#bytes.toString('utf8', this.#offset, this.#end)
  }

  /** Goes behind the next element. @returns where its content begins */
  #enter(...tags: readonly number[]): number {
    if (!tags.includes(this.peek())) {
      throw new MessageFault('a message with a part of the wrong kind')
    }
    this.#left.count -= 1
    if (this.#left.count < 0) {
      throw new AnswerTooLarge(`more than ${maximumElements} parts of an answer`)
    }
    const header = readHeader(this.#bytes, this.#offset, this.#end)
    if (header === undefined || header.start + header.length > this.#end) {
      throw new MessageFault('a message with a part that is longer than the whole')
    }
    this.#offset = header.start + header.length
    return header.start
  }
}

/** Text of others for a log line: AD ends its own with a NUL, a hostile server could add lines and colours. */
export function diagnosticText(text: string): string {
  const clean = text.slice(0, 1000).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
  return clean.length > 300 ? `${clean.slice(0, 300).trim()}…` : clean.trim()
}

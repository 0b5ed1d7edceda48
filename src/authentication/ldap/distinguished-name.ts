/** Distinguished names in the string form of RFC 4514: read, compared and written. */

/** One attribute of a relative name; the type is in lower case, the value without escapes. */
interface NamePart {
  readonly type: string
  readonly value: string
}

/** The relative names, the entry's own first; each has one part, seldom more. */
export type DistinguishedName = readonly (readonly NamePart[])[]

const typePattern = / *([a-z][a-z0-9-]*|\d+(?:\.\d+)+) *= */iy
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a DN as directories and people write it: spaces around the separators do not count.
 *
 * @returns undefined where it is none, and where a value is in the form of raw BER (`#04…`), which no
 *   name that rules could speak of has
 */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const names: NamePart[][] = [[]]
  let position = 0
  for (;;) {
    typePattern.lastIndex = position
    const [type, attribute] = typePattern.exec(text) ?? []
    if (type === undefined || attribute === undefined) return undefined
    const raw = readRawValue(text, position + type.length)
    const value = raw === undefined ? undefined : unescapeValue(raw.text)
    if (raw === undefined || value === undefined) return undefined
    names.at(-1)?.push({ type: attribute.toLowerCase(), value })
    if (raw.end === text.length) return names
    if (text[raw.end] === ',') names.push([])
    position = raw.end + 1
  }
}

/** Up to the next separator that is not escaped. */
function readRawValue(text: string, start: number): { text: string; end: number } | undefined {
  if (text[start] === '#') return undefined
  let end = start
  while (end < text.length && text[end] !== ',' && text[end] !== '+') {
    // RFC 4514 §3: none of these stands in a value but after a backslash.
    if (/["<>;\0]/.test(text.charAt(end))) return undefined
    end += text[end] === '\\' ? 2 : 1
  }
  return end > text.length ? undefined : { text: text.slice(start, end), end }
}

function unescapeValue(raw: string): string | undefined {
  // A space at the end counts only where its backslash does.
  const trimmed = raw.replace(/((?:^|[^\\])(?:\\\\)*)(\\ )? +$/, '$1$2')
  const bytes: Buffer[] = []
  const unit = /\\([0-9a-f]{2})|\\([ "#+,;<=>\\])|([^\\]+)/giy
  while (unit.lastIndex < trimmed.length) {
    const [, hex, escaped, plain] = unit.exec(trimmed) ?? []
    const text = escaped ?? plain
    if (hex !== undefined) bytes.push(Buffer.from(hex, 'hex'))
    else if (text !== undefined) bytes.push(Buffer.from(text))
    else return undefined
  }
  try {
    return utf8.decode(Buffer.concat(bytes))
  } catch {
    return undefined
  }
}

/** A value as it stands in a DN (RFC 4514 §2.4). */
export function escapeDnValue(value: string): string {
  return value
    .replace(/["+,;<>\\=]/g, '\\$&')
    .replace(/^[# ]| $/g, '\\$&')
    .replace(/\p{Cc}/gu, (control) =>
      [...Buffer.from(control)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''),
    )
}

/**
 * One spelling for all of the same DN: what is compared. Only ASCII letters lose their case: a
 * directory that folds more takes two names for one that we keep apart, and never the other way.
 */
export function normalName(name: DistinguishedName): string {
  return name.map(normalRelativeName).join(',')
}

function normalRelativeName(parts: readonly NamePart[]): string {
  return parts
    .map(({ type, value }) => `${type}=${escapeDnValue(lowerAscii(value))}`)
    .sort()
    .join('+')
}

/** Whether the name is the base, or below it. */
export function isWithin(name: DistinguishedName, base: DistinguishedName): boolean {
  return name.length >= base.length && normalName(name.slice(-base.length)) === normalName(base)
}

/** The value of that type in the entry's own relative name. */
export function ownValue(name: DistinguishedName, type: string): string | undefined {
  return name[0]?.find((part) => part.type === type.toLowerCase())?.value
}

/** `toLowerCase` would make an ASCII `k` of the Kelvin sign, and so one name of two. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * Search filters as objects. Values travel as bytes, so no value can be anything but a value, and no
 * name is lost to wrong escaping (RFC 4515).
 */

import {
  AndFilter,
  EqualityFilter,
  ExtensibleFilter,
  type Filter,
  FilterParser,
  OrFilter,
  PresenceFilter,
} from 'ldapts'
import { AppError } from '../../errors.ts'

export function equals(attribute: string, value: string | Buffer): Filter {
  return new EqualityFilter({ attribute, value: Buffer.from(value as string) })
}

export function present(attribute: string): Filter {
  return new PresenceFilter({ attribute })
}

export function anyOf(filters: readonly Filter[]): Filter {
  const [only] = filters
  return filters.length === 1 && only ? only : new OrFilter({ filters: [...filters] })
}

export function allOf(...filters: readonly Filter[]): Filter {
  return new AndFilter({ filters: [...filters] })
}

/** Active Directory's LDAP_MATCHING_RULE_IN_CHAIN: through any number of groups within groups. */
export function equalsInChain(attribute: string, dn: string): Filter {
  return new ExtensibleFilter({
    matchType: attribute,
    rule: '1.2.840.113556.1.4.1941',
    value: dn,
  })
}

/**
 * A filter of the configuration. Spaces between its parts are allowed, as people write them.
 *
 * @throws AppError misconfigured: it is none
 */
export function parseFilter(text: string): Filter {
  const compact = text
    .trim()
    .replace(/([()&|!])\s+(?=[(&|!])|\)\s+(?=\))/g, (match) => match.trim())
  try {
    return FilterParser.parseString(decodeEscapedText(compact))
  } catch (error) {
    const message = `${text} is no LDAP filter (RFC 4515); write it as in (objectClass=person)`
    throw new AppError('misconfigured', message, { cause: error })
  }
}

/**
 * ldapts takes each escaped byte for a character of its own, and so `\c3\a9` for two. Escapes of ASCII
 * stay: they keep a `*` from being a wildcard.
 */
function decodeEscapedText(text: string): string {
  return text.replace(/(?:\\[89a-f][0-9a-f])+/gi, (escapes) =>
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(escapes.replaceAll('\\', ''), 'hex'),
    ),
  )
}

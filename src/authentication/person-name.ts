/** What a person may be called in tokens and rules, whichever backend knows them. */

const maximumLength = 64
const pattern = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/

/** What {@link isPersonName} asks, for whoever has chosen another name. */
export const personNameRule = `lower-case letters a to z and digits, parted by single ".", "_" or "-"; ${maximumLength} characters at most`

/**
 * Lower-case letters and digits, parted by single `.`, `_` or `-`; 64 characters at most. Each is also
 * a component of a repository's name, so that a namespace can bear it, and none has two spellings.
 */
export function isPersonName(name: string): boolean {
  return name.length <= maximumLength && pattern.test(name)
}

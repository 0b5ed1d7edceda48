/** LDIF (RFC 2849), as the LDAP command line tools read and write it. */

/** An entry's DN and its attributes: names in lower case, values in the order of the directory. */
export interface LdifEntry {
  readonly dn: string
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

/** Reads what `ldapsearch -LLL` prints; values that are not text come out as UTF-8 does its best. */
export function parseLdif(text: string): readonly LdifEntry[] {
  const records = text.replaceAll(/\r?\n /g, '').split(/\n{2,}/)
  return records.flatMap((record) => {
    const lines = record.split('\n').flatMap((line) => parseLine(line))
    const dn = lines.find(([name]) => name === 'dn')?.[1]
    if (dn === undefined) return []
    const attributes = new Map<string, string[]>()
    for (const [name, value] of lines)
      if (name !== 'dn') attributes.set(name, [...(attributes.get(name) ?? []), value])
    return [{ dn, attributes }]
  })
}

/** One record that adds an entry. Values may hold anything: all of them are written in base64. */
export function formatLdif(
  dn: string,
  attributes: Readonly<Record<string, string | Buffer | readonly string[]>>,
): string {
  const lines = Object.entries(attributes).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}:: ${Buffer.from(value).toString('base64')}`),
  )
  return [`dn:: ${Buffer.from(dn).toString('base64')}`, ...lines, '', ''].join('\n')
}

function parseLine(line: string): readonly (readonly [string, string])[] {
  const [, name, base64, value] = /^([^:#\s]+):(:?) ?(.*)$/.exec(line) ?? []
  if (name === undefined || value === undefined) return []
  const decoded = base64 === ':' ? Buffer.from(value, 'base64').toString() : value
  return [[name.toLowerCase(), decoded]]
}

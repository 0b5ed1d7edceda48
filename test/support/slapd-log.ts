/** What slapd's log (`-d stats`) tells about each request of its clients. */

/** One request that came by TCP. */
export interface LoggedRequest {
  /** Counted by slapd from its start. */
  readonly connection: number
  /** `BIND`, `SRCH`, `EXT`, `UNBIND` … */
  readonly kind: string
  /** What was bound as, or the base of a search. */
  readonly dn?: string
  readonly filter?: string
  /** Of a search: `0` base, `1` one, `2` sub. */
  readonly scope?: number
  /** The attributes that a search asked for. */
  readonly attributes?: readonly string[]
  /** The request came over TLS. */
  readonly isEncrypted: boolean
  /** The result code, once it has been answered. */
  readonly result?: number
  /** How many entries a search found. */
  readonly entries?: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** @param output everything that slapd printed since its start */
export function readSlapdLog(output: string): readonly LoggedRequest[] {
  const requests = new Map<string, Mutable<LoggedRequest>>()
  // Another thread writes that line, and may be later than the first request.
  const accepted = output.matchAll(/ conn=(\d+) .*ACCEPT from IP=/g)
  const tcp = new Set([...accepted].map(([, connection]) => connection))
  const encrypted = new Set<string>()
  for (const line of output.split('\n')) {
    const [, connection, rest] = / conn=(\d+) (.*)$/.exec(line) ?? []
    if (connection === undefined || rest === undefined) continue
    if (rest.includes('TLS established')) encrypted.add(connection)
    const [, operation, kind, text] =
      /^op=(\d+) (RESULT|SEARCH RESULT|[A-Z]+)(.*)$/.exec(rest) ?? []
    if (!tcp.has(connection) || kind === undefined || text === undefined) continue
    const key = `${connection} ${operation}`
    const known = requests.get(key)
    if (known === undefined)
      requests.set(key, {
        connection: Number(connection),
        kind,
        isEncrypted: encrypted.has(connection),
        ...readRequest(kind, text),
      })
    // A second bind of a connection is logged as anonymous first, then by its name.
    else Object.assign(known, { ...readRequest(kind, text), ...known }, readMore(kind, text))
  }
  return [...requests.values()]
}

function readRequest(kind: string, text: string): Partial<LoggedRequest> {
  const dn = readQuoted(text, kind === 'SRCH' ? 'base' : 'dn')
  const filter = readQuoted(text, 'filter')
  const scope = / scope=(\d)/.exec(text)?.[1]
  return {
    ...(dn === undefined ? {} : { dn }),
    ...(filter === undefined ? {} : { filter }),
    ...(scope === undefined ? {} : { scope: Number(scope) }),
  }
}

/** Later lines of the same operation: a search's attributes, the result. */
function readMore(kind: string, text: string): Partial<LoggedRequest> {
  const attributes = kind === 'SRCH' ? /^ attr=(.*)$/.exec(text)?.[1] : undefined
  const result = kind.endsWith('RESULT') ? / err=(\d+)/.exec(text)?.[1] : undefined
  const entries = / nentries=(\d+)/.exec(text)?.[1]
  return {
    ...(attributes === undefined ? {} : { attributes: attributes.split(' ') }),
    ...(result === undefined ? {} : { result: Number(result) }),
    ...(entries === undefined ? {} : { entries: Number(entries) }),
  }
}

/** slapd writes a quotation mark within a value as it is: the value ends at the last one that can end it. */
function readQuoted(text: string, name: string): string | undefined {
  return new RegExp(` ${name}="(.*?)"(?= [a-z]+=|$)`).exec(text)?.[1]
}

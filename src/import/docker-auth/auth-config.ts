/**
 * Reads docker_auth's configuration as docker_auth does (its YAML library is not strict): unknown keys
 * are passed over, the second of two equal keys counts, anchors and merge keys work, and a key without
 * a value is as if it were not there. What keeps docker_auth from starting is a fault here.
 */

import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Scalar } from 'yaml'
import { composeYaml } from '../../config/compose-yaml.ts'
import { ConfigError, type Fault } from '../../config/config-error.ts'
import { parseNetwork } from '../../network.ts'
import { compileGoRegexp } from './go-regexp.ts'

/** The file, as far as it matters. */
export interface AuthConfig {
  /** undefined: there is no such section. */
  readonly users: ReadonlyMap<string, AuthUser> | undefined
  readonly acl: readonly AclEntry[] | undefined
  /** The texts below `ldap_auth`, by key; those of its `labels` as `labels.KEY.attribute`. */
  readonly ldap: ReadonlyMap<string, string> | undefined
  /** The texts below `server` and `token`, as `token.issuer`. */
  readonly settings: ReadonlyMap<string, string>
  /** The other sections that there are, and the line of each. */
  readonly sections: ReadonlyMap<string, number>
}

/** A user of the file. */
export interface AuthUser {
  readonly line: number
  /** undefined: every password is taken. */
  readonly password: string | undefined
  readonly labels: Labels
}

export type Labels = ReadonlyMap<string, readonly string[]>

/** A rule of the file. */
export interface AclEntry {
  /** Counted from 1, as docker_auth's users do. */
  readonly number: number
  readonly line: number
  readonly match: AclMatch
  /** undefined: the key is missing, and docker_auth breaks off a request that gets here. */
  readonly actions: readonly string[] | undefined
  readonly comment: string | undefined
  /** Keys that docker_auth passes over, of the entry and of its `match`. */
  readonly unknownKeys: readonly string[]
}

/** What a rule is about; a key that is absent fits everything. */
export interface AclMatch {
  readonly account?: string
  readonly type?: string
  readonly name?: string
  readonly service?: string
  readonly ip?: string
  readonly labels: ReadonlyMap<string, string>
}

/** Sections in whose place `acl` may be missing. */
const otherAcls = ['acl_mongo', 'acl_xorm', 'ext_authz', 'plugin_authz']
const patternKeys = ['account', 'type', 'name', 'service'] as const
// With aliases a small file can stand for more nodes than there are atoms.
const maximumNodes = 200_000
const maximumEntries = 1_000
const maximumUsers = 20_000

/** @throws ConfigError with every fault, each with its line */
export function readAuthConfig(text: string, file: string): AuthConfig {
  const reader = new Reader(text, file)
  const config = reader.read()
  if (reader.faults.length > 0) throw new ConfigError(reader.faults)
  return config
}

interface Pair {
  readonly key: string
  readonly node: Node | null
  readonly line: number
}

class Reader {
  readonly faults: Fault[] = []
  readonly #lines = new LineCounter()
  readonly #file: string
  readonly #root: Node | null
  #anchors: ReadonlyMap<string, readonly Node[]> | undefined
  #nodes = 0

  constructor(text: string, file: string) {
    this.#file = file
    const document = composeYaml(text, this.#lines, (offset, message) => {
      const { line, col } = this.#lines.linePos(offset)
      this.faults.push({ file, place: { line, column: col }, key: '', message })
    })
    this.#root = document?.contents ?? null
  }

  read(): AuthConfig {
    let users: Map<string, AuthUser> | undefined
    let acl: readonly AclEntry[] | undefined
    let ldap: Map<string, string> | undefined
    const settings = new Map<string, string>()
    const sections = new Map<string, number>()
    for (const { key, node, line } of this.#pairs(this.#root, 'the file')) {
      if (key === 'users') users = this.#users(node, users)
      else if (key === 'acl') acl = this.#acl(node)
      else if (key === 'ldap_auth') ldap = this.#texts(node, '', ldap ?? new Map())
      else if (key === 'server' || key === 'token') this.#texts(node, `${key}.`, settings)
      else if (!isNull(this.#resolve(node))) sections.set(key, line)
    }
    if (
      this.faults.length === 0 &&
      acl === undefined &&
      !otherAcls.some((key) => sections.has(key))
    ) {
      this.#refuse(this.#root, 'there is no acl; docker_auth does not start without one')
    }
    return { users, acl, ldap, settings, sections }
  }

  #users(node: Node | null, before: Map<string, AuthUser> | undefined) {
    if (isNull(this.#resolve(node))) return undefined
    const users = before ?? new Map<string, AuthUser>()
    for (const { key, node: value, line } of this.#pairs(node, 'users')) {
      // A name without anything behind it is nobody to docker_auth.
      if (isNull(this.#resolve(value))) {
        users.delete(key)
        continue
      }
      let password: string | undefined
      const labels = new Map<string, readonly string[]>()
      for (const pair of this.#pairs(value, `user ${JSON.stringify(key)}`)) {
        if (pair.key === 'password') password = this.#textOrNull(pair)
        if (pair.key === 'labels') {
          for (const label of this.#pairs(pair.node, 'labels'))
            labels.set(label.key, this.#list(label))
        }
      }
      users.set(key, { line, password, labels })
      if (users.size === maximumUsers) {
        this.#refuse(node, `has more than ${maximumUsers} users; take a part of them`)
        break
      }
    }
    return users
  }

  #acl(node: Node | null): readonly AclEntry[] | undefined {
    const list = this.#resolve(node)
    if (isNull(list)) return undefined
    if (!isSeq<Node | null>(list)) {
      this.#refuse(list, 'acl must be a list')
      return undefined
    }
    if (list.items.length > maximumEntries) {
      this.#refuse(list, `acl has more than ${maximumEntries} rules; take a part of them`)
      return undefined
    }
    return list.items.map((item, index) => this.#entry(item, index + 1))
  }

  #entry(node: Node | null, number: number): AclEntry {
    let match: AclMatch | undefined
    let actions: readonly string[] | undefined
    let comment: string | undefined
    const unknownKeys: string[] = []
    for (const pair of this.#pairs(node, `acl rule ${number}`)) {
      if (pair.key === 'match') match = this.#match(pair.node, match, unknownKeys)
      else if (pair.key === 'actions') actions = this.#listOrNull(pair)
      else if (pair.key === 'comment') comment = this.#textOrNull(pair)
      else unknownKeys.push(pair.key)
    }
    if (match === undefined) {
      this.#refuse(node, `rule ${number} has no match; docker_auth does not start with it`)
    }
    const line = this.#lineOf(node)
    return { number, line, match: match ?? { labels: new Map() }, actions, comment, unknownKeys }
  }

  /** A second `match` adds to the first. */
  #match(
    node: Node | null,
    before: AclMatch | undefined,
    unknownKeys: string[],
  ): AclMatch | undefined {
    if (isNull(this.#resolve(node))) return undefined
    const match: { -readonly [Key in keyof AclMatch]: AclMatch[Key] } = {
      ...(before ?? { labels: new Map() }),
    }
    for (const pair of this.#pairs(node, 'match')) {
      const { key } = pair
      if (patternKeys.includes(key as 'name')) {
        const pattern = this.#textOrNull(pair)
        delete match[key as 'name']
        if (pattern !== undefined) match[key as 'name'] = this.#pattern(pattern, pair)
      } else if (key === 'ip') {
        const ip = this.#textOrNull(pair)
        delete match.ip
        if (ip === undefined) continue
        match.ip = ip
        if (parseNetwork(ip) === undefined) {
          this.#refuse(
            pair.node,
            `${JSON.stringify(ip)} is no address and no network; docker_auth does not start with it`,
          )
        }
      } else if (key === 'labels') {
        const labels = new Map(isNull(this.#resolve(pair.node)) ? [] : match.labels)
        for (const label of this.#pairs(pair.node, 'labels')) {
          const text = this.#textOf(this.#resolve(label.node), label)
          labels.set(label.key, this.#pattern(text, label))
        }
        match.labels = labels
      } else {
        unknownKeys.push(key)
      }
    }
    return match
  }

  #pattern(text: string, pair: Pair): string {
    const expression = expressionOf(text)
    if (expression === undefined) return text
    const compiled = compileGoRegexp(expression)
    if ('reason' in compiled && compiled.kind === 'invalid') {
      const what = `${JSON.stringify(text)} is no regular expression: ${compiled.reason}`
      this.#refuse(pair.node, `${what}; docker_auth does not start with it`)
    }
    return text
  }

  /** Every text below a map, by its path. */
  #texts(node: Node | null, prefix: string, into: Map<string, string>): Map<string, string> {
    for (const pair of this.#pairs(node, prefix === '' ? 'ldap_auth' : prefix)) {
      const value = this.#resolve(pair.node)
      if (isMap(value)) this.#texts(value, `${prefix}${pair.key}.`, into)
      else if (isScalar<string>(value) && !isNull(value)) into.set(prefix + pair.key, value.value)
      else if (isSeq(value)) into.set(prefix + pair.key, '[…]')
    }
    return into
  }

  /** What a map says, with merge keys put in; later ones count. */
  #pairs(given: Node | null, what: string): readonly Pair[] {
    const node = this.#resolve(given)
    if (isNull(node)) return []
    if (!isMap<Node, Node | null>(node)) {
      this.#refuse(node, `${what} must be a map`)
      return []
    }
    return node.items.flatMap(({ key, value }) => {
      const name = this.#resolve(key)
      if (isScalar<string>(name) && name.value === '<<' && name.type === 'PLAIN') {
        const merged = this.#resolve(value)
        const sources = isSeq<Node>(merged) ? merged.items.toReversed() : [merged]
        return sources.flatMap((source) => this.#pairs(source, 'what is merged'))
      }
      if (!isScalar<string>(name)) {
        this.#refuse(key, 'a key must be a text')
        return []
      }
      return [{ key: name.value, node: value, line: this.#lineOf(key) }]
    })
  }

  #listOrNull(pair: Pair): readonly string[] | undefined {
    return isNull(this.#resolve(pair.node)) ? undefined : this.#list(pair)
  }

  #list(pair: Pair): readonly string[] {
    const node = this.#resolve(pair.node)
    if (isNull(node)) return []
    if (isSeq<Node | null>(node))
      return node.items.map((item) => this.#textOf(this.#resolve(item), pair))
    this.#refuse(node, `${pair.key} must be a list`)
    return []
  }

  #textOrNull(pair: Pair): string | undefined {
    const node = this.#resolve(pair.node)
    return isNull(node) ? undefined : this.#textOf(node, pair)
  }

  #textOf(node: Node | null, pair: Pair): string {
    if (node === null) return ''
    if (isScalar<string>(node)) return node.value
    this.#refuse(node, `${pair.key} must be a text`)
    return ''
  }

  #resolve(node: Node | null): Node | null {
    this.#nodes += 1
    if (this.#nodes > maximumNodes) {
      throw new ConfigError([
        ...this.faults.slice(0, 5),
        this.#fault(node, 'its aliases stand for too much, as those of an attack do'),
      ])
    }
    if (!isAlias(node)) return node
    const place = node.range?.[0] ?? 0
    const isBefore = (anchored: Node) => (anchored.range?.[0] ?? 0) < place
    const target = this.#anchorsOf().get(node.source)?.findLast(isBefore)
    const isWithinItself = target !== undefined && (target.range?.[1] ?? 0) > place
    if (target !== undefined && !isWithinItself) return this.#resolve(target)
    this.#refuse(
      node,
      isWithinItself
        ? `&${node.source} holds itself`
        : `there is no anchor &${node.source} before this`,
    )
    return null
  }

  /** The nodes of each anchor, in the order of the file. */
  #anchorsOf(): ReadonlyMap<string, readonly Node[]> {
    if (this.#anchors !== undefined) return this.#anchors
    const anchors = new Map<string, Node[]>()
    const waiting: unknown[] = [this.#root]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const { anchor } = node as Node
      if (anchor !== undefined) anchors.set(anchor, [...(anchors.get(anchor) ?? []), node as Node])
      const inner = isMap<Node, Node>(node)
        ? node.items.flatMap(({ key, value }) => [key, value])
        : isSeq<Node>(node)
          ? node.items
          : []
      waiting.push(...inner.filter((each) => each !== null).reverse())
    }
    this.#anchors = anchors
    return anchors
  }

  #refuse(node: Node | null, message: string): void {
    this.faults.push(this.#fault(node, message))
  }

  #fault(node: Node | null, message: string): Fault {
    const { line, col } = this.#lines.linePos(node?.range?.[0] ?? 0)
    return { file: this.#file, place: { line, column: col }, key: '', message }
  }

  #lineOf(node: Node | null): number {
    return this.#lines.linePos(node?.range?.[0] ?? 0).line
  }
}

/** What stands between the slashes of a regular expression; undefined for a glob. */
export function expressionOf(pattern: string): string | undefined {
  return pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/')
    ? pattern.slice(1, -1)
    : undefined
}

function isNull(node: Node | null): node is null {
  if (node === null) return true
  return (
    isScalar<string>(node) &&
    (node as Scalar).type === 'PLAIN' &&
    ['', '~', 'null'].includes(node.value as string)
  )
}

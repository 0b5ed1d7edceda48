/** What docker_auth answers: its rules in order, of which the first that matches decides. */

import { inNetwork, parseNetwork } from '../../network.ts'
import { type AclEntry, type AclMatch, expressionOf, type Labels } from './auth-config.ts'
import { compileGoRegexp } from './go-regexp.ts'
import { globMatches, parseGlob } from './path-match.ts'

/** What docker_auth is asked of one resource. */
export interface AclRequest {
  /** '' for whoever did not sign in. */
  readonly account: string
  readonly labels: Labels
  readonly type: string
  readonly name: string
  readonly service: string
  readonly address: string
}

export type AclAnswer =
  /** `*` alone stands for whatever was asked. `entry` is undefined where no rule matched. */
  | {
      readonly kind: 'answered'
      readonly entry: AclEntry | undefined
      readonly actions: readonly string[]
    }
  /** A regular expression on the way cannot be run here. */
  | { readonly kind: 'unknown'; readonly entry: AclEntry }

type Field = 'account' | 'type' | 'name' | 'service'

/** A pattern that cannot be run here. */
const unknown = Symbol('unknown')
type Matched = boolean | typeof unknown

interface CompiledPattern {
  test(text: string): boolean
  /** Of regular expressions. */
  find?(text: string): readonly string[] | undefined
}

const none: ReadonlyMap<string, string> = new Map()

// What `${labels:a}` and `${labels:b}` of one pattern may stand for, all with all.
const maximumCombinations = 1_000
// Patterns with what is put into them: each rule once with each label of all who are asked for.
const maximumCompiled = 50_000
const maximumRemembered = 2_000

/** One set of rules. It remembers what it has compiled. */
export class AclEvaluator {
  readonly #entries: readonly AclEntry[]
  readonly #compiled = new Map<string, CompiledPattern | typeof unknown | undefined>()

  /** Network and address → whether the address is in it. */
  readonly #within = new Map<string, boolean>()

  /** Whether nothing is put into the patterns. */
  readonly #plain = new WeakMap<AclMatch, boolean>()

  /** What stands for `${account}` and the like, the same for all rules. */
  readonly #quoted = new WeakMap<AclRequest, ReadonlyMap<string, string>>()

  constructor(entries: readonly AclEntry[]) {
    this.#entries = entries
  }

  answer(request: AclRequest): AclAnswer {
    for (const entry of this.#entries) {
      const matched = this.matches(entry.match, request)
      if (matched === unknown) return { kind: 'unknown', entry }
      // Without actions docker_auth breaks off the request: nothing is given.
      if (matched) return { kind: 'answered', entry, actions: entry.actions ?? [] }
    }
    return { kind: 'answered', entry: undefined, actions: [] }
  }

  /** How many patterns are tried, at most, to answer somebody with these labels: one a rule, and more by labels. */
  work(labels: Labels): number {
    return this.#entries.reduce((sum, { match }) => {
      const counts = [match.account, match.type, match.name, match.service].map((pattern = '') =>
        combinations(labelsIn(pattern, labels)),
      )
      return sum + Math.min(maximumCombinations, Math.max(...counts))
    }, 0)
  }

  matches(match: AclMatch, request: AclRequest): Matched {
    if (match.ip !== undefined && !this.#isIn(match.ip, request.address)) return false
    let result: Matched = true
    // Of many rules about labels most are about those of others.
    for (const [label, pattern] of match.labels) {
      const values = pattern.includes(`\${`) ? this.valuesOf(match, request) : none
      const found = (request.labels.get(label) ?? []).map((value) =>
        this.matchesText(pattern, value, values),
      )
      if (found.includes(true)) continue
      if (!found.includes(unknown)) return false
      result = unknown
    }
    const values = this.valuesOf(match, request)
    for (const field of ['account', 'type', 'name', 'service'] as const) {
      const pattern = match[field]
      const matched = this.#matchesWithLabels(pattern, request[field], values, request.labels)
      if (matched === false) return false
      if (matched === unknown) result = unknown
    }
    return result
  }

  /** Whether the text matches the pattern with the values put into it. */
  matchesText(
    pattern: string | undefined,
    text: string,
    values: ReadonlyMap<string, string>,
  ): Matched {
    if (pattern === undefined) return true
    const compiled = this.#compile(replace(pattern, values))
    if (compiled === undefined) return false
    if (compiled === unknown) return unknown
    return compiled.test(text)
  }

  /** As written first; then with every combination of the labels that it names. */
  #matchesWithLabels(
    pattern: string | undefined,
    text: string,
    values: ReadonlyMap<string, string>,
    labels: Labels,
  ): Matched {
    if (pattern === undefined) return true
    const basic = this.matchesText(pattern, text, values)
    if (basic === true) return basic
    const named = labelsIn(pattern, labels)
    if (named.length === 0) return basic
    let result: Matched = basic
    const count = combinations(named)
    if (count > maximumCombinations) return unknown
    for (let index = 0; index < count; index += 1) {
      const combined = new Map(values)
      let rest = index
      for (const [label, all] of named) {
        combined.set(`\${labels:${label}}`, all[rest % all.length] ?? '')
        rest = Math.floor(rest / all.length)
      }
      const matched = this.matchesText(pattern, text, combined)
      if (matched === true) return true
      if (matched === unknown) result = unknown
    }
    return result
  }

  /** What stands for `${account}` and the like, quoted; for `${account:1}` and the like as it is. */
  valuesOf(match: AclMatch, request: AclRequest): ReadonlyMap<string, string> {
    if (this.#isPlain(match)) return none
    const captured = new Map<string, string>()
    for (const field of ['account', 'type', 'name', 'service'] as const) {
      const pattern = match[field]
      if (pattern?.includes(`\${`) !== true) continue
      for (const [written, key = '', digits] of pattern.matchAll(/\$\{([^\n]+?):(\d+)\}/g)) {
        const source = fieldNamed(key)
        const expression = source && expressionOf(match[source] ?? '')
        if (source === undefined || expression === undefined) continue
        const compiled = this.#compile(`/${expression}/`)
        if (compiled === undefined || compiled === unknown) continue
        const group = compiled.find?.(request[source])?.[Number(digits)]
        if (group !== undefined && Number(digits) > 0) captured.set(written, group)
      }
    }
    const quoted = this.#quotedOf(request)
    return captured.size === 0 ? quoted : new Map([...quoted, ...captured])
  }

  #quotedOf(request: AclRequest): ReadonlyMap<string, string> {
    const known = this.#quoted.get(request)
    if (known !== undefined) return known
    const quoted = new Map(
      (['account', 'type', 'name', 'service'] as const).map(
        (field) => [`\${${field}}`, quoteMeta(request[field])] as const,
      ),
    )
    this.#quoted.set(request, quoted)
    return quoted
  }

  #isPlain(match: AclMatch): boolean {
    const known = this.#plain.get(match)
    if (known !== undefined) return known
    const patterns = [
      match.account,
      match.type,
      match.name,
      match.service,
      ...match.labels.values(),
    ]
    const isPlain = patterns.every((pattern) => pattern?.includes(`\${`) !== true)
    this.#plain.set(match, isPlain)
    return isPlain
  }

  #isIn(ip: string, address: string): boolean {
    const key = `${ip} ${address}`
    const known = this.#within.get(key)
    if (known !== undefined) return known
    if (this.#within.size > maximumCompiled) this.#within.clear()
    const network = parseNetwork(ip)
    const isWithin = network !== undefined && inNetwork(network, address)
    this.#within.set(key, isWithin)
    return isWithin
  }

  #compile(pattern: string): CompiledPattern | typeof unknown | undefined {
    if (this.#compiled.has(pattern)) return this.#compiled.get(pattern)
    if (this.#compiled.size > maximumCompiled) this.#compiled.clear()
    const expression = expressionOf(pattern)
    const compiled = expression === undefined ? glob(pattern) : runnable(expression)
    this.#compiled.set(pattern, compiled)
    return compiled
  }
}

type NamedLabels = readonly (readonly [label: string, values: readonly string[]])[]

function labelsIn(pattern: string, labels: Labels): NamedLabels {
  if (labels.size === 0 || !pattern.includes(`\${labels:`)) return []
  return [...labels].filter(([label]) => pattern.includes(`\${labels:${label}}`))
}

function combinations(named: NamedLabels): number {
  return named.reduce((product, [, all]) => product * all.length, 1)
}

function glob(pattern: string): CompiledPattern | undefined {
  const chunks = parseGlob(pattern)
  if (chunks === undefined) return undefined
  const covers = remembering((text) => globMatches(chunks, text))
  // Most texts differ before the first wildcard, and are not worth remembering.
  const [head = ''] = /^[^*?[\\]*/.exec(pattern) ?? []
  return { test: (text) => text.startsWith(head) && covers(text) }
}

/** The same few texts are asked for again and again. */
function remembering<Answer>(ask: (text: string) => Answer): (text: string) => Answer {
  const answers = new Map<string, Answer>()
  return (text) => {
    const known = answers.get(text)
    if (known !== undefined || answers.has(text)) return known as Answer
    if (answers.size > maximumRemembered) answers.clear()
    const answer = ask(text)
    answers.set(text, answer)
    return answer
  }
}

function runnable(expression: string): CompiledPattern | typeof unknown | undefined {
  const compiled = compileGoRegexp(expression)
  if (!('reason' in compiled))
    return { test: remembering(compiled.test), find: remembering(compiled.find) }
  return compiled.kind === 'unsupported' ? unknown : undefined
}

/** The first letter may be of either case. */
export function fieldNamed(key: string): Field | undefined {
  const field = key.charAt(0).toLowerCase() + key.slice(1)
  return field === 'account' || field === 'type' || field === 'name' || field === 'service'
    ? field
    : undefined
}

/** Puts the values in; what is put in is not looked at again. */
export function replace(pattern: string, values: ReadonlyMap<string, string>): string {
  if (values.size === 0) return pattern
  return pattern.replace(/\$\{[^{}]*\}/g, (written) => values.get(written) ?? written)
}

/** As Go's regexp.QuoteMeta: in a glob, too, each of these stands for itself behind a backslash. */
export function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}

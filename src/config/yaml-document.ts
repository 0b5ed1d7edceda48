/**
 * The plain part of YAML that a configuration needs: maps, lists and texts, each with its place.
 * What makes a file mean something else than it shows (anchors, aliases, merge keys, tags, a
 * key twice) is refused by name.
 */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml'
import { composeYaml } from './compose-yaml.ts'
import type { KeyPath, Place } from './config-error.ts'
import { type Environment, interpolate } from './interpolate.ts'

export interface YamlFault {
  readonly path: KeyPath
  readonly place: Place
  readonly message: string
}

export interface YamlDocument {
  /** Maps, lists, texts and null. What a fault stands on is undefined. */
  readonly value: unknown
  readonly faults: readonly YamlFault[]
  /** Where the value of this path stands; of its nearest ancestor where it is missing. */
  placeOf(path: KeyPath): Place
  /** Where the last key of this path stands. */
  placeOfKey(path: KeyPath): Place
  /** Whether the environment may have filled in some of the texts. */
  readonly isFilledIn: boolean
  /** The text of this path as the file has it, before the environment filled it in; empty where there is none. */
  written(path: KeyPath): string
  /** The message with that text in the place of what the environment has made of it. */
  asWritten(path: KeyPath, message: string): string
}

// Texts of the environment may be long, and may be named often.
const maximumExpansion = 1_048_576

/** Reads one document and puts the environment's values into its texts. Never throws. */
export function readYaml(text: string, env: Environment): YamlDocument {
  const lines = new LineCounter()
  const faults: YamlFault[] = []
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const refuse: Refuse = (offset, message, path = []) => {
    faults.push({ path, place: placeAt(offset), message })
  }

  const root = composeYaml(text, lines, refuse)?.contents ?? null
  const reader = new ValueReader(env, refuse)
  const value = faults.length === 0 ? reader.read(root, []) : undefined
  const written = (path: KeyPath) => {
    const { node } = find(root, path)
    return isScalar<string>(node) ? node.value : ''
  }
  return {
    value,
    faults,
    isFilledIn: reader.isFilledIn,
    written,
    placeOf: (path) => placeAt(offsetOf(find(root, path).node)),
    placeOfKey: (path) => {
      const { key, node } = find(root, path)
      return placeAt(offsetOf(key ?? node))
    },
    asWritten: (path, message) => {
      const text = written(path)
      if (!text.includes('${')) return message
      const filled = interpolate(text, env, holdsPattern(path))
      return 'text' in filled && filled.text !== ''
        ? message.replaceAll(filled.text, () => text)
        : message
    },
  }
}

type Refuse = (offset: number, message: string, path?: KeyPath) => void

/** Turns nodes into values, and refuses what a configuration must not hold. */
class ValueReader {
  readonly #env: Environment
  readonly #refuse: Refuse
  #expansion = 0

  constructor(env: Environment, refuse: Refuse) {
    this.#env = env
    this.#refuse = refuse
  }

  get isFilledIn(): boolean {
    return this.#expansion > 0
  }

  read(node: Node | null, path: KeyPath): unknown {
    const fault = nodeFault(node)
    if (node !== null && fault !== undefined) {
      this.#refuse(offsetOf(node), fault, path)
      return undefined
    }
    if (isMap<Node, Node | null>(node)) return this.#readMap(node, path)
    if (isSeq<Node | null>(node)) {
      return node.items.map((item, index) => this.read(item, [...path, index]))
    }
    if (!isScalar<string>(node)) return null
    if (node.type === 'PLAIN' && ['', '~', 'null'].includes(node.value)) return null
    return this.#readText(node.value, offsetOf(node), path)
  }

  #readMap(node: YAMLMap<Node, Node | null>, path: KeyPath): Record<string, unknown> {
    const values = new Map<string, unknown>()
    for (const { key, value } of node.items) {
      if (!isScalar<string>(key) || nodeFault(key) !== undefined) {
        this.#refuse(offsetOf(key), nodeFault(key) ?? 'a key must be a text', path)
        continue
      }
      const name = key.value
      const keyPath = [...path, name]
      if (name === '<<') {
        this.#refuse(offsetOf(key), 'merge keys are not supported; write the keys out', keyPath)
      } else if (name === '__proto__') {
        this.#refuse(offsetOf(key), 'no key may be called this', keyPath)
      } else if (name.includes('${')) {
        // Taken as it is, a group would be called so, and rules about it would be about nobody.
        this.#refuse(
          offsetOf(key),
          'the environment fills in values and no keys; write it out',
          keyPath,
        )
      } else if (values.has(name)) {
        this.#refuse(offsetOf(key), `"${name}" stands twice; remove one of them`, keyPath)
      } else {
        values.set(name, this.read(value, keyPath))
      }
    }
    return Object.fromEntries(values)
  }

  #readText(text: string, offset: number, path: KeyPath): string | undefined {
    if (!text.includes('${')) return text
    const filled = interpolate(text, this.#env, holdsPattern(path))
    if ('faults' in filled) {
      for (const fault of filled.faults) this.#refuse(offset, fault, path)
      return undefined
    }
    this.#expansion += filled.text.length
    if (this.#expansion > maximumExpansion) {
      this.#refuse(offset, 'the values of the environment are too long for a configuration', path)
      return undefined
    }
    return filled.text
  }
}

/** `rules[3].on` and `rules[3].on[0]`. */
function holdsPattern([section, , key]: KeyPath): boolean {
  return section === 'rules' && key === 'on'
}

function nodeFault(node: Node | null): string | undefined {
  if (isAlias(node)) {
    return `alias *${node.source} is not supported; write the value out, or put quotes around a text that begins with "*"`
  }
  if (node?.anchor !== undefined) return `anchor &${node.anchor} is not supported; remove it`
  if (node?.tag !== undefined) {
    return `tag ${node.tag} is not supported; remove it, or put quotes around a text that begins with "!"`
  }
  return undefined
}

function offsetOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0
}

/** The node of a path, or the last one on the way to it, with the key that it stands under. */
function find(root: Node | null, path: KeyPath): { key: Node | undefined; node: Node | null } {
  let found: { key: Node | undefined; node: Node | null } = { key: undefined, node: root }
  for (const step of path) {
    const { node } = found
    if (isMap<Node, Node | null>(node)) {
      const isStep = ({ key }: Pair<Node, Node | null>) => isScalar(key) && key.value === step
      const pair = node.items.find(isStep)
      if (pair === undefined) return found
      // A key without a value has no node, or an empty one somewhere behind it.
      found = { key: pair.key, node: hasText(pair.value) ? pair.value : pair.key }
    } else if (isSeq<Node | null>(node) && typeof step === 'number' && step in node.items) {
      found = { key: undefined, node: node.items[step] ?? node }
    } else {
      return found
    }
  }
  return found
}

function hasText(node: Node | null): boolean {
  return node?.range !== undefined && node.range !== null && node.range[1] > node.range[0]
}

/**
 * Patterns as a tree of their segments, so that finding those that cover a name costs a walk along the
 * name and not a look at each pattern.
 */

import {
  anyDepth,
  matchesSegment,
  type Pattern,
  type SegmentPattern,
  type Values,
} from './pattern.ts'

/** What the variables may stand for. Of the groups, each is tried by itself. */
export interface IndexValues {
  readonly user?: string | undefined
  readonly robot?: string | undefined
  readonly groups: ReadonlySet<string>
}

/** What stands at the end of a pattern, with the group that its `${group}` stood for. */
export interface Found<Value> {
  readonly value: Value
  readonly group: string | undefined
}

interface Branch<Value> {
  readonly segment: SegmentPattern
  readonly node: Node<Value>
}

/** The ways on from a node that have wildcards or variables. */
class Branches<Value> {
  /** By their literal ends and their text. */
  readonly #byEnds = new Map<string, Map<string, Branch<Value>>>()
  /** How long these ends are, each pair of lengths once. */
  readonly #ends: { readonly prefix: number; readonly suffix: number }[] = []

  node(segment: SegmentPattern): Node<Value> {
    const { literalPrefix, literalSuffix, text } = segment
    const ends = endsKey(literalPrefix, literalSuffix)
    const siblings = this.#byEnds.get(ends) ?? new Map<string, Branch<Value>>()
    const known = siblings.get(text)
    if (known !== undefined) return known.node
    const node = new Node<Value>()
    this.#byEnds.set(ends, siblings.set(text, { segment, node }))
    const { length: prefix } = literalPrefix
    const { length: suffix } = literalSuffix
    if (!this.#ends.some((each) => each.prefix === prefix && each.suffix === suffix)) {
      this.#ends.push({ prefix, suffix })
    }
    return node
  }

  /** Those that may cover the segment, by the characters that they begin and end with. */
  *withEndsOf(segment: string): Generator<Branch<Value>> {
    for (const { prefix, suffix } of this.#ends) {
      const rest = segment.length - suffix
      if (prefix > rest) continue
      const ends = endsKey(segment.slice(0, prefix), segment.slice(rest))
      yield* this.#byEnds.get(ends)?.values() ?? []
    }
  }
}

class Node<Value> {
  /** Of the pattern that ends here. */
  value: Value | undefined
  /** Stands behind a `**`. */
  readonly isDeep: boolean
  /** Reached by any number of segments, also by none. */
  anyDepth: Node<Value> | undefined
  // Made where there is something to hold: of tens of thousands of nodes most have one way on, or none.
  #literals: Map<string, Node<Value>> | undefined
  #branches: Branches<Value> | undefined

  constructor(isDeep = false) {
    this.isDeep = isDeep
  }

  /** The node behind one more segment; made where there is none yet. */
  child(segment: SegmentPattern | typeof anyDepth): Node<Value> {
    if (segment === anyDepth) {
      this.anyDepth ??= new Node(true)
      return this.anyDepth
    }
    if (!segment.isLiteral) {
      this.#branches ??= new Branches()
      return this.#branches.node(segment)
    }
    this.#literals ??= new Map()
    const known = this.#literals.get(segment.text)
    if (known !== undefined) return known
    const node = new Node<Value>()
    this.#literals.set(segment.text, node)
    return node
  }

  literal(segment: string): Node<Value> | undefined {
    return this.#literals?.get(segment)
  }

  /** Those that may cover the segment. */
  branches(segment: string): Iterable<Branch<Value>> {
    return this.#branches?.withEndsOf(segment) ?? []
  }
}

/** No literal holds a `*`. */
function endsKey(prefix: string, suffix: string): string {
  return `${prefix}*${suffix}`
}

/** How far a walk along a name has come on one way through the tree. */
interface State<Value> {
  readonly node: Node<Value>
  readonly group: string | undefined
}

export class PatternIndex<Value> {
  readonly #root = new Node<Value>()

  /** What stands at the end of this pattern; made where nothing does yet. */
  at({ segments }: Pattern, make: () => Value): Value {
    let node = this.#root
    for (const segment of segments) node = node.child(segment)
    node.value ??= make()
    return node.value
  }

  /** What stands at the end of each pattern that covers the whole name. */
  find(name: string, values: IndexValues): readonly Found<Value>[] {
    let states: readonly State<Value>[] = new States<Value>().add(this.#root, undefined).all
    for (const segment of name.split('/')) {
      const next = new States<Value>()
      for (const state of states) step(state, segment, values, next)
      states = next.all
    }
    return states.flatMap(({ node: { value }, group }) =>
      value === undefined ? [] : [{ value, group }],
    )
  }
}

/**
 * The states behind one segment. In a tree two ways lead to the same state only where one of them stayed
 * behind a `**`, so only these are looked for: without that, `**` upon `**` would multiply.
 */
class States<Value> {
  readonly all: State<Value>[] = []
  readonly #deep = new Map<Node<Value>, Set<string | undefined>>()

  add(node: Node<Value>, group: string | undefined): this {
    this.all.push({ node, group })
    return node.anyDepth === undefined ? this : this.addDeep(node.anyDepth, group)
  }

  /** @param node a deep one */
  addDeep(node: Node<Value>, group: string | undefined): this {
    const groups = this.#deep.get(node) ?? new Set()
    if (groups.has(group)) return this
    this.#deep.set(node, groups.add(group))
    return this.add(node, group)
  }
}

function step<Value>(
  { node, group }: State<Value>,
  segment: string,
  values: IndexValues,
  next: States<Value>,
): void {
  if (node.isDeep) next.addDeep(node, group)
  const literal = node.literal(segment)
  if (literal !== undefined) next.add(literal, group)
  for (const branch of node.branches(segment)) {
    const { variables } = branch.segment
    const isFree = group === undefined && variables.includes('group')
    for (const tried of isFree ? groupsToTry(branch.segment, segment, values) : [group]) {
      if (matchesSegment(branch.segment, segment, bound(values, tried))) {
        next.add(branch.node, tried)
      }
    }
  }
}

function bound({ user, robot }: IndexValues, group: string | undefined): Values {
  return { user, robot, group }
}

/** The groups whose names may stand between the literal ends: that very one, where nothing else can. */
function groupsToTry(
  { tokens, literalPrefix, literalSuffix }: SegmentPattern,
  segment: string,
  { groups }: IndexValues,
): readonly string[] {
  const middle = segment.slice(literalPrefix.length, segment.length - literalSuffix.length)
  if (tokens.length === literalPrefix.length + 1 + literalSuffix.length) {
    return groups.has(middle) ? [middle] : []
  }
  return [...groups].filter((group) => middle.includes(group))
}

/** Collects what changes for each principal on each repository, and tells it in as few lines as hold. */

import type { Action } from '../../protocol/access.ts'
import type { ConditionTest } from '../conditions.ts'
import type { Rule } from '../rule.ts'
import type { ComparedPrincipal } from './principals.ts'
import type { ComparedSituations, Situations } from './situations.ts'

export type Cause = 'now_given' | 'no_longer_denied' | 'no_longer_given' | 'now_denied'

/** One line of what a change of rules does. */
export interface Difference {
  readonly effect: 'gives' | 'takes'
  readonly actions: readonly Action[]
  /** As `who` writes them. */
  readonly who: readonly string[]
  /** A pattern of the rule. */
  readonly on: string
  /** Undefined: on every repository asked about that the pattern covers. */
  readonly only:
    | { readonly count: number; readonly of: number; readonly example: string }
    | undefined
  /** Empty: always; else `from 10.20.0.0/16`, `until 2027-01-01`. */
  readonly when: string
  readonly cause: Cause
  /** Of the new policy where something now is given or denied, else of the old one. */
  readonly rule: Rule
}

/** One pattern of one rule. */
export interface ComparedPart {
  /** Those of the new policy before those of the old one, each in the order of its file. */
  readonly id: number
  readonly rule: Rule
  readonly on: string
  /** Undefined where it always speaks. */
  readonly condition: ConditionTest | undefined
}

/** On one resource. */
interface Effect {
  readonly effect: Difference['effect']
  readonly cause: Cause
  readonly part: ComparedPart
  readonly action: Action
  readonly situations: Situations
}

/** For one principal, by one cause, in the same situations on each of the resources. */
interface Line extends Omit<Effect, 'action'> {
  readonly principal: ComparedPrincipal
  readonly actions: readonly Action[]
  readonly resources: readonly string[]
}

/** What one resource adds to the lines: its situations are united before. */
type Pending = Omit<Line, 'actions' | 'resources'> & { readonly action: Action }

export class Effects {
  readonly #situations: ComparedSituations
  #resource = ''
  /** Of the current resource: principal → effect and action → situations. */
  #here = new Map<string, Map<string, Situations>>()
  /** Of the current resource. */
  #pending = new Map<string, Pending>()
  readonly #lines = new Map<string, Line & { readonly resources: string[] }>()
  /** Principal and part → how many resources the part covers for them. */
  readonly #covered = new Map<string, number>()

  constructor(situations: ComparedSituations) {
    this.#situations = situations
  }

  beginResource(resource: string): void {
    this.#settle()
    this.#resource = resource
    this.#here = new Map()
  }

  /** These parts speak of the current resource to this principal. */
  cover({ label }: ComparedPrincipal, parts: readonly ComparedPart[]): void {
    for (const { id } of parts) {
      const key = `${id} ${label}`
      this.#covered.set(key, (this.#covered.get(key) ?? 0) + 1)
    }
  }

  /** Those whose effects the principal shares come before it. */
  add(principal: ComparedPrincipal, { effect, cause, part, action, situations }: Effect): void {
    const { label, sharesGainOf, sharesLossOf } = principal
    const kind = `${effect} ${action}`
    const here = this.#here.get(label) ?? new Map<string, Situations>()
    here.set(kind, (here.get(kind) ?? 0n) | situations)
    this.#here.set(label, here)
    const shared = (effect === 'gives' ? sharesGainOf : sharesLossOf)
      .map((other) => this.#here.get(other)?.get(kind) ?? 0n)
      .reduce((all, each) => all | each, 0n)
    const own = situations & ~shared
    if (own === 0n) return
    const key = [label, kind, cause, part.id].join('\n')
    const known = this.#pending.get(key)?.situations ?? 0n
    this.#pending.set(key, { principal, effect, cause, part, action, situations: known | own })
  }

  /** By rule and pattern, those of the new policy first. */
  differences(): readonly Difference[] {
    this.#settle()
    const lines = withActionsUnited([...this.#lines.values()])
    const isWhole = (line: Line) => line.resources.length === this.#coveredBy(line)
    const whole = new Map<string, Line[]>()
    for (const line of lines.filter(isWhole)) {
      const key = `${line.principal.label} ${line.effect} ${line.part.id}`
      whole.set(key, [...(whole.get(key) ?? []), line])
    }
    const isTold = ({ principal, effect, part, actions, situations }: Line) =>
      (effect === 'gives' ? principal.sharesGainOf : principal.sharesLossOf).some((other) =>
        whole
          .get(`${other} ${effect} ${part.id}`)
          ?.some(
            (told) =>
              (situations & ~told.situations) === 0n &&
              actions.every((action) => told.actions.includes(action)),
          ),
      )
    return this.#united(lines.filter((line) => !isTold(line)))
  }

  #settle(): void {
    for (const [key, { situations, action, ...rest }] of this.#pending) {
      const ofLine = `${key}\n${situations}`
      const line = this.#lines.get(ofLine)
      if (line !== undefined) line.resources.push(this.#resource)
      else {
        const resources = [this.#resource]
        this.#lines.set(ofLine, { ...rest, situations, actions: [action], resources })
      }
    }
    this.#pending = new Map()
  }

  #coveredBy({ principal, part }: Line): number {
    return this.#covered.get(`${part.id} ${principal.label}`) ?? 0
  }

  /** Everybody for whom a line says the same, in one. */
  #united(lines: readonly Line[]): readonly Difference[] {
    const united = new Map<string, Line[]>()
    for (const line of lines.toSorted((a, b) => a.part.id - b.part.id)) {
      const { effect, cause, part, actions, situations, resources } = line
      const covered = this.#coveredBy(line)
      const isWhole = resources.length === covered
      // Where the pattern holds a name, each has repositories of their own, but as many.
      const where = part.on.includes('${') ? [resources.length, covered] : resources
      const key = [effect, cause, part.id, actions, situations, ...(isWhole ? [] : where)].join(
        '\n',
      )
      united.set(key, [...(united.get(key) ?? []), line])
    }
    return [...united.values()].flatMap((same) => {
      const [line] = same
      if (line === undefined) return []
      const { effect, cause, part, actions, situations, resources } = line
      const [count, of, example = ''] = [resources.length, this.#coveredBy(line), resources[0]]
      return {
        effect,
        actions,
        who: withAnyone(same.map(({ principal }) => principal.label)),
        on: part.on,
        only: count === of ? undefined : { count, of, example },
        when: this.#situations.describe(situations),
        cause,
        rule: part.rule,
      }
    })
  }
}

function withActionsUnited(lines: readonly Line[]): readonly Line[] {
  const united = new Map<string, Line>()
  for (const line of lines) {
    const { principal, effect, cause, part, situations, resources } = line
    const key = [principal.label, effect, cause, part.id, situations, ...resources].join('\n')
    const actions = [...(united.get(key)?.actions ?? []), ...line.actions]
    united.set(key, { ...line, actions })
  }
  return [...united.values()]
}

function withAnyone(labels: readonly string[]): readonly string[] {
  if (!labels.includes('anonymous') || !labels.includes('authenticated')) return labels
  return ['anyone', ...labels.filter((label) => label !== 'anonymous' && label !== 'authenticated')]
}

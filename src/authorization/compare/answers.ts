/** What two policies answer to the same question, and by which of their parts the answers differ. */

import { type Action, repositoryActions } from '../../protocol/access.ts'
import { presentedBy } from '../authorize.ts'
import { type Circumstances, conditionTest } from '../conditions.ts'
import { catalog, compilePolicy, type Policy, type Presented } from '../policy.ts'
import type { Rule } from '../rule.ts'
import type { ComparedPart, Effects } from './effects.ts'
import type { ComparedPrincipal, PolicyText } from './principals.ts'
import type { ComparedSituations, SituationClass } from './situations.ts'

/** What a part says of one resource to one principal, when its conditions hold. */
interface Saying {
  readonly part: ComparedPart
  readonly may: ReadonlySet<Action>
  readonly mayNot: ReadonlySet<Action>
}

/** One of the two policies, taken apart so that each pattern speaks for itself. */
export class Side {
  readonly #policy: Policy
  readonly #parts = new Map<Rule, ComparedPart>()
  readonly #presented = new Map<ComparedPrincipal, Presented>()

  /** @param firstId of its parts */
  constructor({ rules, groups }: PolicyText, firstId: number) {
    for (const rule of rules) {
      for (const on of rule.on) {
        const id = firstId + this.#parts.size
        const condition = rule.when && conditionTest(rule.when)
        this.#parts.set({ ...rule, on: [on], when: undefined }, { id, rule, on, condition })
      }
    }
    this.#policy = compilePolicy([...this.#parts.keys()], groups)
  }

  get size(): number {
    return this.#parts.size
  }

  /** Whatever the circumstances. */
  sayings(principal: ComparedPrincipal, resource: string): readonly Saying[] {
    const known = this.#presented.get(principal)
    const presented = known ?? presentedBy(this.#policy, principal.asker)
    if (known === undefined) this.#presented.set(principal, presented)
    return this.#policy
      .matching(presented, resource, noCircumstances)
      .flatMap(({ rule, may, mayNot }) => {
        const part = this.#parts.get(rule)
        return part === undefined ? [] : [{ part, may, mayNot }]
      })
  }
}

/** No part has conditions of its own any more. */
const noCircumstances: Circumstances = { service: '', address: '', time: new Date(0) }

/** What both sides say to one principal of one resource, and where that differs. */
export class Answers {
  readonly #before: Side
  readonly #after: Side
  readonly #situations: ComparedSituations
  readonly #effects: Effects
  readonly #classes = new Map<string, readonly SituationClass[]>()

  constructor(before: Side, after: Side, situations: ComparedSituations, effects: Effects) {
    this.#before = before
    this.#after = after
    this.#situations = situations
    this.#effects = effects
  }

  compare(principal: ComparedPrincipal, resource: string): void {
    const before = this.#before.sayings(principal, resource)
    const after = this.#after.sayings(principal, resource)
    const parts = [...before, ...after].map(({ part }) => part)
    this.#effects.cover(principal, parts)
    const conditional = parts.filter(({ condition }) => condition !== undefined)
    for (const { situations, holds } of this.#classesOf(conditional)) {
      const speaks = ({ part }: Saying) => holds[conditional.indexOf(part)] ?? true
      const [spokenBefore, spokenAfter] = [before.filter(speaks), after.filter(speaks)]
      for (const action of resource === catalog ? (['*'] as const) : repositoryActions) {
        const effect = effectOn(action, spokenBefore, spokenAfter)
        if (effect !== undefined) {
          this.#effects.add(principal, { ...effect, action, situations })
        }
      }
    }
  }

  #classesOf(conditional: readonly ComparedPart[]): readonly SituationClass[] {
    if (conditional.length === 0) return [{ situations: this.#situations.all, holds: [] }]
    const key = conditional.map(({ id }) => id).join()
    const known = this.#classes.get(key)
    if (known !== undefined) return known
    const tests = conditional.flatMap(({ condition }) => condition ?? [])
    const classes = this.#situations.classesOf(tests)
    this.#classes.set(key, classes)
    return classes
  }
}

function effectOn(action: Action, before: readonly Saying[], after: readonly Saying[]) {
  const [old, now] = [verdictOn(action, before), verdictOn(action, after)]
  if (now.isHeld && !old.isHeld) {
    return old.given !== undefined && old.denied !== undefined
      ? ({ effect: 'gives', cause: 'no_longer_denied', part: old.denied } as const)
      : now.given && ({ effect: 'gives', cause: 'now_given', part: now.given } as const)
  }
  if (old.isHeld && !now.isHeld) {
    return now.given !== undefined && now.denied !== undefined
      ? ({ effect: 'takes', cause: 'now_denied', part: now.denied } as const)
      : old.given && ({ effect: 'takes', cause: 'no_longer_given', part: old.given } as const)
  }
  return undefined
}

/** The first of each: a line names one rule, and two that say the same are no two effects. */
function verdictOn(action: Action, sayings: readonly Saying[]) {
  const given = sayings.find(({ may }) => may.has(action))?.part
  const denied = sayings.find(({ mayNot }) => mayNot.has(action))?.part
  return { given, denied, isHeld: given !== undefined && denied === undefined }
}

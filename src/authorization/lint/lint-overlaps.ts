/** Rules that lie upon each other: what one gives and another takes, and what both say. */

import { type Pattern, parsePattern } from '../pattern.ts'
import { catalog, type GroupMap } from '../policy.ts'
import type { Rule } from '../rule.ts'
import { listed, ruleTitle } from '../rule-words.ts'
import type { Warn } from './lint-warning.ts'
import { coversWho, partsOf, RuleParts } from './rule-parts.ts'

export class Overlaps {
  readonly #groups: GroupMap
  readonly #order: ReadonlyMap<Rule, number>
  readonly #given: RuleParts
  readonly #denied: RuleParts

  constructor(rules: readonly Rule[], groups: GroupMap) {
    this.#groups = groups
    this.#order = new Map(rules.map((rule, index) => [rule, index]))
    this.#given = new RuleParts(rules, 'may', groups)
    this.#denied = new RuleParts(rules, 'mayNot', groups)
  }

  lint(rule: Rule, warn: Warn): void {
    const takers = this.#takersOf(rule)
    const twin = this.#twinOf(rule)
    if (takers.length > 0) {
      const named = takers.map((taker) => (taker === rule ? 'its own may_not' : ruleTitle(taker)))
      warn(
        'shadowed',
        `all that it gives is denied by ${listed(named, 'and', 3)}; remove one of them`,
      )
    } else if (twin !== undefined) {
      warn('redundant', `says nothing that ${ruleTitle(twin)} does not say; remove it`)
    } else {
      this.#lintOwnPatterns(rule, warn)
    }
    this.#lintShallowDeny(rule, warn)
  }

  /** The rules that deny all that this one gives; none where something is left of it. */
  #takersOf(rule: Rule): readonly Rule[] {
    const takers = new Set<Rule>()
    for (const part of partsOf(rule, 'may')) {
      const [taker] = this.#denied.saying(part)
      if (taker === undefined) return []
      takers.add(taker)
    }
    return [...takers]
  }

  /** Another rule that says all that this one says. Of two that say the same, the later one has a twin. */
  #twinOf(rule: Rule): Rule | undefined {
    const position = (each: Rule) => this.#order.get(each) ?? 0
    return this.#sayingAll(rule).find(
      (other) => position(other) < position(rule) || !this.#sayingAll(other).includes(rule),
    )
  }

  #sayingAll(rule: Rule): readonly Rule[] {
    const [first = new Set<Rule>(), ...more] = [
      ...partsOf(rule, 'may').map((part) => this.#given.saying(part)),
      ...partsOf(rule, 'mayNot').map((part) => this.#denied.saying(part)),
    ]
    return [...first].filter((other) => other !== rule && more.every((each) => each.has(other)))
  }

  /** Each pattern as a rule of its own: found by their keys and not by trying all pairs, of which a long list has many. */
  #lintOwnPatterns(rule: Rule, warn: Warn): void {
    const alone = rule.on
      .filter((text) => text !== catalog)
      .map((text) => ({ ...rule, on: [text] }))
    if (alone.length < 2) return
    const overlaps = new Overlaps(alone, this.#groups)
    for (const each of alone) {
      const outer = overlaps.#twinOf(each)
      if (outer === undefined) continue
      warn('redundant', `"${each.on}" covers nothing that "${outer.on}" does not cover; remove it`)
    }
  }

  /** A release that is kept at `releases/*` is open at `releases/app/web`, where another rule gives more. */
  #lintShallowDeny(rule: Rule, warn: Warn): void {
    for (const text of rule.on) {
      const below = belowOf(text)
      if (below === undefined) continue
      for (const part of partsOf(rule, 'mayNot', [text])) {
        const open = this.#given
          .on(below, part.action)
          .find(
            (given) =>
              coversWho(part, given, this.#groups) &&
              this.#denied.saying({ ...given, pattern: below }).size === 0,
          )
        if (open === undefined) continue
        const advice = `to deny that too, write "${text.replace(/\*$/, '**')}"`
        warn(
          'shallow_deny',
          `"${text}" is one level alone, and ${ruleTitle(open.rule)} gives ${part.action} below it; ${advice}`,
        )
        return
      }
    }
  }
}

/** What lies below a pattern that ends in a `*`, if there is something before that. */
function belowOf(text: string): Pattern | undefined {
  if (!/[^*]\/\*$/.test(text)) return undefined
  const patterns = parsePattern(`${text}/**`)
  return typeof patterns === 'string' || patterns.length > 1 ? undefined : patterns[0]
}

/** A1: every decision of the engine equals that of an oracle which shares no code with it. */

import { expect, test } from 'vitest'
import { fc, seed } from '../support/fast-check.ts'
import { compiled, granted } from './engine.ts'
import {
  allowedActions,
  anonymousMayAnything,
  type Policy,
  type PolicyRule,
  type Question,
} from './oracle.ts'
import {
  askedArbitrary,
  askerArbitrary,
  circumstancesNear,
  policyArbitrary,
  resourceNear,
} from './policy-arbitrary.ts'

const policyCount = 280
const askersOfEach = 8
const circumstancesOfEach = 3
const resourcesOfEach = 8
/** Of every so many cells it is asked which part of the language decided it. */
const examined = 10

/** The policy without one part of the language: where the answer differs, that part decided. */
const parts: Readonly<Record<string, (rule: PolicyRule) => PolicyRule>> = {
  denies: ({ may_not, ...rule }) => rule,
  conditions: ({ when, ...rule }) => rule,
  variables: (rule) => ({ ...rule, on: rule.on.filter((pattern) => !pattern.includes('$')) }),
  groups: (rule) => ({ ...rule, who: rule.who.filter((word) => !word.startsWith('group:')) }),
  wildcards: (rule) => ({ ...rule, on: rule.on.filter((pattern) => !/[*?{]/.test(pattern)) }),
}

interface Cell extends Question {
  readonly asked: readonly string[]
}

function cellsOf(policy: Policy, policySeed: number): readonly Cell[] {
  const drawn = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number, step = 0) =>
    fc.sample(arbitrary, { seed: policySeed + step, numRuns })
  const where = drawn(circumstancesNear(policy), circumstancesOfEach)
  return drawn(askerArbitrary, askersOfEach).flatMap((asker, index) => {
    const question = fc.record({ resource: resourceNear(policy, asker), asked: askedArbitrary })
    return where.flatMap((circumstances, step) =>
      drawn(question, resourcesOfEach, index * circumstancesOfEach + step).map((each) => ({
        ...each,
        asker,
        circumstances,
      })),
    )
  })
}

test('A1: every decision of the engine is that of the oracle', { timeout: 120_000 }, () => {
  let cells = 0
  let grants = 0
  const decided = new Map(Object.keys(parts).map((part) => [part, 0]))
  const policies = fc.sample(policyArbitrary, { seed, numRuns: policyCount })
  for (const [index, policy] of policies.entries()) {
    const engine = compiled(policy)
    const variants = Object.entries(parts).map(
      ([part, without]) => [part, { ...policy, rules: policy.rules.map(without) }] as const,
    )
    for (const cell of cellsOf(policy, seed + index * 1_000)) {
      const { asked, circumstances } = cell
      const expected = allowedActions(policy, cell, asked)
      const answer = granted(engine, cell, asked)
      if (answer.join() !== expected.join()) {
        expect.fail(`seed ${seed}, policy ${index}: ${JSON.stringify({ cell, policy }, null, 1)}
          the oracle gives [${expected}], the engine [${answer}]`)
      }
      expect(engine.anonymousMay(circumstances)).toBe(anonymousMayAnything(policy, circumstances))
      cells += 1
      if (expected.length > 0) grants += 1
      if (cells % examined > 0) continue
      for (const [part, variant] of variants) {
        if (allowedActions(variant, cell, asked).join() !== expected.join()) {
          decided.set(part, (decided.get(part) ?? 0) + 1)
        }
      }
    }
  }
  const share = (count: number) => count / cells
  console.log(
    `A1: ${cells} cells, ${(share(grants) * 100).toFixed(1)} % granted; decided by`,
    decided,
  )
  expect(cells).toBeGreaterThanOrEqual(50_000)
  // A world where nearly nothing, or nearly everything, is allowed would prove little.
  expect(share(grants)).toBeGreaterThan(0.2)
  expect(share(grants)).toBeLessThan(0.6)
  for (const [part, count] of decided) {
    expect(share(count * examined), `cells that ${part} decided`).toBeGreaterThan(0.01)
  }
})

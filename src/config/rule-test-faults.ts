/** The tests that the rules of a configuration break, as faults of its file. */

import { failingRuleTests } from '../authorization/rule-tests.ts'
import type { Config } from './config.ts'
import type { Fault } from './config-error.ts'
import { lineOf } from './origins.ts'

export interface RuleTestFault extends Fault {
  readonly hasEnded: boolean
}

/** @param now for the tests that name no time */
export function ruleTestFaults(config: Config, now: Date): readonly RuleTestFault[] {
  return failingRuleTests(config, now).map(({ test, message, hasEnded }) => {
    const line = lineOf(test.origin)
    return {
      hasEnded,
      file: config.file ?? '',
      place: line === undefined ? undefined : { line },
      key: `rule_tests[${config.ruleTests.indexOf(test)}]`,
      message: `the rules fail this test: ${message}`,
    }
  })
}

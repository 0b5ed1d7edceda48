/** The engine, asked in the words of the oracle. */

import { authorize } from '../../src/authorization/authorize.ts'
import { type Policy as CompiledPolicy, compilePolicy } from '../../src/authorization/policy.ts'
import { type Conditions, parsePrincipal, type Rule } from '../../src/authorization/rule.ts'
import type { Action } from '../../src/protocol/access.ts'
import { parseScopes } from '../../src/protocol/scope.ts'
import {
  type Policy,
  type PolicyConditions,
  type PolicyRule,
  type Question,
  writtenOut,
} from './oracle.ts'

/** @throws where the rule could not stand in a configuration */
export function ruleOf(rule: PolicyRule, index = 0): Rule {
  return {
    name: rule.name,
    origin: `test:${index}`,
    who: rule.who.map((word) => {
      const principal = parsePrincipal(word)
      if (typeof principal === 'string') throw new Error(`${word}: ${principal}`)
      return principal
    }),
    may: (rule.may ?? []) as Action[],
    mayNot: (rule.may_not ?? []) as Action[],
    on: rule.on,
    ...(rule.when === undefined ? {} : { when: conditionsOf(rule.when) }),
  }
}

function conditionsOf({ from, until, ...rest }: PolicyConditions): Conditions {
  return {
    ...rest,
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(until === undefined ? {} : { until: new Date(until) }),
  }
}

export function compiled({ rules, groups }: Policy): CompiledPolicy {
  return compilePolicy(rules.map(ruleOf), groups)
}

/** What the engine gives of what a client asked in one scope, in the form of the oracle's answer. */
export function granted(
  policy: CompiledPolicy,
  { asker, resource: { type, name }, circumstances }: Question,
  asked: readonly string[],
): readonly string[] {
  // The way of a request: a name that is in no grammar never reaches a rule.
  const { scopes } = parseScopes([`${type}:${name}:${asked.join(',')}`])
  const { access } = authorize(policy, asker, scopes, circumstances)
  const [only, ...more] = access
  if (
    more.length > 0 ||
    (only !== undefined && `${only.type}:${only.name}` !== `${type}:${name}`)
  ) {
    throw new Error(`${type}:${name} was answered with ${JSON.stringify(access)}`)
  }
  if (only?.actions.length === 0) throw new Error('access to nothing')
  return writtenOut(type, only?.actions ?? [])
}

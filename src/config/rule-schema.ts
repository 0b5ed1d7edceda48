/** The language of rules: what `rules` and `rule_tests` may hold. */

import { z } from 'zod'
import { type Variable, variables } from '../authorization/pattern.ts'
import { catalog } from '../authorization/policy.ts'
import type { Principal } from '../authorization/rule.ts'
import { actions } from '../protocol/access.ts'
import { editorHints, sectionHints } from './editor-hints.ts'
import { nearest } from './nearest.ts'
import {
  claim,
  memberName,
  oneOrMore,
  onLists,
  onMaps,
  refuseTwins,
  section,
  text,
} from './schema-parts.ts'
import {
  readAddress,
  readMoment,
  readNetwork,
  readPrincipal,
  readResource,
  readTestedAsker,
  readTestedResource,
} from './values.ts'

const action = z.enum(actions, {
  error: ({ input }) =>
    typeof input === 'string' ? `"${input}" is no action; ${nearest(input, actions)}` : undefined,
})

const when = section({
  network: oneOrMore(text.meta(editorHints.network).transform(readNetwork))
    .optional()
    .describe('Addresses and CIDRs that the client must be in one of.'),
  from: text
    .meta(editorHints.moment)
    .transform(readMoment)
    .optional()
    .describe('The date or time from which on the rule speaks, such as 2027-01-31.'),
  until: text
    .meta(editorHints.moment)
    .transform(readMoment)
    .optional()
    .describe(
      'The date or time from which on it speaks no more; a date begins at midnight in UTC.',
    ),
  service: oneOrMore(claim)
    .optional()
    .describe('Names of "services" that the token must be for one of.'),
})
  .superRefine((value, ctx) => {
    if (Object.keys(value).length === 0 && ctx.issues.length === 0) {
      ctx.addIssue({ code: 'custom', message: 'holds no condition; remove it' })
    }
    const { from, until } = value
    if (from instanceof Date && until instanceof Date && until <= from) {
      const message = 'ends before "from" begins, so the rule would never speak'
      ctx.addIssue({ code: 'custom', path: ['until'], message })
    }
  }, onMaps)
  .meta(sectionHints.someKey)

const rule = section({
  name: text
    .meta(editorHints.ruleName)
    .optional()
    .describe('What the rule says, for logs and explanations.'),
  who: oneOrMore(text.meta(editorHints.principal).transform(readPrincipal)).describe(
    'Whom it speaks of: anonymous, authenticated, anyone, user:NAME, group:NAME, group:*, robot:NAME.',
  ),
  may: oneOrMore(action).optional().describe('What they may: pull, push, delete, or "*" for all.'),
  may_not: oneOrMore(action).optional().describe('What they may not, whatever other rules say.'),
  on: oneOrMore(text.meta(editorHints.resource).transform(readResource)).describe(
    `Patterns over repository names such as "team/**" or "\${user}/**", or ${catalog}.`,
  ),
  when: when.optional().describe('Conditions that must all hold for the rule to speak.'),
})
  .superRefine((value, ctx) => {
    const { may, may_not: mayNot, on } = value
    const isFaulty = (key: string) => ctx.issues.some(({ path }) => path?.[0] === key)
    // A key that nobody knows is a mistyped may: more often than not.
    const isMistyped = ctx.issues.some(({ code }) => code === 'unrecognized_keys')
    const isSilent = may === undefined && mayNot === undefined && !isMistyped
    if (isSilent && !isFaulty('may') && !isFaulty('may_not')) {
      ctx.addIssue({ code: 'custom', message: 'gives and denies nothing; add may: or may_not:' })
    }
    if (!Array.isArray(on)) return
    if (Array.isArray(value.who) && !isFaulty('who') && !isFaulty('on')) {
      for (const [index, fault] of variableFaults(value.who, on)) {
        ctx.addIssue({ code: 'custom', path: ['on', index], message: fault })
      }
    }
    if (on.includes(catalog)) refuseActionsOnCatalog(value, ctx)
  }, onMaps)
  .meta(sectionHints.mayOrMayNot)

function refuseActionsOnCatalog(
  value: { readonly may?: unknown; readonly may_not?: unknown },
  ctx: z.core.$RefinementCtx,
): void {
  for (const key of ['may', 'may_not'] as const) {
    const named = value[key]
    if (!Array.isArray(named) || (named.length === 1 && named[0] === '*')) continue
    const message = `${catalog} knows one action, "*"; write ${key}: ["*"], and repositories by themselves`
    ctx.addIssue({ code: 'custom', path: [key], message })
  }
}

/** Whose name a variable is; a rule that speaks of none of these would never match. */
const namedBy: Readonly<Record<Variable, readonly Principal['kind'][]>> = {
  user: ['user', 'group', 'every_group', 'authenticated', 'anyone'],
  group: ['group', 'every_group'],
  robot: ['robot', 'group', 'every_group', 'authenticated', 'anyone'],
}
const wordsFor: Readonly<Record<Variable, string>> = {
  user: 'authenticated, user:NAME or group:NAME',
  group: 'group:* or group:NAME',
  robot: 'authenticated or robot:NAME',
}

function* variableFaults(
  who: readonly Principal[],
  on: readonly string[],
): Generator<readonly [index: number, fault: string]> {
  for (const [index, text] of on.entries()) {
    for (const variable of variables) {
      const isUsed = text.includes(`\${${variable}}`)
      if (!isUsed || who.some(({ kind }) => namedBy[variable].includes(kind))) continue
      yield [
        index,
        `"${text}": nobody that "who" names has a value for \${${variable}}; name ${wordsFor[variable]} there`,
      ]
    }
  }
}

export const rules = z.array(rule).superRefine((each, ctx) => {
  refuseTwins(
    ctx,
    each.map((one) => one?.name),
    (index) => [index, 'name'],
    'rule',
  )
}, onLists)

export const ruleTest = section({
  who: text
    .meta(editorHints.testedAsker)
    .transform(readTestedAsker)
    .describe("Who asks: a user's name, robot:NAME, or anonymous."),
  groups: z
    .array(memberName)
    .prefault([])
    .describe('Groups of whoever asks, beside those that the file gives.'),
  may: oneOrMore(action).optional().describe('What they must be allowed.'),
  may_not: oneOrMore(action).optional().describe('What they must not be allowed.'),
  on: text
    .meta(editorHints.testedResource)
    .transform(readTestedResource)
    .describe(`One repository by its name, or ${catalog}.`),
  from: text
    .meta(editorHints.address)
    .transform(readAddress)
    .optional()
    .describe("The client's address. Default: one that is in no network."),
  at: text
    .meta(editorHints.moment)
    .transform(readMoment)
    .optional()
    .describe('When they ask. Default: now.'),
  service: claim.optional().describe('What the token is for. Default: the first of "services".'),
})
  .superRefine((value, ctx) => {
    const { who, groups: of = [], may, may_not: mayNot } = value
    if (may === undefined && mayNot === undefined && ctx.issues.length === 0) {
      ctx.addIssue({ code: 'custom', message: 'expects nothing; add may: or may_not:' })
    }
    if (who === null && of.length > 0) {
      const message = 'anonymous is in no group; remove them'
      ctx.addIssue({ code: 'custom', path: ['groups'], message })
    }
    if (value.on === catalog) refuseActionsOnCatalog(value, ctx)
  }, onMaps)
  .meta(sectionHints.mayOrMayNot)

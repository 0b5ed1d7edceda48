/** `dockwarden explain --request`: what the running server decided about a request, and why it would now. */

import { type Explanation, explain } from '../authorization/explain/explain.ts'
import { askerTitle } from '../authorization/explain/question.ts'
import { catalog } from '../authorization/policy.ts'
import { askForDecision } from '../control/control-client.ts'
import { AppError } from '../errors.ts'
import { actions } from '../protocol/access.ts'
import { formatScope, type Scope } from '../protocol/scope.ts'
import type { RecentDecision } from '../token/recent-decisions.ts'
import { askServer } from './ask-server.ts'
import { type AskedPerson, groupsOrigin } from './asked-person.ts'
import { explainReport, explainText } from './explain-report.ts'
import { type CircumstancesOptions, readCircumstances, readResourceName } from './question-input.ts'
import { type RulesInForce, readRulesInForce } from './rules-in-force.ts'
import type { Terminal } from './terminal.ts'

export interface ExplainRequestOptions extends CircumstancesOptions {
  readonly config?: string
  /** To add to those that the subject had. */
  readonly group: readonly string[]
}

export interface ExplainedRequest {
  readonly decision: RecentDecision
  readonly person: AskedPerson
  /** By the rules of now, in the order in which it was asked; a sentence where no rule can give it. */
  readonly explanations: readonly (Explanation | string)[]
}

/** @throws AppError not_found where the server does not know the request, unavailable where there is none */
export async function explainRequest(
  id: string,
  options: ExplainRequestOptions,
  terminal: Terminal,
): Promise<ExplainedRequest> {
  if (!/^[\w-]{1,64}$/.test(id)) {
    throw new AppError('invalid_request', `"${id}" is no id of a request; the client was shown it`)
  }
  const found = await askServer(options, terminal, (socket) => askForDecision(socket, id))
  if (found === undefined) {
    throw new AppError(
      'not_found',
      `the server does not remember the request ${id}: it keeps what gave less than was asked, for as long as the token was good; its log has every decision`,
    )
  }
  // It is the server of this very program that answers, over a socket that nobody else can open.
  const decision = found as RecentDecision
  const rules = await readRulesInForce(options, terminal)
  const { service, address } = decision
  const circumstances = readCircumstances({ service, from: address, ...options }, rules.config)
  const person = personOf(decision, rules, options.group)
  const explanations = decision.asked.map((scope) => {
    const resource = resourceOf(scope)
    if (typeof resource !== 'string') return resource.fault
    const named = actions.filter((each) => scope.actions.includes(each))
    return named.length === 0
      ? `${formatScope(scope)} names no action that a rule can give`
      : explain(rules.policy, { asker: person.asker, actions: named, resource, circumstances })
  })
  return { decision, person, explanations }
}

/** As the token was issued for them, with the groups that the file gives now. */
function personOf(
  { subject }: RecentDecision,
  { config, policy }: RulesInForce,
  added: readonly string[],
): AskedPerson {
  const obstacle = undefined
  const nobody = { asker: null, groups: [], doubtfulGroups: [], backend: undefined }
  if (subject === null) return { ...nobody, obstacle, notes: [] }
  const own = [...subject.groups, ...added.map((name) => ({ name, origin: '--group' }))]
  const origin = groupsOrigin(config)
  const ofFile = policy.groupsOf(subject.name).map((name) => ({ name, origin }))
  return {
    asker: { ...subject, groups: own },
    groups: [...own, ...ofFile],
    doubtfulGroups: subject.doubtfulGroups ?? [],
    backend: subject.backend,
    obstacle,
    notes: [],
  }
}

function resourceOf({ type, name }: Scope): string | { readonly fault: string } {
  if (`${type}:${name}` === catalog) return catalog
  if (type !== 'repository') return { fault: `no rule speaks of ${type}:${name}` }
  try {
    return readResourceName(name)
  } catch (error) {
    if (error instanceof AppError) return { fault: error.message }
    throw error
  }
}

/** As `--json` prints it. */
export function requestReport({ decision, person, explanations }: ExplainedRequest) {
  return {
    request: decision,
    now: explanations.map((each) =>
      typeof each === 'string' ? { allowed: false, reason: each } : explainReport(each, person),
    ),
  }
}

export function requestText({ decision, person, explanations }: ExplainedRequest): string {
  const { requestId, kind, time, subject, service, address, asked, malformed } = decision
  const { granted, rules } = decision
  const what = { token: 'a token for less than was asked', denial: 'a refusal of the registry' }
  const by = subject === null ? '' : ` of ${subject.backend}`
  const list = (scopes: readonly Scope[]) => scopes.map(formatScope).join(' ') || 'nothing'
  return [
    `Request ${requestId}, ${time}: ${what[kind]}.`,
    `${askerTitle(subject)}${by}, from ${address}, for the service ${service}, asked ${list(asked)} and was granted ${list(granted)}.`,
    `Decided by: ${rules.join(', ') || 'no rule'}.`,
    // Whatever somebody sent, also lines that look like ours.
    ...malformed.map((text) => `Not understood: ${JSON.stringify(text)}`),
    '',
    'By the rules as they are now:',
    ...explanations.map((each) =>
      typeof each === 'string' ? `No: ${each}.` : explainText(each, person),
    ),
  ].join('\n')
}

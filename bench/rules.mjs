// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variable of a rule
/** The rules by themselves, in this process: a policy compiled, a file of rules loaded, one decision. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authorize } from '../dist/authorization/authorize.js'
import { compilePolicy } from '../dist/authorization/policy.js'
import { parsePrincipal } from '../dist/authorization/rule.js'
import { loadConfig } from '../dist/config/load.js'
import { resultLine } from './result-line.mjs'

const fewRules = 10
const manyRules = 10_000
const groupCount = 100
const groups = Object.fromEntries(
  numbers(groupCount).map((number) => [`group-${number}`, [`user-${number}`]]),
)
/** In every group, as far as the directory says. */
const asker = {
  name: 'user-1',
  kind: 'user',
  groups: numbers(groupCount).map((number) => ({ name: `group-${number}` })),
}
const circumstances = { service: 'registry', address: '192.0.2.1', time: new Date() }

/** What each rule is about, and what is asked so that one of them has something to say. */
const kinds = {
  'literal names': {
    on: (number) => `team-${number}/app`,
    ask: (number) => `team-${number}/app`,
  },
  'a namespace each': {
    on: (number) => `team-${number}/**`,
    ask: (number) => `team-${number}/app/web`,
  },
  'wildcards behind a prefix': {
    on: (number) => `team-${number}-*/{app,web}-?`,
    ask: (number) => `team-${number}-x/web-1`,
  },
  'wildcards before a name': {
    on: (number) => `*/app-${number}`,
    ask: (number) => `team/app-${number}`,
  },
  'wildcards before an end': {
    on: (number) => `**/*-${number}`,
    ask: (number) => `team/deep/app-${number}`,
  },
  '${group} before an end': {
    who: () => 'group:*',
    on: (number) => `\${group}-${number}/**`,
    ask: (number) => `group-${(number % groupCount) + 1}-${number}/app`,
  },
  '${group} above a name': {
    who: () => 'group:*',
    on: (number) => `teams/\${group}/app-${number}/**`,
    ask: (number) => `teams/group-${(number % groupCount) + 1}/app-${number}/web`,
  },
}

/** @returns result lines */
export async function rules(bench) {
  return [...compiling(bench), ...(await loading(bench)), ...deciding(bench), ...hostile(bench)]
}

function compiling({ rounds }) {
  return Object.entries(kinds).map(([name, kind]) => {
    const [part, whole] = [manyRules / 10, manyRules].map((count) => linesOf(kind, count).map(rule))
    const measured = interleave(rounds, {
      part: () => milliseconds(() => compilePolicy(part, groups)),
      whole: () => milliseconds(() => compilePolicy(whole, groups)),
    })
    return judged({
      row: `10,000 rules × 100 groups compiled, ${name}`,
      measure: 'CPU ms',
      value: measured.whole,
      atMost: 500,
      than: { name: 'ten times 1,000 rules', value: measured.part * 10 },
    })
  })
}

async function loading({ rounds }) {
  const folder = mkdtempSync(join(tmpdir(), 'dockwarden-rules-'))
  const file = join(folder, 'dockwarden.yml')
  const text = (line) => `  - ${JSON.stringify(line)}\n`
  const lines = linesOf(kinds['a namespace each'], manyRules)
  writeFileSync(file, `groups: ${JSON.stringify(groups)}\nrules:\n${lines.map(text).join('')}`)
  const times = []
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage()
    await loadConfig({ file, env: {}, workingFolder: folder })
    times.push(millisecondsSince(before))
  }
  rmSync(folder, { recursive: true })
  const row = '10,000 rules × 100 groups read from YAML and checked'
  return [resultLine({ row, measure: 'CPU ms', value: median(times) })]
}

function deciding({ rounds }) {
  return Object.entries(kinds).map(([name, kind]) => {
    const decisionsOf = (count) => {
      const policy = compilePolicy(linesOf(kind, count).map(rule), groups)
      // Never the same name twice in a row, as from many clients.
      const scopes = numbers(500).map((number) => [scope(kind.ask(((number * 7919) % count) + 1))])
      expectGrants(policy, scopes)
      return () => microseconds(policy, scopes)
    }
    const measured = interleave(rounds, {
      few: decisionsOf(fewRules),
      many: decisionsOf(manyRules),
    })
    return judged({
      row: `decision with 10,000 rules × 100 groups, ${name}`,
      measure: 'CPU µs',
      value: measured.many,
      atMost: 50,
      than: { name: 'own with 10 rules', value: measured.few },
    })
  })
}

/** The worst patterns on names that come close to them; then both of them twice as long. */
function hostile({ rounds }) {
  const shapes = {
    'a near miss at each letter': [
      (size) => `*${'a'.repeat(size)}b*`,
      (size) => 'a'.repeat(size * 2),
    ],
    'a star at each letter': [(size) => `${'*a'.repeat(size)}*b*`, (size) => 'a'.repeat(size * 2)],
    'two stars at each segment': [
      (size) => `${'**/a/'.repeat(size / 3)}b`,
      (size) => 'a/'.repeat(size).slice(0, -1),
    ],
    'braces in all ways': [
      (size) => `${'{a,aa}'.repeat(6)}${'*a'.repeat(size / 2)}*b*`,
      (size) => 'a'.repeat(size * 2),
    ],
  }
  return Object.entries(shapes).map(([name, [patternOf, nameOf]]) => {
    const decisionsOf = (size) => {
      const line = { who: ['anyone'], may: ['pull'], on: [patternOf(size)] }
      const policy = compilePolicy([rule(line, 0)])
      const scopes = numbers(20).map(() => [scope(nameOf(size))])
      return () => microseconds(policy, scopes, null)
    }
    const measured = interleave(rounds, { half: decisionsOf(60), whole: decisionsOf(120) })
    return resultLine({
      row: `decision on a hostile pattern, ${name}`,
      measure: 'CPU µs',
      value: measured.whole,
      than: { name: 'both half as long', value: measured.half },
      // The product of the two lengths, and some room.
      goal: { atMost: 5 },
    })
  })
}

function linesOf({ who, on }, count) {
  return numbers(count).map((number) => ({
    who: [who?.(number) ?? `group:group-${(number % groupCount) + 1}`],
    may: ['pull'],
    on: [on(number)],
  }))
}

function rule({ who, may, on }, index) {
  const origin = `dockwarden.yml:${index + 1}`
  return { name: `rule ${index + 1}`, origin, who: who.map(parsePrincipal), may, mayNot: [], on }
}

const scope = (name) => ({ type: 'repository', name, actions: ['pull'] })

/** Nothing is decided faster than a no to all. */
function expectGrants(policy, questions) {
  for (const scopes of questions) {
    if (authorize(policy, asker, scopes, circumstances).access.length !== 1) {
      throw new Error(`nothing is granted on ${scopes[0].name}`)
    }
  }
}

/** Of processor time for one decision. */
function microseconds(policy, questions, subject = asker) {
  let calls = 0
  let spent = 0
  while (spent < 50) {
    spent += milliseconds(() => {
      for (const scopes of questions) authorize(policy, subject, scopes, circumstances)
    })
    calls += questions.length
  }
  return (spent / calls) * 1000
}

/** Of processor time: what else the machine does makes it wait, but not work. */
function milliseconds(work) {
  const before = process.cpuUsage()
  work()
  return millisecondsSince(before)
}

function millisecondsSince(before) {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Takes turns, so that whatever else the machine does hits all alike. @returns the medians */
function interleave(rounds, measures) {
  const taken = Object.fromEntries(Object.keys(measures).map((name) => [name, []]))
  // The first turn is for the compiler.
  for (let round = 0; round <= rounds * 3; round += 1) {
    for (const [name, measure] of Object.entries(measures)) {
      const value = measure()
      if (round > 0) taken[name].push(value)
    }
  }
  return Object.fromEntries(Object.entries(taken).map(([name, values]) => [name, median(values)]))
}

/** Judged by what it is, shown beside what it compares with. */
function judged({ row, measure, value, atMost, than }) {
  const line = resultLine({ row, measure, value, goal: { atMost } })
  return { ...line, compared: than.name, other: than.value, ratio: value / than.value }
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

function numbers(count) {
  return Array.from({ length: count }, (_, index) => index + 1)
}

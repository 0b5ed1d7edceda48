/** The rows of the bench: each starts the servers that it needs, loads them in turn, and judges. */

import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { pullQuery } from './contestants.mjs'
import { askRepeatedly, floodWithLogins, logInOnce } from './load.mjs'
import { resultLine } from './result-line.mjs'
import { rules } from './rules.mjs'

const rivalName = 'docker_auth'
const fewRules = 10
const manyRules = 10_000
const manyAccounts = 10_000
const loginsPerRound = 60
const directoryLoginsPerRound = 600
/** Enough that none of them is guessed at more often than the throttle allows. */
const floodedAccounts = 1_000

/**
 * @param bench `start(who, setUp)`, `startFloor()`, `startDirectory(people)`, `rounds`, `seconds` of a round, `tokens` of the long run, and
 *   `contestants`: the names to compare
 * @returns result lines
 */
export const rows = { anonymous, rules, logins, directory, flood, footprint, longRun }

async function anonymous(bench) {
  const servers = {}
  for (const who of bench.contestants) {
    servers[`${who} 10`] = await bench.start(who, { rules: fewRules })
    servers[`${who} 10000`] = await bench.start(who, { rules: manyRules })
  }
  servers.floor = await bench.startFloor()
  const measured = await interleave(bench, servers, (server, name) => {
    const rules = name.endsWith(' 10000') ? manyRules : fewRules
    return askRepeatedly(server.tokenUrl(pullQuery(rules)), { seconds: bench.seconds })
  })
  const few = pick(measured, ' 10')
  const many = pick(measured, ' 10000')
  return [
    ...compare('anonymous pull, ES256, 10 rules', few, {
      rate: { atLeast: 1.5 },
      p99: { atMost: 1 },
      cpu: { atMost: 0.6 },
    }),
    ...compare('bare node:http that signs, and does nothing else', {
      ours: measured.floor,
      rival: few.rival,
    }),
    ...compare('anonymous pull, ES256, 10,000 rules', many, { rate: { atLeast: 200 } }),
    resultLine({
      row: 'anonymous pull, ES256, 10,000 rules',
      measure: 'answers/s',
      value: many.ours.rate,
      than: { name: 'own with 10 rules', value: few.ours.rate },
      goal: { atLeast: 0.9 },
    }),
  ]
}

async function logins(bench) {
  const people = Array.from({ length: loginsPerRound * bench.rounds }, (_, index) =>
    account(`user-${index}`, 10),
  )
  const robot = account('robot', 10)
  const users = [...people, robot]
  const servers = {}
  for (const who of bench.contestants) {
    servers[who] = await bench.start(who, { rules: fewRules, users })
  }
  const again = await interleave(bench, servers, (server) =>
    askRepeatedly(server.tokenUrl(pullQuery(fewRules)), {
      seconds: bench.seconds,
      credentials: robot,
    }),
  )
  const first = await interleave(bench, servers, (server, _name, round) =>
    logInOnce(
      server.tokenUrl(pullQuery(fewRules)),
      people.slice(round * loginsPerRound, (round + 1) * loginsPerRound),
    ),
  )
  return [
    ...compare('logs in again, bcrypt cost 10', pick(again), { rate: { atLeast: 100 } }),
    ...compare('first login, bcrypt cost 10', pick(first), { rate: { atLeast: 1.2 } }),
  ]
}

async function directory(bench) {
  const people = Array.from({ length: directoryLoginsPerRound * bench.rounds }, (_, index) => ({
    name: `user-${index}`,
    password: `password of user-${index}`,
  }))
  const robot = { name: 'robot', password: 'password of robot' }
  const asked = await bench.startDirectory([...people, robot])
  const servers = {}
  for (const who of bench.contestants) {
    servers[who] = await bench.start(who, { rules: fewRules, directory: asked })
  }
  const first = await interleave(bench, servers, (server, _name, round) =>
    logInOnce(
      server.tokenUrl(pullQuery(fewRules)),
      people.slice(round * directoryLoginsPerRound, (round + 1) * directoryLoginsPerRound),
    ),
  )
  const again = await interleave(bench, servers, (server) =>
    askRepeatedly(server.tokenUrl(pullQuery(fewRules)), {
      seconds: bench.seconds,
      credentials: robot,
    }),
  )
  return [
    ...compare('first login, LDAPS', pick(first), { rate: { atLeast: 1.5 } }),
    ...compare('logs in again, LDAPS', pick(again), { rate: { atLeast: 20 } }),
  ]
}

async function flood(bench) {
  const users = Array.from({ length: floodedAccounts }, (_, index) => ({
    name: `victim-${index}`,
    hash: unverifiableHash(12),
  }))
  const names = users.map(({ name }) => name)
  const lines = []
  for (const who of bench.contestants) {
    const server = await bench.start(who, { rules: fewRules, users })
    const url = server.tokenUrl(pullQuery(fewRules))
    const measured = await interleave(
      bench,
      { quiet: server, flooded: server },
      async (_server, name) => {
        if (name === 'quiet') return askRepeatedly(url, { seconds: bench.seconds })
        const stopFlood = floodWithLogins(url, names)
        await sleep(500)
        const answered = await askRepeatedly(url, { seconds: bench.seconds })
        await stopFlood()
        return answered
      },
    )
    lines.push(
      resultLine({
        row: `anonymous while wrong passwords of cost 12 flood ${who === 'ours' ? 'it' : rivalName}`,
        measure: 'p99 ms',
        value: measured.flooded.p99,
        than: { name: 'itself in peace', value: measured.quiet.p99 },
        goal: who === 'ours' ? { atMost: 5 } : undefined,
      }),
    )
  }
  return lines
}

async function footprint(bench) {
  const everybody = Array.from({ length: manyAccounts }, (_, index) => ({
    name: `user-${index}`,
    hash: unverifiableHash(),
  }))
  const kinds = {
    idle: { rules: fewRules },
    populated: { rules: fewRules, users: everybody },
    loaded: { rules: manyRules, users: everybody },
  }
  const figures = {}
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const who of bench.contestants) {
      for (const [kind, setUp] of Object.entries(kinds)) {
        const server = await bench.start(who, setUp)
        await server.settle()
        const key = `${who} ${kind}`
        figures[key] ??= { start: [], memory: [] }
        figures[key].start.push(server.startMilliseconds)
        figures[key].memory.push(server.residentMegabytes())
        await server.stop()
      }
    }
  }
  const line = (row, kind, measure, atMost) => {
    const list = { 'ready after ms': 'start', 'resident MB': 'memory' }[measure]
    const rival = figures[`rival ${kind}`]
    const met = resultLine({
      row,
      measure,
      value: median(figures[`ours ${kind}`][list]),
      goal: atMost && { atMost },
    })
    if (rival === undefined) return met
    const other = median(rival[list])
    return { ...met, compared: rivalName, other, ratio: met.ours / other }
  }
  return [
    line('start, 10 rules', 'idle', 'ready after ms', 600),
    line('start, 10,000 accounts', 'populated', 'ready after ms', 1000),
    line('start, 10,000 rules and 10,000 accounts', 'loaded', 'ready after ms'),
    line('at rest, 10 rules', 'idle', 'resident MB', 110),
    line('at rest, 10,000 rules and 10,000 accounts', 'loaded', 'resident MB', 160),
  ]
}

/** Compares the memory in the second tenth of a long run (the first warms up) with that in its last. */
async function longRun(bench) {
  const server = await bench.start('ours', { rules: fewRules })
  const url = server.tokenUrl(pullQuery(fewRules))
  const samples = []
  for (let issued = 0; issued < bench.tokens; ) {
    issued += (await askRepeatedly(url, { seconds: 2 })).answers
    samples.push({ part: issued / bench.tokens, memory: server.residentMegabytes() })
  }
  const memory = (from, to) =>
    median(samples.filter(({ part }) => part > from && part <= to).map((sample) => sample.memory))
  return [
    resultLine({
      row: `after ${bench.tokens.toLocaleString('en')} tokens`,
      measure: 'resident MB',
      value: memory(0.8, Infinity),
      than: { name: 'in their second tenth', value: memory(0.1, 0.3) },
      goal: { atLeast: 0.9, atMost: 1.1 },
    }),
  ]
}

/**
 * One load per server and round, in turn: what else the machine does then hits all of them alike.
 *
 * @returns per server the medians over the rounds: rate, p50, p99, and cpu (µs per answer)
 */
async function interleave(bench, servers, load) {
  const measured = Object.fromEntries(Object.keys(servers).map((name) => [name, []]))
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const [name, server] of Object.entries(servers)) {
      await server.settle()
      const before = server.cpuSeconds()
      const { answers, seconds, p50, p99 } = await load(server, name, round)
      const cpu = ((server.cpuSeconds() - before) / answers) * 1e6
      measured[name].push({ rate: answers / seconds, p50, p99, cpu })
    }
  }
  return Object.fromEntries(
    Object.entries(measured).map(([name, runs]) => [
      name,
      Object.fromEntries(
        ['rate', 'p50', 'p99', 'cpu'].map((key) => [key, median(runs.map((run) => run[key]))]),
      ),
    ]),
  )
}

function pick(measured, suffix = '') {
  return { ours: measured[`ours${suffix}`], rival: measured[`rival${suffix}`] }
}

function compare(row, { ours, rival }, goals = {}) {
  const measures = { rate: 'answers/s', p50: 'p50 ms', p99: 'p99 ms', cpu: 'CPU µs/answer' }
  return Object.entries(measures).map(([key, measure]) =>
    resultLine({
      row,
      measure,
      value: ours[key],
      than: { name: rivalName, value: rival?.[key] },
      goal: goals[key],
    }),
  )
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

function account(name, cost) {
  const password = `password of ${name}`
  return { name, password, hash: bcrypt.hashSync(password, cost) }
}

/** Of the right form and length, for accounts that nobody logs in to. */
function unverifiableHash(cost = 10) {
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  const text = Array.from({ length: 53 }, () => alphabet[Math.floor(Math.random() * 64)])
  return `$2y$${cost}$${text.join('')}`
}

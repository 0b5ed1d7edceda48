/** The two loads: wrk, for as many answers as a server can give, and single logins, each of another user. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const reportScript = fileURLToPath(new URL('wrk-report.lua', import.meta.url))

/**
 * Asks the same over 32 connections for some seconds.
 *
 * @returns answers, seconds, p50 and p99 (milliseconds)
 */
export async function askRepeatedly(url, { seconds, credentials }) {
  const header = credentials ? ['-H', `Authorization: ${basic(credentials)}`] : []
  const wrk = spawn(
    'wrk',
    // A server that needs longer than wrk's 2 s for an answer is slow, not broken.
    ['-t1', '-c32', `-d${seconds}s`, '--timeout', '30s', ...header, '-s', reportScript, url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(wrk, 'spawn').catch(({ message }) => {
    throw new Error(`${message}: the load comes from wrk; install it (Debian: apt-get install wrk)`)
  })
  const [output] = await Promise.all([text(wrk.stdout), once(wrk, 'close')])
  const report = JSON.parse(output.trimEnd().split('\n').at(-1))
  if (report.refused > 0 || report.broken > 0) {
    throw new Error(
      `${url}: ${report.refused} refused, ${report.broken} broken of ${report.answers}`,
    )
  }
  return {
    answers: report.answers,
    seconds: report.microseconds / 1e6,
    p50: report.p50 / 1000,
    p99: report.p99 / 1000,
  }
}

/**
 * One login for each of the credentials, 32 at a time, each expected to be answered with a token.
 *
 * @returns answers, seconds, p50 and p99 (milliseconds)
 */
export async function logInOnce(url, everybody) {
  const agent = new Agent({ keepAlive: true })
  const waiting = [...everybody]
  const times = []
  const start = performance.now()
  const client = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const asked = performance.now()
      const status = await statusOf(url, next, agent)
      if (status !== 200) throw new Error(`${url}: ${next.name} was answered with ${status}`)
      times.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: 32 }, client))
  agent.destroy()
  times.sort((a, b) => a - b)
  const percentile = (part) => times[Math.ceil(times.length * part) - 1]
  return {
    answers: times.length,
    seconds: (performance.now() - start) / 1000,
    p50: percentile(0.5),
    p99: percentile(0.99),
  }
}

/**
 * Wrong passwords over 32 connections, more than any machine here has workers, until it is stopped. Each is
 * for the next of the names, another password, and from another network: a limit by one of these would
 * stop the flood before it costs anything, and there would be none to measure.
 *
 * @returns a function that ends it, and resolves to how many were refused
 */
export function floodWithLogins(url, names) {
  const agent = new Agent({ keepAlive: true })
  let stopped = false
  let refused = 0
  let sent = 0
  const client = async () => {
    while (!stopped) {
      const number = sent++
      const guess = { name: names[number % names.length], password: `wrong ${number}` }
      const status = await statusOf(url, guess, agent, networkAddress(number))
      // 503: it waited too long for its turn, which is the server's way to end a flood.
      if (status !== 401 && status !== 503) {
        throw new Error(`${url}: a wrong password was answered with ${status}`)
      }
      refused += 1
    }
  }
  const flood = Promise.all(Array.from({ length: 32 }, client))
  flood.catch(() => {}) // Whoever ends it is told.
  return async () => {
    stopped = true
    await flood
    agent.destroy()
    return refused
  }
}

/** An address in a /24 of its own. */
function networkAddress(number) {
  return `10.${(number >> 8) % 256}.${number % 256}.1`
}

async function statusOf(url, credentials, agent, from) {
  const headers = { authorization: basic(credentials) }
  if (from !== undefined) headers['x-forwarded-for'] = from
  const [response] = await once(get(url, { agent, headers }), 'response')
  await text(response)
  return response.statusCode
}

function basic({ name, password }) {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

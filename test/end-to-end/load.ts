/** A bounded load of good clients, and what they saw of the server meanwhile. */

import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, ask } from './ask.ts'

export interface LoadResult {
  readonly answers: readonly Answer[]
  /** What went wrong instead of an answer. */
  readonly failures: readonly string[]
  /** Milliseconds, of the answers. */
  percentile(share: number): number
}

export interface Load {
  /** Ends the load and waits for what is under way. */
  end(): Promise<LoadResult>
}

/** Sends one request after the other to `url`, `rate` a second, until it is ended. */
export function startLoad(
  url: string,
  rate: number,
  headers: Readonly<Record<string, string>> = {},
): Load {
  const agent = new Agent({ keepAlive: true })
  const answers: Answer[] = []
  const failures: string[] = []
  const pending: Promise<void>[] = []
  let running = true
  const sender = (async () => {
    const start = performance.now()
    for (let sent = 0; running; sent += 1) {
      pending.push(
        ask(url, { agent, headers }).then(
          (answer) => void answers.push(answer),
          (error: Error) => void failures.push(`${error.message} (request ${sent})`),
        ),
      )
      // By the plan and not by the last answer: a server that stalls must not slow its clients down.
      await sleep(Math.max(0, start + ((sent + 1) * 1000) / rate - performance.now()))
    }
  })()
  return {
    async end() {
      running = false
      await sender
      await Promise.all(pending)
      agent.destroy()
      return { answers, failures, percentile: (share) => percentile(durations(answers), share) }
    },
  }
}

export const durations = (answers: readonly Answer[]) => answers.map(({ duration }) => duration)

/** @param share 0.5 is the median */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

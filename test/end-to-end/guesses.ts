/** Guesses at passwords, each another one, and what became of them. */

import { expect } from 'vitest'
import { type Answer, getToken } from './ask.ts'

/** A client in the n-th of many networks, by a header that the server takes from a trusted proxy. */
export function addressIn(network: number): string {
  return `10.${Math.floor(network / 256) % 256}.${network % 256}.${1 + (network % 250)}`
}

let guesses = 0

export function guess(
  server: { readonly url: string },
  user: string,
  from: string,
): Promise<Answer> {
  guesses += 1
  return getToken(server, [], { user, password: `guess ${guesses}`, from })
}

/** How many of these guesses reached a password. @throws where an answer is neither that nor a limit's */
export function countChecked(answers: readonly Answer[]): number {
  for (const { status, headers, text } of answers) {
    expect([401, 429, 503], text).toContain(status)
    if (status !== 401) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
  }
  return answers.filter(({ status }) => status === 401).length
}

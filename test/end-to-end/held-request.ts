/** A request that a server has taken and cannot answer yet: it waits for the rest of it. */

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

export interface HeldRequest {
  /** Sends the rest. @returns the status of the answer */
  finish(): Promise<number | undefined>
}

/** Resolves once the server has it; its answer will be a 401. */
export async function holdLogin(url: string, service = 'registry'): Promise<HeldRequest> {
  const login = `grant_type=password&service=${service}&client_id=x&username=admin&password=wrong`
  const held = request(`${url}/token`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': login.length,
      Expect: '100-continue',
    },
  })
  held.flushHeaders()
  await once(held, 'continue')
  return {
    async finish() {
      held.end(login)
      const [answer] = (await once(held, 'response')) as [IncomingMessage]
      answer.resume()
      return answer.statusCode
    },
  }
}

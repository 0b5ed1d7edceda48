/** What the running server grants to whom, in one line. */

import { decodeJwt } from 'jose'

/** The password of every user in these tests. */
export const password = 'password'
/** As `htpasswd -s` writes it: the quick kind. */
export const passwordHash = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='

/**
 * The actions that a token for one scope holds, in the order in which they were asked for.
 *
 * @param user null: nobody is signed in
 */
export async function granted(
  server: { readonly url: string },
  user: string | null,
  scope: string,
  service = 'registry',
): Promise<string> {
  const query = new URLSearchParams({ service, scope })
  const login = Buffer.from(`${user}:${password}`).toString('base64')
  const headers: Record<string, string> = user === null ? {} : { authorization: `Basic ${login}` }
  const answer = await fetch(`${server.url}/token?${query}`, { headers })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  const { token } = (await answer.json()) as { token: string }
  const { access } = decodeJwt<{ access: { actions: string[] }[] }>(token)
  const asked = scope.slice(scope.lastIndexOf(':') + 1).split(',')
  return asked.filter((action) => access[0]?.actions.includes(action)).join()
}

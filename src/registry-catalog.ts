/** The names of all repositories of a registry, by the token that it takes from this very server. */

import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { AppError, messageOf } from './errors.ts'
import { silentLog } from './log.ts'
import { openTokenSigner } from './signing/token-signer.ts'
import { claimsOf } from './token/claims.ts'

export interface RegistryCatalog {
  readonly repositories: readonly string[]
  /** The registry has more. */
  readonly isCut: boolean
}

/** Names in one answer, and answers. */
const pageSize = 1_000
const maximumPages = 100
/** Milliseconds for one answer: a registry walks its storage for it. */
const pageDeadline = 30_000
/** Seconds. */
const tokenLifetime = 300
/** What the registry's log calls us. */
const subject = { id: '', name: 'dockwarden-diff', kind: 'robot', groups: [], backend: '' } as const

/**
 * Asks `/v2/_catalog` (distribution's API, "Listing Repositories") page by page.
 *
 * @param url of the registry, without `/v2/`
 * @param service what the registry takes tokens for
 * @throws AppError unavailable, with what the registry answered
 */
export async function readCatalog(
  url: string,
  service: string,
  { keys, issuer }: Pick<Config, 'keys' | 'issuer'>,
  clock: Clock,
): Promise<RegistryCatalog> {
  // Opening would make new ones, which no registry trusts.
  if (!existsSync(join(keys, 'ca.key'))) {
    throw new AppError(
      'misconfigured',
      `no keys are in ${keys}, so no registry can be asked; run this where the server's keys are, or give --repositories`,
    )
  }
  const signer = await openTokenSigner({ keysFolder: keys, clock, log: silentLog })
  const access = [{ type: 'registry', name: 'catalog', actions: ['*'] as const }]
  const grant = { subject, service, access }
  const claims = claimsOf(grant, issuer, tokenLifetime, clock(), randomUUID())
  const token = await signer.sign(claims).finally(() => signer.close())

  const repositories: string[] = []
  const first = new URL(`${url.replace(/\/+$/, '')}/v2/_catalog?n=${pageSize}`)
  let page: URL | undefined = first
  for (let count = 0; page !== undefined && count < maximumPages; count += 1) {
    const answer = await ask(page, token)
    repositories.push(...(await namesIn(answer, page)))
    page = nextPage(answer, page)
    // The token is for this registry, whatever its answer says.
    if (page !== undefined && page.origin !== first.origin) {
      throw unavailable(first, `names ${page.origin} as the place of its next page`)
    }
  }
  return { repositories, isCut: page !== undefined }
}

async function ask(page: URL, token: string): Promise<Response> {
  try {
    return await fetch(page, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(pageDeadline),
    })
  } catch (error) {
    // What fetch itself says is only that it failed.
    const { cause } = error as Error
    throw unavailable(page, `cannot be asked: ${messageOf(cause ?? error)}`)
  }
}

async function namesIn(answer: Response, page: URL): Promise<readonly string[]> {
  if (answer.status === 401) {
    const challenge = answer.headers.get('www-authenticate')
    throw unavailable(
      page,
      `takes no token of these keys (401, ${challenge}); is "keys" the folder of the server that it trusts, and are issuer and service the same?`,
    )
  }
  if (!answer.ok) throw unavailable(page, `answers ${answer.status}`)
  const body: unknown = await answer.json().catch(() => undefined)
  const names = (body as { readonly repositories?: unknown } | undefined)?.repositories
  // Distribution writes null where there is none.
  if (names === null) return []
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw unavailable(page, 'answers with something that is no list of repositories')
}

/** RFC 8288, as distribution writes it: `</v2/_catalog?last=x&n=1000>; rel="next"`. */
function nextPage({ headers }: Response, page: URL): URL | undefined {
  const [, target] = /<([^>]*)>;\s*rel="?next"?/.exec(headers.get('link') ?? '') ?? []
  return target === undefined ? undefined : new URL(target, page)
}

function unavailable({ origin }: URL, what: string): AppError {
  return new AppError('unavailable', `the registry ${origin} ${what}`)
}

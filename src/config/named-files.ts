/** The files that a configuration names, besides the one that it was read from. */

import type { Config } from './config.ts'

export interface NamedFiles {
  /** A backend that is open follows its own, and keeps the old content by itself. */
  readonly htpasswd: readonly string[]
  readonly others: readonly string[]
}

/** All paths are absolute. */
export function namedFiles({ authentication, rulesCandidate }: Config): NamedFiles {
  const htpasswd: string[] = []
  const others: (string | undefined)[] = [rulesCandidate?.file]
  for (const entry of authentication) {
    if (entry.kind === 'htpasswd') htpasswd.push(entry.file)
    if (entry.kind !== 'ldap') continue
    const { caFile, clientCertificate } = entry.tls
    others.push(caFile, clientCertificate?.certFile, clientCertificate?.keyFile)
    const secret = entry.bind.kind === 'search' ? entry.bind.account?.password : undefined
    if (secret !== undefined && 'file' in secret) others.push(secret.file)
  }
  return { htpasswd, others: others.filter((path) => path !== undefined) }
}

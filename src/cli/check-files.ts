/** What is wrong with the files that a configuration names. */

import { checkHtpasswd } from '../authentication/htpasswd/htpasswd-file.ts'
import { checkLdapFiles } from '../authentication/ldap/ldap-files.ts'
import type { BackendConfig, Config } from '../config/config.ts'
import { findOrigin, lineOf } from '../config/origins.ts'
import { AppError } from '../errors.ts'
import type { Finding } from './findings.ts'

export async function checkFiles(config: Config): Promise<readonly Finding[]> {
  const checks = config.authentication.map((backend, index) =>
    checkBackend(backend, `authentication[${index}]`, config),
  )
  return (await Promise.all(checks)).flat()
}

async function checkBackend(
  backend: BackendConfig,
  place: string,
  { file: configFile, origins }: Config,
): Promise<readonly Finding[]> {
  const ofConfig = (section: string, keys: readonly string[], message: string): Finding => {
    const { key, origin } = findOrigin(origins, section, keys)
    const line = origin === undefined ? undefined : lineOf(origin)
    return { severity: 'error', file: configFile ?? '', line, key, message }
  }
  switch (backend.kind) {
    case 'htpasswd':
      try {
        const { file } = backend
        return checkHtpasswd(file).map(
          ({ line, message }): Finding => ({ severity: 'error', file, line, key: '', message }),
        )
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        return [ofConfig(`${place}.htpasswd`, ['file'], error.message)]
      }
    case 'ldap':
      return (await checkLdapFiles(backend)).map(({ message, keys }) =>
        ofConfig(`${place}.ldap`, keys, message),
      )
    case 'accounts':
      return []
  }
}

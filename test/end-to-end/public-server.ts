/** A server on which everybody may pull everything, and only those of its htpasswd file can sign in. */

import { type Dockwarden, startDockwarden } from '../support/dockwarden.ts'

/** @param htpasswd the file's text; nobody is in it unless told */
export function startPublicServer(htpasswd = ''): Promise<Dockwarden> {
  return startDockwarden({
    config: {
      server: { trusted_proxies: ['127.0.0.1'] },
      rules: [{ name: 'public', who: ['anyone'], may: ['pull'], on: ['**'] }],
      authentication: [{ htpasswd: { file: 'htpasswd' } }],
    },
    files: { htpasswd },
  })
}

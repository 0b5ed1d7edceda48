/** Why there is no connection to a server: what the system, OpenSSL and Node say, in words for the operator. */

import { DirectoryFailure } from './directory-session.ts'
import { diagnosticText, MessageFault } from './ldap-message.ts'
import type { LdapServer, LdapTls } from './settings.ts'

/** The message completes "the server …". */
export class StartTlsRefusal extends Error {}

/** What an error's code means here. */
interface Meaning {
  readonly codes: readonly string[]
  /** See {@link DirectoryFailure.keys}. */
  readonly keys: readonly string[]
  /** Completes "the server …". */
  readonly reason: (error: {
    readonly code: string
    readonly text: string
    readonly minVersion: string
  }) => string
}

const meanings: readonly Meaning[] = [
  {
    codes: ['ECONNREFUSED'],
    keys: ['urls'],
    reason: () => 'refuses connections (ECONNREFUSED)',
  },
  {
    codes: [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    keys: ['tls.ca_file'],
    reason: ({ code }) =>
      `has a certificate of a CA that is not trusted here (${code}); the file of the key ca_file must hold that CA's certificate`,
  },
  {
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    keys: ['tls.server_name', 'urls'],
    reason: ({ text }) =>
      `has a certificate for another name: ${text}; write a name of the certificate into the URL, or into tls.server_name`,
  },
  {
    codes: ['CERT_HAS_EXPIRED'],
    keys: ['urls'],
    reason: ({ code, text }) =>
      `has a certificate that is refused: ${text} (${code}); renew it there`,
  },
  {
    // Said by the server, or by our side of it.
    codes: ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_UNSUPPORTED_PROTOCOL'],
    keys: ['tls.min_version'],
    reason: ({ code, minVersion }) =>
      `does not speak ${minVersion} or newer, which tls.min_version asks for (${code})`,
  },
  {
    // Up to TLS 1.2, nothing says which of the two it is.
    codes: ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'],
    keys: ['tls.client_cert', 'tls'],
    reason: ({ code }) =>
      `breaks off the TLS handshake (${code}): it wants a client certificate, which tls.client_cert names, or a cipher that is not spoken here`,
  },
  {
    codes: ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'],
    keys: ['urls'],
    reason: ({ code }) => `does not speak TLS on this port (${code})`,
  },
]

/** With TLS 1.3, a server that wants our certificate says so once we take the connection for made. */
const certificateRequired = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'

/** @param error what a connection that was there ended with */
export function brokenConnection({ code = '', message }: NodeJS.ErrnoException): {
  /** Completes "the server …". */
  readonly what: string
  /** See {@link DirectoryFailure.keys}. */
  readonly keys: readonly string[]
} {
  if (code !== certificateRequired) return { what: `broke the connection: ${message}`, keys: [] }
  const what = `wants a client certificate (${code}); name it by tls.client_cert and tls.client_key`
  return { what, keys: ['tls.client_cert'] }
}

/** @param error what a socket ended with */
export function connectionFailure(
  server: LdapServer,
  tls: LdapTls,
  error: NodeJS.ErrnoException,
): DirectoryFailure {
  const { reason, keys } = reasonOf(server, tls, error)
  return new DirectoryFailure('connection', `${server.url} ${reason}`, { cause: error, keys })
}

function reasonOf(
  { host }: LdapServer,
  { minVersion }: LdapTls,
  error: NodeJS.ErrnoException,
): { readonly reason: string; readonly keys: readonly string[] } {
  const keys = ['urls']
  if (error instanceof MessageFault) return { reason: `sent ${error.message}`, keys }
  if (error instanceof StartTlsRefusal) return { reason: error.message, keys: ['tls.mode', 'urls'] }
  // Several addresses, each with its own failure.
  const all = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error]
  const { code = '', message, syscall } = all[0] ?? error
  if (syscall === 'getaddrinfo') {
    return { reason: `cannot be found: the name ${host} has no address (${code})`, keys }
  }
  const text = diagnosticText(message)
  const meaning = meanings.find(({ codes }) => codes.includes(code))
  if (meaning !== undefined) {
    return { reason: meaning.reason({ code, text, minVersion }), keys: meaning.keys }
  }
  if (code.startsWith('CERT_')) {
    return { reason: `has a certificate that is refused: ${text} (${code})`, keys }
  }
  return { reason: code === '' ? text : `cannot be connected to: ${text} (${code})`, keys }
}

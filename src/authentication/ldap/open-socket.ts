/** A connection to one server of a directory: TCP, StartTLS where wanted, TLS, within one deadline. */

import { isIP, connect as openTcp, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect as openTls,
  type SecureContext,
} from 'node:tls'
import { connectionFailure, StartTlsRefusal } from './connection-failure.ts'
import { extendedResponse, type LdapMessage, MessageFault, MessageReader } from './ldap-message.ts'
import type { LdapServer, LdapTls } from './settings.ts'

/** ExtendedRequest 1.3.6.1.4.1.1466.20037 with message id 1 (RFC 4511 §4.14.1). */
const startTlsId = 1
const startTlsRequest = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, startTlsId, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
])

/**
 * TLS is there before anything but StartTLS itself is sent, or there is no connection: nothing here goes on
 * without it.
 *
 * @param context required but for the mode `none`
 * @param milliseconds for all of it
 * @param watch is given each socket as soon as it is made: the bare one, then the one of TLS
 * @throws DirectoryFailure the socket is destroyed by then
 */
export async function openSocket(
  server: LdapServer,
  tls: LdapTls,
  context: SecureContext | undefined,
  milliseconds: number,
  watch: (socket: Socket) => void = () => {},
): Promise<Socket> {
  if (tls.mode !== 'none' && context === undefined) throw new TypeError('TLS needs its context')
  const { host, port } = server
  // A name may have several addresses. Each but the last gets a share of the time: one may be dead.
  const autoSelectFamilyAttemptTimeout = Math.max(250, Math.floor(milliseconds / 4))
  const family = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout }
  let socket = openTcp({ host, port, noDelay: true, ...family })
  watch(socket)
  let step = 'connection'
  // Without an error, whoever waits for the socket would wait for ever.
  const late = (): unknown => {
    const causes = 'it hangs, a firewall is between, or connect_timeout is too short'
    return socket.destroy(new Error(`gave no ${step} within ${milliseconds} ms: ${causes}`))
  }
  const timer = setTimeout(late, milliseconds)
  try {
    await occurrence(socket, 'connect')
    if (tls.mode === 'starttls') {
      step = 'answer to StartTLS'
      await startTls(socket)
    }
    if (tls.mode !== 'none' && context !== undefined) {
      step = 'end of the TLS handshake'
      socket = openTls(secureOptions(socket, tls.serverName ?? host, context))
      watch(socket)
      await occurrence(socket, 'secureConnect')
    }
    return socket
  } catch (error) {
    socket.destroy()
    throw connectionFailure(server, tls, error as NodeJS.ErrnoException)
  } finally {
    clearTimeout(timer)
  }
}

/** @throws what the socket's end is */
function occurrence(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    // Stays for good: an error that nobody listens to would end the process.
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('closed the connection')))
  })
}

function secureOptions(socket: Socket, name: string, context: SecureContext): ConnectionOptions {
  return {
    socket,
    secureContext: context,
    // NODE_TLS_REJECT_UNAUTHORIZED of the environment would be the default.
    rejectUnauthorized: true,
    // Server Name Indication is for names (RFC 6066 §3). What is checked is said here: Node would take
    // `localhost` for the name behind a socket that it is given.
    ...(isIP(name) === 0 ? { servername: name } : { host: name }),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  }
}

/** @throws unless the server granted it, and sent nothing else */
async function startTls(socket: Socket): Promise<void> {
  const reader = new MessageReader()
  const answer = await new Promise<LdapMessage>((resolve, reject) => {
    socket.once('close', () => reject(new Error('closed the connection')))
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      try {
        const [message, ...more] = reader.read(chunk)
        // Whoever sits between could add the beginning of an answer here, which the first bytes within
        // TLS would complete: the server's own word, as it would seem.
        if (more.length > 0 || (message !== undefined && reader.isWithinMessage)) {
          throw new MessageFault('more than the answer to StartTLS')
        }
        if (message !== undefined) resolve(message)
      } catch (error) {
        reject(error)
      }
    })
    socket.write(startTlsRequest)
  })
  socket.removeAllListeners('data')
  const { id, operation, result } = answer
  if (id !== startTlsId || operation !== extendedResponse || result === undefined) {
    throw new MessageFault('something else than the answer to StartTLS')
  }
  if (result.code !== 0) {
    throw new StartTlsRefusal(
      `refuses StartTLS: ${result.diagnostic || 'no reason given'} (result code ${result.code}); give it a certificate, or write its ldaps:// URL`,
    )
  }
}

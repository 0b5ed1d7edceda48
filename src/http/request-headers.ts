/** What the headers of a request say, with nothing of them hidden. */

import type { Request } from 'express'
import type { ClientAddressReader } from './client-address.ts'

/** Every header of that name: `request.headers` would hide a second Authorization. */
export function headers(request: Request, name: string): readonly string[] {
  if (request.headers[name] === undefined) return []
  return request.rawHeaders.filter(
    (_value, index, raw) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name,
  )
}

/** The client's address. To be asked before anything is awaited: a client that hangs up takes it along. */
export function clientOf(request: Request, clientAddress: ClientAddressReader): string {
  const forwardedFor = headers(request, 'x-forwarded-for').join(',') || undefined
  return clientAddress(request.socket.remoteAddress, forwardedFor)
}

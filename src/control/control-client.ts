/** A command's side of the control socket. */

import { request } from 'node:http'
import { AppError } from '../errors.ts'
import type { ReloadResult } from './control-operations.ts'

interface ControlAnswer {
  readonly status: number
  readonly body: object
}

const maximumBytes = 1_048_576
/** Milliseconds; a reload waits for the one before it, and reads up to 10,000 rules. */
const patience = 60_000

/** @throws AppError unavailable where no server can be asked */
export async function askForReload(socket: string): Promise<ReloadResult> {
  const { body } = await askControl(socket, 'POST', '/reload')
  return body as ReloadResult
}

/**
 * @returns undefined where the server does not know such a request, or no longer
 * @throws AppError unavailable where no server can be asked
 */
export async function askForDecision(
  socket: string,
  requestId: string,
): Promise<object | undefined> {
  const path = `/decisions/${encodeURIComponent(requestId)}`
  const { status, body } = await askControl(socket, 'GET', path)
  return status === 404 ? undefined : body
}

async function askControl(socket: string, method: string, path: string): Promise<ControlAnswer> {
  const { status, text } = await send(socket, method, path).catch((error) => {
    throw new AppError('unavailable', unreachable(socket, error), { cause: error })
  })
  const body = parse(text)
  if (body === undefined || (status !== 200 && status !== 404)) {
    const reason = body !== undefined && 'error' in body ? `: ${body.error}` : ''
    throw new AppError('unavailable', `the server at ${socket} could not answer${reason}`)
  }
  return { status, body }
}

function send(
  socketPath: string,
  method: string,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience)
    const asked = request({ socketPath, method, path, signal }, async (response) => {
      try {
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) {
          text += chunk
          if (text.length > maximumBytes) throw new Error('its answer does not end')
        }
        resolve({ status: response.statusCode ?? 0, text })
      } catch (error) {
        reject(error)
      }
    })
    asked.on('error', reject)
    asked.end()
  })
}

function parse(text: string): object | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : undefined
  } catch {
    return undefined
  }
}

function unreachable(socket: string, { code, name, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return `no server is running with this configuration: ${socket} is not there`
    case 'ECONNREFUSED':
      return `no server is running with this configuration: nobody listens on ${socket}`
    case 'EACCES':
      return `${socket} is open to the user that the server runs as, and to root: run this as one of them`
    default:
      return name === 'TimeoutError' || code === 'ABORT_ERR'
        ? `the server at ${socket} did not answer within ${patience / 1_000} s`
        : `the server at ${socket} cannot be asked: ${message}`
  }
}

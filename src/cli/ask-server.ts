/** What the commands have in common that ask the server that runs. */

import { loadConfigInWorker } from '../config/load-in-worker.ts'
import type { Terminal } from './terminal.ts'

/**
 * @param ask gets the control socket of the server with this configuration
 * @throws ConfigError where that is not found because of what stands in the file
 */
export async function askServer<Answer>(
  { config: file }: { readonly config?: string },
  { env, workingFolder }: Terminal,
  ask: (socket: string) => Promise<Answer>,
): Promise<Answer> {
  const options = { file, env, workingFolder }
  // Only now: the server's start does not wait for what reads YAML, nor keep it in memory.
  const { locateControlSocket } = await import('../config/control-socket.ts')
  const socket = await locateControlSocket(options)
  try {
    return await ask(socket)
  } catch (error) {
    // A misspelt "database" leads to the wrong place: that fault is what helps.
    await loadConfigInWorker(options)
    throw error
  }
}

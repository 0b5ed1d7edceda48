/** Another process that works on the same database. */

import { fileURLToPath } from 'node:url'
import { type RunningProcess, startProcess } from '../support/process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Runs a module in a process of its own. It may import packages by name and our own files from
 * `./dist/`; `path` is what it is given.
 */
export function startModule(code: string, path: string): RunningProcess {
  const whole = `const path = ${JSON.stringify(path)}\n${code}`
  return startProcess(process.execPath, ['--input-type=module', '--eval', whole], { cwd: root })
}

/** Holds the write lock until it is stopped. */
export async function holdWriteLock(path: string): Promise<RunningProcess> {
  const holder = startModule(
    `import Sqlite from 'better-sqlite3'
     const sqlite = new Sqlite(path).exec('begin immediate')
     console.log('locked')
     // A connection that nobody refers to is closed.
     setInterval(() => sqlite.inTransaction, 1000)`,
    path,
  )
  await holder.waitForOutput(/locked/)
  return holder
}

/**
 * Notices that a file has changed: written in place, another one renamed over it, or a symbolic link
 * on the way to it turned (Kubernetes swaps `..data`). It looks at fixed intervals, because
 * file-system events miss some of these, and all of them on network and bind mounts.
 */

import { type BigIntStats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { readPlainFile } from './plain-file.ts'

export interface WatchOptions {
  readonly intervalMilliseconds: number
  /** Gets the whole new content, once two looks in a row saw the same file. The next look waits for it. */
  readonly onChange: (content: Buffer) => void | Promise<void>
  /**
   * The file is gone (ENOENT) or cannot be read; told once for each kind of trouble. When it is over,
   * `onChange` gets the content, be it new or not.
   */
  readonly onTrouble?: (error: NodeJS.ErrnoException) => void
}

export interface FileWatch {
  close(): void
}

/**
 * Watches from the state at this call on: who reads the file after it misses no change. Never keeps
 * the process alive.
 */
export function watchFile(path: string, options: WatchOptions): FileWatch {
  const { intervalMilliseconds, onChange, onTrouble } = options
  /** What the last look saw. */
  let seen = lookNow(path)
  /** What the listener knows; undefined while there is trouble. */
  let taken: string | undefined = seen
  let trouble: string | undefined
  let timer: NodeJS.Timeout
  let isClosed = false

  async function check(): Promise<void> {
    const current = await look(path)
    const hasHeldStill = current === seen
    seen = current
    // A file that is being written looks different each time, one that was just emptied is about to
    // be written, and one that is being replaced may be missing for a moment.
    if (!hasHeldStill || current === taken) return
    let content: Buffer
    try {
      content = await readPlainFile(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== trouble && !isClosed) onTrouble?.(error as NodeJS.ErrnoException)
      trouble = code
      taken = undefined
      return
    }
    // What was read while somebody wrote is left to the next look.
    if ((await look(path)) !== current || isClosed) return
    trouble = undefined
    taken = current
    await onChange(content)
  }

  function schedule(): void {
    if (isClosed) return
    timer = setTimeout(() => void check().finally(schedule), intervalMilliseconds).unref()
  }
  schedule()
  return {
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** What differs whenever the file does, also where there is none. */
export function look(path: string): Promise<string> {
  // A failure is a state like any other; what it means is found out by reading the file.
  return stat(path, { bigint: true }).then(fingerprint, ({ code }) => String(code))
}

/** As {@link look}. It holds up everything else, so it is for the moment before a file is first read. */
export function lookNow(path: string): string {
  try {
    return fingerprint(statSync(path, { bigint: true }))
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

/** Changes whenever the file does: which file it is, and when it was last written, renamed or permitted. */
function fingerprint({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/** Notices that one of several files has changed; which files those are may change as well. */

import { look, lookNow } from '../watched-file.ts'

export interface WatchedFilesOptions {
  readonly intervalMilliseconds: number
  /** Gets the paths of those that have changed, appeared or gone, and have held still since the last look. */
  readonly onChange: (paths: readonly string[]) => void
}

interface WatchedFile {
  /** What the last look saw. */
  seen: string
  /** What the listener knows. */
  taken: string
}

/** Looks at them at fixed intervals, for the reasons given in watched-file.ts. Never keeps the process alive. */
export class WatchedFiles {
  readonly #options: WatchedFilesOptions
  #files: ReadonlyMap<string, WatchedFile> = new Map()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: WatchedFilesOptions) {
    this.#options = options
    this.#schedule()
  }

  /** From now on exactly these. Who reads one that is new here after this call misses no change of it. */
  watch(paths: Iterable<string>): void {
    const files = new Map<string, WatchedFile>()
    for (const path of paths) files.set(path, this.#files.get(path) ?? newFile(path))
    this.#files = files
  }

  /** Whoever calls it is about to read all of them: what has happened until now needs no telling. */
  async take(): Promise<void> {
    await this.#each((file, state) => {
      file.seen = state
      file.taken = state
    })
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #check(): Promise<void> {
    const changed: string[] = []
    await this.#each((file, state, path) => {
      // A file that is being written looks different each time, and one that is being replaced may be
      // missing for a moment.
      if (file.seen === state && file.taken !== state) {
        file.taken = state
        changed.push(path)
      }
      file.seen = state
    })
    if (changed.length > 0 && !this.#isClosed) this.#options.onChange(changed)
  }

  async #each(act: (file: WatchedFile, state: string, path: string) => void): Promise<void> {
    const looks = [...this.#files].map(async ([path, file]) => act(file, await look(path), path))
    await Promise.all(looks)
  }

  #schedule(): void {
    if (this.#isClosed) return
    const check = () => void this.#check().finally(() => this.#schedule())
    this.#timer = setTimeout(check, this.#options.intervalMilliseconds).unref()
  }
}

function newFile(path: string): WatchedFile {
  const state = lookNow(path)
  return { seen: state, taken: state }
}

/** When the configuration is to be read again: at a signal, and when its file has changed. */

import { watchFile } from '../watched-file.ts'
import type { Terminal } from './terminal.ts'

/** Must not throw. `cause` says what happened, for the log. */
type Reload = (cause: string) => Promise<void>

export interface ConfigChanges {
  /** Reloads at every change since `noticeChanges`, one after the other. */
  follow(reload: Reload): void
  /** Reloads no more; returns once a reload that has begun is over. */
  stop(): Promise<void>
}

/** Milliseconds between two looks at the file. */
const watchInterval = 1_000

/**
 * Called before the file is read for the first time, so that no change falls between the two. From
 * here on, also while the server stops, a signal does not end the process as it would by itself.
 */
export function noticeChanges(
  file: string,
  {
    signals,
    terminal,
  }: { readonly signals: readonly NodeJS.Signals[]; readonly terminal: Terminal },
): ConfigChanges {
  let follow: ConfigChanges['follow'] = () => {}
  const followed = new Promise<Reload>((resolve) => {
    follow = resolve
  })
  let isStopped = false
  let reloading: Promise<unknown> = followed
  const notice = (cause: string): void => {
    // One after the other: a slow load must not overwrite a later one.
    reloading = reloading.then(async () => {
      const reload = await followed
      if (!isStopped) await reload(cause)
    })
  }
  for (const signal of signals) terminal.onSignal(signal, () => notice(signal))
  const watch = watchFile(file, {
    intervalMilliseconds: watchInterval,
    onChange: () => notice('the file changed'),
    onTrouble: () => notice('the file cannot be read'),
  })
  return {
    follow,
    async stop() {
      isStopped = true
      watch.close()
      await reloading
    },
  }
}

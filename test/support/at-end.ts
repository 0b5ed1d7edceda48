/** What must not outlive a test file: processes and folders. */

const actions = new Set<() => void>()

/** Runs `action` when the test file ends, or this process does. Returns a way to take that back. */
export function atEnd(action: () => void): () => void {
  actions.add(action)
  return () => actions.delete(action)
}

/** Vitest ends its workers without an `exit` event, so test/support/setup.ts calls this as well. */
export function runAtEnd(): void {
  const last = [...actions].reverse()
  actions.clear()
  for (const action of last) action()
}

process.on('exit', runAtEnd)

/** The process as a command sees it. */

import type { Readable } from 'node:stream'

/** What a command needs of the process that runs it. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workingFolder: string
  /** A line on standard output: what the command was asked for. Where it is lost, the command has failed. */
  readonly print: (text: string) => void
  /** A line on standard output beside the command's work, which goes on where the line is lost. */
  readonly announce: (text: string) => void
  /** A line on standard error: what went wrong, and what to do. */
  readonly complain: (text: string) => void
  /** The beginning of a line on standard error, which somebody goes on with by typing. */
  readonly ask: (text: string) => void
  /** Standard input; `isTTY` where a person types. */
  readonly input: Readable & { readonly isTTY?: boolean }
  /** @returns a function that stops listening */
  readonly onSignal: (signal: NodeJS.Signals, listener: () => void) => () => void
  /** Ends the process without waiting for anything; for a second Ctrl-C. */
  readonly exitNow: (code: number) => void
}

/** Exit codes: done; refused, with the reason on standard error; the command line was wrong. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const

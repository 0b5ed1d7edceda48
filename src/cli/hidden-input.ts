/** Asks a person at the terminal for something that must not be seen while it is typed. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Terminal } from './terminal.ts'

/**
 * One line for each question. The terminal is as it was when this returns, also after Ctrl-C, Ctrl-D
 * or Ctrl-Z.
 *
 * @returns undefined where the person gave up
 */
export async function askHidden(
  questions: readonly string[],
  { input, ask }: Pick<Terminal, 'input' | 'ask'>,
): Promise<readonly string[] | undefined> {
  // It edits the line, and echoes it to nowhere. Being a terminal's, it turns off the terminal's own echo.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const editor = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  editor.once('SIGINT', () => editor.close())
  const lines = editor[Symbol.asyncIterator]()
  const answers: string[] = []
  try {
    for (const question of questions) {
      ask(question)
      const { value, done } = await lines.next()
      // The person's own line feed was not shown either.
      ask('\n')
      if (done === true) return undefined
      answers.push(value)
    }
    return answers
  } finally {
    editor.close()
  }
}

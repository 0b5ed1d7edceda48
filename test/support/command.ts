/** The command line, run to its end as an operator runs it: a process of its own. */

import { program } from './dockwarden.ts'
import { type RunResult, run } from './process.ts'

/** @param folder where it is run; its `dockwarden.yml` counts, if there is one */
export function command(
  folder: string,
  args: readonly string[],
  options: { readonly input?: string | Uint8Array } = {},
): Promise<RunResult> {
  return run(process.execPath, [program, ...args], {
    cwd: folder,
    env: { DOCKWARDEN_CONFIG: undefined },
    ...options,
  })
}

/** What it printed as JSON. @throws where it failed */
export async function commandJson<Result = Record<string, unknown>>(
  folder: string,
  args: readonly string[],
  options: { readonly input?: string } = {},
): Promise<Result> {
  const { code, stdout, output } = await command(folder, [...args, '--json'], options)
  if (code !== 0) throw new Error(`dockwarden ${args[0]} ${args[1]} failed (${code}):\n${output}`)
  return JSON.parse(stdout) as Result
}

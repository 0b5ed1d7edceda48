/** What work costs, told so that a busy machine cannot make a test fail. */

import { readFileSync } from 'node:fs'
import { type RunOptions, type RunResult, run } from './process.ts'

/**
 * Milliseconds of processor time that this process has used, its worker threads included. Other processes
 * that want the processor as well do not make it longer.
 */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** @returns milliseconds */
export async function processorTimeOf(work: () => unknown): Promise<number> {
  const start = processorTime()
  await work()
  return processorTime() - start
}

/** The same of another process, in steps of 10 ms (proc(5): utime and stime). */
export function processorTimeOfProcess(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the program's name, which may have blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const meter = `process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  process.stderr.write('\\nprocessor time ' + (user + system) / 1000 + '\\n')
})`

/** Runs a Node program to its end, as `run` does. @returns the milliseconds of processor time besides */
export async function runMetered(
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult & { readonly processorTime: number }> {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(meter)}`
  const env = { ...options.env, NODE_OPTIONS }
  const result = await run(process.execPath, args, { ...options, env })
  // Each thread says it at its end, the whole process last.
  const said = [...result.stderr.matchAll(/^processor time ([\d.]+)$/gm)].at(-1)?.[1]
  return { ...result, processorTime: Number(said) }
}

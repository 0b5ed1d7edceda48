/** Other programs: run one to its end, or start one and stop it again. Never through a shell. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atEnd } from './at-end.ts'

/** Milliseconds for what comes or never does, also on a machine that is very busy. */
const patience = 60_000

export interface ProcessOptions {
  readonly cwd?: string
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface RunOptions extends ProcessOptions {
  /** What the program reads; without it, its standard input is empty. */
  readonly input?: string | Uint8Array
  /** Milliseconds after which it is killed and the run fails. */
  readonly timeout?: number
}

export interface RunResult {
  /** The exit code; -1 where a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Both streams, in the order in which they arrived. */
  readonly output: string
}

/** What ended a process: an exit code or a signal. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * Runs a program to its end. A non-zero exit code is a result, not an error.
 *
 * @throws when it cannot be started, or takes longer than `timeout`
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = new RunningProcess(program, args, options)
  child.write(options.input ?? '')
  const timeout = options.timeout ?? 2 * patience
  const { code } = await child.exit(timeout)
  return { code: code ?? -1, stdout: child.stdout, stderr: child.stderr, output: child.output }
}

/** Starts a program that goes on running. The caller stops it; the end of the test file does too. */
export function startProcess(
  program: string,
  args: readonly string[],
  options: ProcessOptions = {},
): RunningProcess {
  return new RunningProcess(program, args, options)
}

export class RunningProcess implements AsyncDisposable {
  readonly title: string
  stdout = ''
  stderr = ''
  output = ''
  readonly #child: ChildProcess
  readonly #exited: Promise<ProcessExit>
  #isRunning = true

  constructor(program: string, args: readonly string[], options: ProcessOptions) {
    this.title = [basename(program), ...args.slice(0, 2)].join(' ')
    const env = { ...process.env, ...options.env }
    this.#child = spawn(program, args, {
      env,
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    const forget = atEnd(() => this.#child.kill('SIGKILL'))
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.output += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.output += text
    })
    this.#exited = new Promise((resolve, reject) => {
      this.#child.once('error', (error) => {
        this.#isRunning = false
        forget()
        reject(error)
      })
      // 'close', not 'exit': all output has been read by then.
      this.#child.once('close', (code, signal) => {
        this.#isRunning = false
        forget()
        resolve({ code, signal })
      })
    })
    // Whoever waits for the end sees the error; nobody may be waiting yet.
    this.#exited.catch(() => {})
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error(`${this.title} did not start`)
    return pid
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Hands over the whole standard input. */
  write(input: string | Uint8Array): void {
    // A program that ends without reading its input closes the pipe: no fault of the test.
    this.#child.stdin?.on('error', () => {})
    this.#child.stdin?.end(input)
  }

  /** Goes on typing; the standard input stays open. */
  type(input: string): void {
    this.#child.stdin?.write(input)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /**
   * Stops it, with everything that it holds left as it is, until it gets SIGCONT. One thread takes the signal
   * and stops the others: on a busy machine these answer for a while after the signal was sent.
   *
   * @throws where it still runs after a minute
   */
  freeze(): void {
    this.signal('SIGSTOP')
    const tasks = `/proc/${this.pid}/task`
    const isRunning = (task: string) => {
      const status = `${tasks}/${task}/status`
      // A thread may have ended since the folder was read.
      return existsSync(status) && !/^State:\s+T/m.test(readFileSync(status, 'utf8'))
    }
    const deadline = Date.now() + patience
    while (readdirSync(tasks).some(isRunning)) {
      if (Date.now() > deadline) throw new Error(`${this.title} runs on after SIGSTOP`)
    }
  }

  /** Waits for the end. @throws after `timeout` ms, when it has been killed */
  async exit(timeout = patience): Promise<ProcessExit> {
    const late = new AbortController()
    const expired = sleep(timeout, 'late' as const, { signal: late.signal }).catch(
      () => 'late' as const,
    )
    const ended = await Promise.race([this.#exited, expired])
    late.abort()
    if (ended !== 'late') return ended
    this.#child.kill('SIGKILL')
    throw new Error(`${this.title} did not end within ${timeout} ms:\n${this.output.slice(-4000)}`)
  }

  /** Waits until the program has printed something that matches, and returns the match. */
  async waitForOutput(pattern: RegExp, timeout = patience): Promise<RegExpMatchArray> {
    let match: RegExpMatchArray | null = null
    await this.waitUntil(
      `print ${pattern}`,
      async () => {
        match = this.output.match(pattern)
        return match !== null
      },
      timeout,
    )
    return match as unknown as RegExpMatchArray
  }

  /** Waits until something accepts connections on a port. */
  async waitForPort(port: number, timeout = patience, address = '127.0.0.1'): Promise<void> {
    await this.waitUntil(`listen on port ${port}`, () => accepts(port, address), timeout)
  }

  /** Waits for a condition; the program's end, or `timeout` ms, is an error that shows its output. */
  async waitUntil(what: string, holds: () => Promise<boolean>, timeout = patience): Promise<void> {
    const deadline = Date.now() + timeout
    while (!(await holds())) {
      const state = this.isRunning ? (Date.now() > deadline ? 'is late' : undefined) : 'has ended'
      if (state !== undefined) {
        const shown = this.output.slice(-4000)
        throw new Error(`${this.title} should ${what}, but ${state}:\n${shown}`)
      }
      await sleep(30)
    }
  }

  /** Ends it: `signal`, then SIGKILL after `deadline` ms. Returns how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', deadline = patience): Promise<ProcessExit> {
    if (this.isRunning) this.#child.kill(signal)
    return await this.exit(deadline)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function accepts(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

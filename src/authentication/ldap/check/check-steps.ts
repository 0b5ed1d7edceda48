/** The steps of a check: what each found, how long it took, and which key to change where it failed. */

import { AppError } from '../../../errors.ts'
import { DirectoryFailure } from '../directory-session.ts'

export type StepName =
  | 'files'
  | 'name'
  | 'tcp'
  | 'tls'
  | 'bind'
  | 'directory'
  | 'people'
  | 'groups'
  | 'person'
  | 'login'

export interface CheckFault {
  /** What is wrong and what to do. */
  readonly message: string
  /** See {@link DirectoryFailure.keys}. */
  readonly keys: readonly string[]
}

export type Fact = string | number | readonly string[]

export interface CheckStep {
  readonly name: StepName
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped'
  readonly milliseconds: number
  readonly facts: Readonly<Record<string, Fact>>
  readonly faults: readonly CheckFault[]
}

/** What one step finds while it runs. */
export class Findings {
  readonly facts: Record<string, Fact> = {}
  readonly faults: CheckFault[] = []
  state: 'ok' | 'warning' | 'failed' = 'ok'

  /** It works, and may not be what is meant. */
  warn(message: string, ...keys: readonly string[]): void {
    this.faults.push({ message, keys })
    if (this.state === 'ok') this.state = 'warning'
  }

  /** It does not work. What comes after it can be tried nevertheless, unlike after a throw. */
  fail(message: string, ...keys: readonly string[]): void {
    this.faults.push({ message, keys })
    this.state = 'failed'
  }
}

/** Steps that are taken one after the other, until one throws: those behind it are skipped. */
export class CheckSteps {
  readonly steps: CheckStep[] = []
  readonly #onStep: (step: CheckStep) => void
  readonly #urlKey: string
  #end: string | undefined

  /**
   * @param options.onStep is told of each as soon as it is over
   * @param options.server which of the URLs they are about
   * @param options.end why none of them can be taken
   */
  constructor(options: {
    readonly onStep: (step: CheckStep) => void
    readonly server?: number
    readonly end?: string | undefined
  }) {
    this.#onStep = options.onStep
    this.#urlKey = options.server === undefined ? 'urls' : `urls[${options.server}]`
    this.#end = options.end
  }

  /** Why no more of them can be taken; undefined where they can. */
  get end(): string | undefined {
    return this.#end
  }

  isTaken(name: StepName): boolean {
    return this.steps.some((step) => step.name === name && step.state !== 'skipped')
  }

  /** @returns undefined where it did not come to its end */
  async take<Result>(
    name: StepName,
    work: (findings: Findings) => Promise<Result>,
  ): Promise<Result | undefined> {
    if (this.#end !== undefined) {
      this.skip(name, this.#end)
      return undefined
    }
    const start = performance.now()
    const findings = new Findings()
    let failure: unknown
    try {
      return await work(findings)
    } catch (error) {
      failure = error
      return undefined
    } finally {
      this.add(name, findings, performance.now() - start, failure)
    }
  }

  /** @param failure what it ended with, if anything: what is taken from now on is skipped */
  add(name: StepName, findings: Findings, milliseconds: number, failure?: unknown): void {
    if (failure !== undefined) {
      const { message, keys } = faultOf(failure)
      findings.fail(message, ...keys)
      this.#end = `because of ${name}`
    }
    const { state, facts } = findings
    const faults = findings.faults.map(({ message, keys }) => ({
      message,
      keys: keys.map((key) => (key === 'urls' ? this.#urlKey : key)),
    }))
    this.#push({ name, state, milliseconds, facts, faults })
  }

  skip(name: StepName, why: string): void {
    this.#push({ name, state: 'skipped', milliseconds: 0, facts: { why }, faults: [] })
  }

  #push(step: CheckStep): void {
    this.steps.push(step)
    this.#onStep(step)
  }
}

/** What the operator can do about it. @throws what is a defect of ours */
function faultOf(error: unknown): CheckFault {
  // What backends tell clients hides the failure.
  const failure = error instanceof AppError && error.cause !== undefined ? error.cause : error
  if (failure instanceof DirectoryFailure) {
    const { message, keys, kind } = failure
    return { message, keys: keys.length === 0 && kind === 'connection' ? ['urls'] : keys }
  }
  if (error instanceof AppError) return { message: error.message, keys: [] }
  throw error
}
